"""A probe for the threads of a process, by their names."""

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
"""The name of a thread, and the CPU seconds that it has used."""


def thread_times(pid: int) -> dict[int, ThreadTime]:
    """Return names and CPU seconds of all threads of a process, by their ids.

    Threads of this process that Python knows have the names that Python gave them;
    others those that they have in the system.
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
    found = {}
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
            found[thread] = name, seconds
    return found


def _python_names() -> dict[int, str]:
    return {each.native_id: each.name for each in threading.enumerate() if each.native_id}


def _own_seconds(thread: int) -> float | None:
    """Return the CPU seconds of a thread of this process; None when it has ended.

    The clock is the one that pthread_getcpuclockid(3) names, which must not be asked
    for a thread that may have ended; the kernel then says that there is none.
    """
    try:
        return time.clock_gettime((~thread << 3) | 6)
    except OSError:
        return None


def _seconds(folder: str) -> float | None:
    """Return the CPU seconds of a thread of any process."""
    data = procfs.read_bytes(folder + "/schedstat")
    if data and not data.startswith(b"0 "):
        return int(data.split(None, 1)[0]) / 1e9
    # Without scheduler statistics in the kernel, there are ticks.
    data = procfs.read_bytes(folder + "/stat")
    if not data:
        return None
    stat = procfs.parse_stat(data)
    return (stat.user + stat.system) / float(os.sysconf("SC_CLK_TCK"))


def _name(folder: str) -> str | None:
    data = procfs.read_bytes(folder + "/comm")
    return data.decode("utf-8", "replace").rstrip("\n") if data else None


class ThreadProbe(Probe):
    """Samples the CPU time of each named thread; threads of one name count together.

    What a thread uses between the last sample and its end is lost. Linux tells of the
    threads of any process, Windows of its own ones, macOS of none.

    Args:
        *names: Which threads have a subject, ``thread:<name>``: names, or patterns such
            as ``worker-*``. All others together are ``thread:others``. By default each
            name that is seen has one.
        pid: The process; by default the one that measures.
        limit: How many names have a subject by default.
        times: Tells the names and times of all threads of a process.

    Raises:
        UnsupportedError: The system does not tell.
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
        # From outside, threads have other names, which are found when it is sampled.
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
        """The names; more of them while new threads are seen."""
        return tuple(each.subject for each in self._measures.values())

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The CPU time on the names."""
        return tuple(self._measures.values())

    def for_process(self, pid: int) -> ThreadProbe:
        """Return the probe that looks at the threads of a process from another one.

        They then have the names that they have in the system: before Python 3.14, those
        are not the names that Python gave them.
        """
        if self._pid is not None:
            return self
        return ThreadProbe(*self._names, pid=pid, limit=self._limit, times=self._times)

    def start(self) -> None:
        """Remember the times, from which the first rates are counted."""
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
        """Return the name of the subject to which a thread belongs."""
        for pattern in self._names:
            if fnmatch.fnmatchcase(name, pattern):
                return pattern
        is_known = name in self._measures or len(self._measures) < self._limit
        return name if is_known and not self._names else _OTHERS

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
        "This system does not tell the CPU time of threads by their ids.",
        cause="Only Linux does, and Windows for the process itself.",
        next_step="Use ProcessProbe, which tells their number and the sum.",
    )
