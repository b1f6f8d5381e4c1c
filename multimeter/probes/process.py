"""A probe for a process and the tree of its descendants."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from multimeter.errors import ConfigurationError, ProbeError, UnsupportedError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe, not_started
from multimeter.probes.process_metrics import MEMORY_RSS_PEAK, SubjectMeasures
from multimeter.probes.process_run import Budget, ProcessRun
from multimeter.probes.usage import Memory, Usage
from multimeter.subject import SUBJECT_PROCESS, Subject
from multimeter.system.deprecation import renamed

if TYPE_CHECKING:
    import resource

    from multimeter.probes.process_run import Reading
    from multimeter.probes.usage import ProcessSource

__all__ = ["ProcessProbe", "process_source"]

TREE_DESCRIPTION = "The process and all that descend from it, together."

# Kernels count pages in batches, so peaks of the same memory differ a little.
_PEAK_TOLERANCE = 1.02
_NO_PID = 1 << 31


def process_source(pid: int) -> ProcessSource:
    """Return the best source of process data on this system."""
    if sys.platform == "linux" and os.path.exists("/proc/self/stat"):
        from multimeter.probes.linux_processes import LinuxProcesses

        return LinuxProcesses(pid)
    from multimeter.probes.portable import PortableProcesses

    return PortableProcesses(pid)


class ProcessProbe(Probe):
    """Samples a process, and the tree of its descendants.

    Children that live between two samples are counted through the parents that reap
    them; children whose parent has ended are followed as long as they run.

    Linux has the most values (proc(5)); other systems have those of psutil. Values that
    a process of another user hides are left out.

    Args:
        pid: The process; by default the current one.
        name: The key of its subject. The key of the tree is ``tree``, or
            ``<name>:tree`` if the name is not the default.
        separate_children: How many of the descendants have a subject of their own,
            ``child:<program>-<pid>``: the first ones that are seen, with the names that
            they have at that time.
        since_start: Whether to count from the start of the process, not of the
            measurement: for a process that has just been started.
        clock: A monotonic clock, in s; bounds the cost of expensive readings.
        source: Creates the source of process data.
        apart: Deprecated: the former name of ``separate_children``.
        whole: Deprecated: the former name of ``since_start``.

    Raises:
        ConfigurationError: The pid is not a positive number.
        ProbeError: There is no such process.
        UnsupportedError: The system does not permit reading it.
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
        self._run_before: ProcessRun | None = None
        self._peak_limit: int | None = None
        reader = source(self.pid)
        if self.pid >= _NO_PID or not reader.snapshot():
            raise _refused(self.pid)
        self._served = reader.served
        self._prefix = "" if name == SUBJECT_PROCESS.key else f"{name}:"
        self._process = SubjectMeasures(
            Subject(name, SUBJECT_PROCESS.description, "process"), self._served
        )
        self._tree = SubjectMeasures(
            Subject(f"{self._prefix}tree", TREE_DESCRIPTION, "tree"),
            self._served | {"processes"},
        )
        self._children: dict[tuple[int, float], SubjectMeasures] = {}

    @classmethod
    def of_run(cls, run: ProcessRun) -> ProcessProbe:
        """Return a probe that goes on with what follows a process already.

        It counts as from the start of that, not of the measurement.
        """
        root = run.source.root
        probe = cls(root, since_start=True, source=lambda _: _Followed(run))
        probe._run_before = run
        return probe

    def values_of(self, process: Reading, tree: Reading, seconds: float) -> dict[str, Any]:
        """Return the values of readings of the process and its tree.

        Args:
            process: The reading of the process.
            tree: The reading of the tree.
            seconds: Seconds since the readings before.
        """
        values: dict[str, Any] = {}
        self._process.put(values, process, seconds)
        self._tree.put(values, tree, seconds)
        return values

    @property
    def pid(self) -> int:
        """The id of the process."""
        return os.getpid() if self._pid is None else self._pid

    @property
    def run(self) -> ProcessRun | None:
        """What follows the process; None before the start."""
        return self._run

    @property
    def alive(self) -> bool:
        """Whether the process was running when it was last read."""
        return self._run is None or not self._run.root.ended

    @property
    def peak_limit(self) -> int | None:
        """An upper bound of the peak memory of the process, in bytes; None if unknown.

        Set after :meth:`reap` if the peak was not above that of this process: the kernel
        does not report it then. The last sampled value is a lower bound.
        """
        return self._peak_limit

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of a process on this system, and the size of the tree."""
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
        """Return a probe that measures a process from another one."""
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
        """Read the initial counters.

        Raises:
            ProbeError: The process has ended.
        """
        self._children = {}
        self._run, self._run_before = self._run_before, None
        if self._run is not None:
            return
        try:
            self._run = ProcessRun(
                self._make_source(self.pid),
                Budget(clock=self._clock),
                since_start=self._since_start,
            )
        except LookupError:
            raise _refused(self.pid) from None

    def baseline(self) -> Mapping[str, Any]:
        """Return the peaks from before the measurement."""
        run = self._started()
        if self._since_start:
            return {}
        peaks = ((self._process, run.root.rss_peak), (self._tree, run.peak))
        return {Measure(s.subject, MEMORY_RSS_PEAK).key: p for s, p in peaks if p}

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the values of all subjects that exist.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        run = self._started()
        with run.lock:
            run.look()
            process, tree = run.read(self.pid), run.read_tree()
            values.update(self.values_of(process, tree, time_elapsed))
            if self._separate_children:
                for pid, child in self._children_of(run):
                    child.put(values, run.read(pid), time_elapsed)
            run.end_sample()

    def _children_of(self, run: ProcessRun) -> list[tuple[int, SubjectMeasures]]:
        """Return the running descendants that have a subject of their own."""
        children = []
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
                children.append((pid, self._children[identity]))
        return children

    def glance(self) -> None:
        """Read the processes between two samples, to miss less of short ones.

        The peak of a process is lost when it ends, and a process that was never read
        leaves only its CPU time. Costs less than a sample; may be called from any thread.

        Raises:
            StateError: The probe was not started.
        """
        run = self._started()
        with run.lock:
            run.glance()

    def reap(self) -> tuple[int, resource.struct_rusage]:
        """Wait for the end of the process, which must be a child of this one.

        Its counters are read one last time before it is reaped, so that the last sample
        is complete, however short the process was.

        Returns:
            Its status and resource usage, as from os.wait4.

        Raises:
            StateError: The probe was not started.
            ChildProcessError: It is not a child, or was reaped already.
        """
        run = self._started()
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with run.lock:
            run.look()
            _, status, usage = os.wait4(self.pid, 0)
            # Until a child executes its program, our memory counts as its own: a peak
            # that is not above ours is meaningless.
            peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            own_peak = _own_peak()
            if peak > own_peak * _PEAK_TOLERANCE:
                run.raise_peak(peak)
            else:
                self._peak_limit = max(peak, own_peak)
        return status, usage

    def _started(self) -> ProcessRun:
        if self._run is None:
            raise not_started()
        return self._run


class _Followed:
    """The source of what is followed already: the root as it was seen last."""

    merged: frozenset[str] = frozenset()

    def __init__(self, run: ProcessRun) -> None:
        self.root = run.source.root
        self.served = run.served
        self._run = run

    def now(self) -> float:
        return self._run.source.now()

    def snapshot(
        self,
        known: Mapping[int, Usage] | None = None,  # noqa: ARG002 - as a source
        again: Collection[int] = (),  # noqa: ARG002
    ) -> dict[int, Usage]:
        return {self.root: self._run.root}

    def memory(self, pid: int) -> Memory | None:
        return self._run.source.memory(pid)


def _own_peak() -> int:
    """Return the peak resident memory of this process, in bytes."""
    own = process_source(os.getpid()).snapshot().get(os.getpid())
    return own.rss_peak if own else 0


def _refused(pid: int) -> ProbeError:
    """Return the error for a process that cannot be read."""
    import psutil

    if sys.platform == "linux" and not os.path.exists("/proc/self/stat"):
        return UnsupportedError(
            "This system does not show its processes: /proc is empty.",
            cause="It is not mounted, as in a chroot.",
            next_step="mount -t proc proc /proc",
        )
    if pid < _NO_PID and psutil.pid_exists(pid):
        return UnsupportedError(
            f"The system does not permit reading process {pid}.",
            cause="It belongs to another user.",
            next_step="Measure as its user, or as root.",
        )
    return ProbeError(
        f"There is no process {pid}.",
        cause="It has ended, or runs in another container.",
        next_step="Use the id of a running process.",
    )
