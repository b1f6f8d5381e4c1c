"""Record a command: start it, follow it with all that descends from it, and reap them.

This is all that a short run needs. It loads in some milliseconds; what stores a run, and
measures more than its processes, takes over a recording that goes on.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from multimeter.probes.process_run import Budget, ProcessRun
from multimeter.processes.child import CommandError
from multimeter.system.clocks import boottime_ns, time_of_run_ns

TYPE_CHECKING = False  # typing and signal take longer to import than this module
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence
    from typing import Any

    from multimeter.probes.process_run import Reading
    from multimeter.probes.usage import ProcessSource
    from multimeter.processes.child import Child
    from multimeter.processes.exit_records import ExitRecords
    from multimeter.processes.run_cgroup import RunCgroup
else:
    import _signal as signal

__all__ = ["LONGEST_CYCLE", "Recording", "Schedule", "start", "system_exit_records"]

LONGEST_CYCLE = 1.0
"""Seconds between two samples of a long run."""

_SHORTEST_CYCLE = 0.02
_CYCLE_SHARE = 0.02
_SHORTEST_GLANCE = 0.001
_GLANCE_SHARE = 0.05
_SYSTEM: str = sys.platform
# Orphans may end between the last looks.
_LAST_LOOKS = 5
# Seconds between two looks into the kernel's exit records.
_RECORDS_CYCLE = 0.25


class Schedule:
    """Samples often at the start of a run, and less often the longer it lasts.

    So a short run has some hundred points as well, and at most the last twentieth of a
    process's life is not observed.

    Args:
        sample: Takes a sample.
        glance: Reads the process without taking a sample.
        cycle_time: Seconds between two samples, which the sampler takes; None to take
            them here, in proportion to the age of the run, until the interval reaches
            :data:`LONGEST_CYCLE`.
        clock: A monotonic clock, in s.

    Attributes:
        sample: Takes a sample; may be replaced.
        late: How many samples came more than a tenth of the interval late.
        missed: How many should have been taken since the one before.
    """

    def __init__(
        self,
        sample: Callable[[], object],
        glance: Callable[[], object],
        cycle_time: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sample = sample
        self._glance = glance
        self._cycle_time = cycle_time
        self._clock = clock
        self._started = self._sampled = clock()
        self._is_first = True
        self._next = self._started
        self.late = self.missed = 0

    @property
    def age(self) -> float:
        """The duration of the run so far, in s."""
        return self._clock() - self._started

    def look(self) -> float:
        """Sample or glance at the process; return the time until the next call, in s."""
        now, age = self._clock(), self.age
        cycle = max(_SHORTEST_CYCLE, age * _CYCLE_SHARE)
        is_due = self._cycle_time is None and now - self._sampled >= cycle < LONGEST_CYCLE
        if self._is_first or is_due:
            if not self._is_first:
                self._count(now, cycle)
            self._is_first, self._sampled = False, now
            self.sample()
        else:
            self._glance()
        longest = min(self._cycle_time or cycle, LONGEST_CYCLE)
        pause = min(max(_SHORTEST_GLANCE, age * _GLANCE_SHARE), longest)
        # A reading takes time, too, which is not late.
        self._next = self._clock() + pause
        return pause

    def _count(self, now: float, cycle: float) -> None:
        """Count what is late or missing, by when this look should have been."""
        behind = now - self._next
        self.late += behind > cycle / 10
        self.missed += max(0, int(behind / cycle))

    def meta_data(self) -> dict[str, int]:
        """Return how many were late and missed, where any were."""
        counts = {"late_samples": self.late, "missed_samples": self.missed}
        return {key: count for key, count in counts.items() if count}


def start(command: Sequence[str], group: RunCgroup | None = None) -> Child:
    """Start a command.

    Args:
        command: The program, which is searched for in PATH, and its arguments.
        group: A control group in which it is started, on Linux.

    Raises:
        CommandError: It cannot be started.
    """
    if not command[0]:
        raise CommandError(command, OSError(errno.ENOENT, os.strerror(errno.ENOENT)))
    if hasattr(signal, "sigtimedwait") and hasattr(os, "waitid"):
        from multimeter.processes.posix_child import PosixChild

        return PosixChild(command, group)
    from multimeter.processes.portable_child import PortableChild

    return PortableChild(command)


class Recording:
    """A command that was started, and what is known of its processes.

    Args:
        command: The program and its arguments.

    Attributes:
        command: The program and its arguments.
        started_ns: The time of day at its start, in ns since the epoch.
        boottime_ns: The clock that counts suspends at its start, in ns.
        awake_ns: What that clock was ahead of the monotonic clock, in ns.
        child: The process of the command.
        run: What follows the processes; None if the system does not show them.
        readings: What was read so far of the process and its tree, with the ns since the
            epoch on the clock of the run.
        meta_data: What else is known of a command that has ended.

    Raises:
        CommandError: It cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self._records = system_exit_records()
        self._group = _cgroup()
        make_source = _source_maker()
        try:
            self.child = start(command, self._group)
        except BaseException:
            self._close()
            raise
        time_of_day, self.boottime_ns, monotonic = self.child.clocks
        self.awake_ns = self.boottime_ns - monotonic
        self.started_ns = time_of_day // 1000 * 1000
        self.run: ProcessRun | None = None
        self.readings: list[tuple[int, Reading, Reading]] = []
        self.meta_data: dict[str, Any] = {}
        self._figures: dict[str, dict[str, Any]] = {}
        self._collected = 0.0
        try:
            source = make_source(self.child)
            self.run = ProcessRun(source, Budget(), since_start=True)
        except Exception:  # noqa: BLE001 - the command must not be affected
            return

    def time_ns(self) -> int:
        """Return the time of the run, in ns since the epoch: a whole microsecond."""
        return time_of_run_ns(self.started_ns, self.boottime_ns, boottime_ns())

    def sample(self, time_ns: int | None = None) -> None:
        """Read the processes, and keep the reading.

        Args:
            time_ns: The moment, on the clock of the run; by default now.
        """
        if self.run is None:
            return
        with self.run.lock:
            self.run.look()
            time_ns = time_ns or self.time_ns()
            if self.readings:  # no two points have the same time
                time_ns = max(time_ns, self.readings[-1][0] + 1000)
            pid = self.child.pid
            self.readings.append((time_ns, self.run.read(pid), self.run.read_tree()))
            self.run.end_sample()

    def glance(self) -> None:
        """Read the processes, to miss less of short ones."""
        if self.run is None:
            return
        with self.run.lock:
            self.run.glance()
        now = time.monotonic()
        if now - self._collected >= _RECORDS_CYCLE:
            self._collected = now
            self._collect()

    def _collect(self) -> None:
        if self._records is not None and self.run is not None:
            seen = {*self.run.seen, *self.child.reaped.pids, self.child.pid}
            self._records.collect(seen)

    def finish(self, look: Callable[[], float], *, wait_all: bool = False) -> int:
        """Wait until the command has ended, and return its exit code.

        Args:
            look: Called repeatedly while waiting; returns in how many seconds to call it
                again.
            wait_all: Whether to wait for all that descend from it as well.
        """
        self.child.wait(look, self._saw_end)
        self._safely(self.glance)
        exit_code = self.child.reap()
        for _ in range(_LAST_LOOKS):
            self.child.reap_orphans(look, self._saw_end, wait=wait_all)
            self._safely(self.glance)
            if not self._has_orphans_to_reap():
                break
        self._safely(self._after_end)
        self._close()
        return exit_code

    def _has_orphans_to_reap(self) -> bool:
        """Return whether the last look saw an orphan that has ended meanwhile."""
        if self.run is None or not self.child.adopts:
            return False
        me = os.getpid()
        return any(each.ended and each.parent == me for each in self.run.seen.values())

    def _saw_end(self, pid: int) -> bool:
        usage = self.run.seen.get(pid) if self.run is not None else None
        return usage is not None and usage.ended

    @staticmethod
    def _safely(call: Callable[[], object]) -> None:
        """Call a function; what goes wrong must not affect the command."""
        try:
            call()
        except Exception:  # noqa: BLE001 - it has an exit code of its own
            return

    def _after_end(self) -> None:
        if self.run is None:
            return
        reaped = self.child.reaped
        with self.run.lock:
            if reaped.is_peak_known:
                self.run.raise_peak(reaped.peak)
        self._collect()
        self._figures = reaped.figures(self.run, self._records, self._group)
        if self._group is not None:
            self.meta_data = self._group.meta_data()

    def _close(self) -> None:
        if self._records is not None:
            self._records.close()
        if self._group is not None:
            self._group.close()

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return the figures that are known without samples, by their ids.

        They are in the form of :meth:`multimeter.data.estimate.Estimate.to_json`.
        """
        return {key: dict(each) for key, each in self._figures.items()}


def system_exit_records() -> ExitRecords | None:
    """Begin to receive the kernel's exit records; None where that is not possible."""
    if _SYSTEM != "linux" or os.geteuid():
        return None
    from multimeter.processes.exit_records import open_exit_records

    return open_exit_records()


def _cgroup() -> RunCgroup | None:
    if _SYSTEM != "linux":
        return None
    from multimeter.processes.run_cgroup import open_cgroup

    return open_cgroup()


def _source_maker() -> Callable[[Child], ProcessSource]:
    """Return what makes the source of process data: imported before the command starts."""
    if _SYSTEM == "linux":
        from multimeter.probes.linux_processes import LinuxProcesses

        return lambda child: LinuxProcesses(child.pid, adopts=child.adopts)
    from multimeter.probes.portable import PortableProcesses

    return lambda child: PortableProcesses(child.pid)
