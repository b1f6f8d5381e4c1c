"""A probe for a process, and for the tree of all that descend from it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from multimeter.errors import ConfigurationError, ProbeError, UnsupportedError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe, not_started
from multimeter.probes.budget import Budget
from multimeter.probes.process_metrics import MEMORY_RSS_PEAK, SubjectMeasures
from multimeter.probes.process_run import ProcessRun
from multimeter.probes.usage import ProcessSource
from multimeter.subject import SUBJECT_PROCESS, Subject
from multimeter.system.deprecation import renamed

if TYPE_CHECKING:
    import resource

__all__ = ["ProcessProbe", "process_source"]

# Kernels count pages in batches: marks of the same memory differ a little.
_MORE = 1.02
_NO_PID = 1 << 31


def process_source(pid: int) -> ProcessSource:
    """Return the best way to look at processes that this system has."""
    if sys.platform == "linux" and os.path.exists("/proc/self/stat"):
        from multimeter.probes.linux_processes import LinuxProcesses

        return LinuxProcesses(pid)
    from multimeter.probes.portable_processes import PortableProcesses

    return PortableProcesses(pid)


class ProcessProbe(Probe):
    """Samples a process, and the tree of all processes that descend from it.

    Children that come and go between two samples count with what their parents take
    over from them; those whose parent has ended are followed as long as they live.

    Linux tells the most (proc(5)); elsewhere psutil tells what it can. What another
    user's process does not show has no value.

    Args:
        pid: The process; by default the one that measures.
        name: The key of its subject. The tree has the key ``tree``, or
            ``<name>:tree`` where the name is another.
        separate_children: How many of the descendants have a subject of their own,
            ``child:<program>-<pid>``: the first ones that are seen, by the names that
            they have then.
        since_start: Whether counters start with the process, not with the measurement:
            for a process that has just been started.
        clock: Returns seconds that never go back; limits what expensive readings cost.
        source: How to look at processes.
        apart: Deprecated: the former name of ``separate_children``.
        whole: Deprecated: the former name of ``since_start``.

    Raises:
        ConfigurationError: The pid is not a positive number.
        ProbeError: There is no such process.
        UnsupportedError: The system does not let us look at it.
    """

    def __init__(
        self,
        pid: int | None = None,
        *,
        name: str = SUBJECT_PROCESS.key,
        separate_children: int = 0,
        since_start: bool = False,
        clock: Callable[[], float] = time.monotonic,
        source: Callable[[int], ProcessSource] = process_source,
        apart: int | None = None,
        whole: bool | None = None,
    ) -> None:
        if pid is not None and (not isinstance(pid, int) or pid <= 0):
            raise ConfigurationError(f"A process id is a positive number, not {pid!r}.")
        self._pid = pid
        self._name = name
        self._separate_children = renamed(
            "apart", apart, "separate_children", separate_children
        )
        self._since_start = renamed("whole", whole, "since_start", since_start)
        self._clock = clock
        self._make_source = source
        self._run: ProcessRun | None = None
        self._peak_limit: int | None = None
        looked = source(self.pid)
        if self.pid >= _NO_PID or not looked.snapshot():
            raise _refused(self.pid)
        self._served = looked.served
        self._prefix = "" if name == SUBJECT_PROCESS.key else f"{name}:"
        self._process = SubjectMeasures(
            Subject(name, SUBJECT_PROCESS.description, "process"), self._served
        )
        about = "The process and all that descend from it, together."
        self._tree = SubjectMeasures(
            Subject(f"{self._prefix}tree", about, "tree"), self._served | {"processes"}
        )
        self._children: dict[tuple[int, float], SubjectMeasures] = {}

    @property
    def pid(self) -> int:
        """The id of the process."""
        return os.getpid() if self._pid is None else self._pid

    @property
    def alive(self) -> bool:
        """Whether the process was there when it was last looked at."""
        return self._run is None or not self._run.root.ended

    @property
    def peak_limit(self) -> int | None:
        """The most memory that the process can have held, in bytes; None where unknown.

        Known after :meth:`reap` of one that held no more than this process, so that the
        kernel does not tell how much it was. What was last seen of it is a lower limit.
        """
        return self._peak_limit

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the system tells of a process, and how many the tree has."""
        return tuple(each.metric for each in self._tree.measures)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The process, its tree, and its descendants that are measured separately."""
        return tuple(each.subject for each in self._parts())

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The metrics on the subjects; separate children appear when they are seen."""
        return tuple(measure for each in self._parts() for measure in each.measures)

    def _parts(self) -> tuple[SubjectMeasures, ...]:
        return (self._process, self._tree, *tuple(self._children.values()))

    def for_process(self, pid: int) -> ProcessProbe:
        """Return the probe that looks at a process from another one."""
        if self._pid is not None:
            return self
        return ProcessProbe(
            pid,
            name=self._name,
            separate_children=self._separate_children,
            since_start=self._since_start,
            clock=self._clock,
            source=self._make_source,
        )

    def start(self) -> None:
        """Remember the counters, from which everything is counted.

        Raises:
            ProbeError: The process is gone by now.
        """
        self._children = {}
        try:
            self._run = ProcessRun(
                self._make_source(self.pid),
                Budget(clock=self._clock),
                since_start=self._since_start,
            )
        except LookupError:
            raise _refused(self.pid) from None

    def baseline(self) -> Mapping[str, Any]:
        """Return the peaks that were reached before the measurement began."""
        run = self._started()
        if self._since_start:
            return {}
        peaks = ((self._process, run.root.rss_peak), (self._tree, run.peak))
        return {Measure(s.subject, MEMORY_RSS_PEAK).key: p for s, p in peaks if p}

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the values of all subjects that are there.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        run = self._started()
        with run.lock:
            run.look()
            self._process.put(values, run.read(self.pid), time_elapsed)
            self._tree.put(values, run.read_tree(), time_elapsed)
            if self._separate_children:
                for pid, child in self._children_of(run):
                    child.put(values, run.read(pid), time_elapsed)
            run.end_sample()

    def _children_of(self, run: ProcessRun) -> list[tuple[int, SubjectMeasures]]:
        """Return those descendants that are there and stand apart."""
        found = []
        for pid, usage in run.seen.items():
            if pid == self.pid:
                continue
            identity = pid, usage.started
            if (
                identity not in self._children
                and len(self._children) < self._separate_children
            ):
                key = f"{self._prefix}child:{usage.name}-{pid}"
                subject = Subject(key, f"Process {pid}, '{usage.name}'.", "process")
                self._children[identity] = SubjectMeasures(subject, self._served)
            if identity in self._children:
                found.append((pid, self._children[identity]))
        return found

    def glance(self) -> None:
        """Look between two samples, so that they miss less of what is short.

        A process takes its marks along when it ends, and one that nobody has seen leaves
        its CPU time only. Costs less than a sample, and may be called in any thread.

        Raises:
            StateError: The probe was not started.
        """
        run = self._started()
        with run.lock:
            run.glance()

    def reap(self) -> tuple[int, resource.struct_rusage]:
        """Wait for the end of the process, which must be a child of this one.

        Before it is gone for good, its counters are read one last time; so the last
        sample misses nothing, however short the process was.

        Returns:
            Its status and what it used, as os.wait4 gives them.

        Raises:
            StateError: The probe was not started.
            ChildProcessError: It is not a child, or has been waited for.
        """
        run = self._started()
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with run.lock:
            run.look()
            _, status, usage = os.wait4(self.pid, 0)
            # The memory of who started a process counts as its own, until it executes
            # its program: about what we have held, or less, says nothing.
            peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            own_peak = _own_peak()
            if peak > own_peak * _MORE:
                run.raise_peak(peak)
            else:
                self._peak_limit = max(peak, own_peak)
        return status, usage

    def _started(self) -> ProcessRun:
        if self._run is None:
            raise not_started()
        return self._run


def _own_peak() -> int:
    """Return the most resident memory that this process has held, in bytes."""
    own = process_source(os.getpid()).snapshot().get(os.getpid())
    return own.rss_peak if own else 0


def _refused(pid: int) -> ProbeError:
    """Return the error for a process that cannot be looked at."""
    import psutil

    if sys.platform == "linux" and not os.path.exists("/proc/self/stat"):
        return UnsupportedError(
            "This system does not show its processes: /proc is empty.",
            cause="It is not mounted, as in a chroot.",
            next_step="mount -t proc proc /proc",
        )
    if pid < _NO_PID and psutil.pid_exists(pid):
        return UnsupportedError(
            f"The system does not let us look at process {pid}.",
            cause="It belongs to another user.",
            next_step="Measure as its user, or as root.",
        )
    return ProbeError(
        f"There is no process {pid}.",
        cause="It has ended, or lives in another container.",
        next_step="Give the id of a running process.",
    )
