"""A probe for the threads of a process, by name."""

from __future__ import annotations

import fnmatch
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from multimeter.errors import UnsupportedError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe, not_started
from multimeter.probes import procfs
from multimeter.subject import Subject

__all__ = ["ThreadProbe", "ThreadTime", "thread_times"]

_CPU = Metric("cpu_rate", "CPU time, in seconds a second: 1.0 is one core kept busy.")
_OTHERS = "others"
_SYSTEM: str = sys.platform

ThreadTime = tuple[str, float]
"""The name of a thread, and its CPU time in s."""


def thread_times(pid: int) -> dict[int, ThreadTime]:
    """Return names and CPU times (in s) of all threads of a process, by thread id.

    Python threads of this process have their Python names; other threads have their
    system names.
    """
    if _SYSTEM == "linux":
        return _linux_times(pid)
    import psutil

    names = _python_names()
    return {
        each.id: (names.get(each.id, "unnamed"), each.user_time + each.system_time)
        for each in psutil.Process(pid).threads()
    }


def _linux_times(pid: int, proc: str = "/proc") -> dict[int, ThreadTime]:
    names = _python_names() if pid == os.getpid() else {}
    folder = f"{proc}/{pid}/task"
    times = {}
    try:
        threads = os.listdir(folder)
    except OSError:
        return {}
    for each in threads:
        thread = int(each)
        seconds = _own_seconds(thread) if thread in names else None
        if seconds is None:
            seconds = _seconds(f"{folder}/{each}")
        name = names.get(thread) or _name(f"{folder}/{each}")
        if seconds is not None and name is not None:
            times[thread] = name, seconds
    return times


def _python_names() -> dict[int, str]:
    return {each.native_id: each.name for each in threading.enumerate() if each.native_id}


def _own_seconds(thread: int) -> float | None:
    """Return the CPU time of a thread of this process, in s; None if it has ended.

    Computes the clock id of pthread_getcpuclockid(3), which must not be called for a
    thread that may have ended; reading the clock fails safely then.
    """
    try:
        return time.clock_gettime((~thread << 3) | 6)
    except OSError:
        return None


def _seconds(folder: str) -> float | None:
    """Return the CPU time of a thread of any process, in s."""
    data = procfs.read_bytes(folder + "/schedstat")
    if data and not data.startswith(b"0 "):
        return int(data.split(None, 1)[0]) / 1e9
    # A kernel without scheduler statistics has ticks only.
    data = procfs.read_bytes(folder + "/stat")
    if not data:
        return None
    stat = procfs.parse_stat(data)
    return (stat.user + stat.system) / float(os.sysconf("SC_CLK_TCK"))


def _name(folder: str) -> str | None:
    data = procfs.read_bytes(folder + "/comm")
    return data.decode("utf-8", "replace").rstrip("\n") if data else None


class ThreadProbe(Probe):
    """Samples the CPU time of threads by name; threads with the same name are added up.

    The CPU time of a thread between the last sample and its end is lost. Linux supports
    the threads of any process, Windows those of the current process, macOS none.

    Args:
        *names: The threads that have a subject, ``thread:<name>``: names, or patterns
            such as ``worker-*``. All others together are ``thread:others``. By default
            each name that is seen has one.
        pid: The process; by default the current one.
        limit: How many names have a subject by default.
        times: Returns the names and CPU times of all threads of a process.

    Raises:
        UnsupportedError: The system does not report CPU times of threads.
    """

    def __init__(
        self,
        *names: str,
        pid: int | None = None,
        limit: int = 32,
        times: Callable[[int], Mapping[int, ThreadTime]] = thread_times,
    ) -> None:
        if times is thread_times:
            _check_support(pid)
        self._names = names
        self._pid = pid
        self._limit = limit
        self._times = times
        self._measures: dict[str, Measure] = {}
        self._before: Mapping[int, ThreadTime] | None = None
        # From outside, threads have other names: they are discovered while sampling.
        for name in names or (self._first_names() if pid is None else ()):
            self._measure(name)

    def _first_names(self) -> list[str]:
        times = self._times(os.getpid())
        return sorted({name for name, _ in times.values()})[: self._limit]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The CPU time."""
        return (_CPU,)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The names; new threads may add more."""
        return tuple(each.subject for each in self._measures.values())

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The CPU time of each name."""
        return tuple(self._measures.values())

    def for_process(self, pid: int) -> ThreadProbe:
        """Return a probe that measures the threads of a process from another one.

        Threads have their system names then: before Python 3.14, these differ from their
        Python names.
        """
        if self._pid is not None:
            return self
        return ThreadProbe(*self._names, pid=pid, limit=self._limit, times=self._times)

    def start(self) -> None:
        """Read the initial CPU times, for the first rates."""
        self._before = self._times(self._pid or os.getpid())

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the values; a name without a thread has zero.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        if self._before is None:
            raise not_started()
        now = self._times(self._pid or os.getpid())
        used = dict.fromkeys(self._measures, 0.0)
        for thread, (name, seconds) in now.items():
            _, before = self._before.get(thread, ("", 0.0))
            growth = seconds - before if seconds >= before else seconds  # the id is reused
            key = self._subject_name(name)
            used[key] = used.get(key, 0.0) + growth
        self._before = now
        for name, seconds in used.items():
            rate = seconds / time_elapsed if time_elapsed > 0 else 0.0
            values[self._measure(name).key] = rate

    def _subject_name(self, name: str) -> str:
        """Return the name of a thread's subject."""
        for pattern in self._names:
            if fnmatch.fnmatchcase(name, pattern):
                return pattern
        has_subject = name in self._measures or len(self._measures) < self._limit
        return name if has_subject and not self._names else _OTHERS

    def _measure(self, name: str) -> Measure:
        if name not in self._measures:
            about = f"The threads called '{name}'."
            if name == _OTHERS:
                about = "All other threads."
            subject = Subject(f"thread:{name}", about, "process")
            self._measures[name] = Measure(subject, _CPU)
        return self._measures[name]


def _check_support(pid: int | None) -> None:
    if _SYSTEM == "linux" or (_SYSTEM == "win32" and pid is None):
        return
    raise UnsupportedError(
        "This system does not report the CPU time of threads.",
        cause="Only Linux does, and Windows for the current process.",
        next_step="Use ProcessProbe, which measures their number and total.",
    )
