"""Follow a process and its tree during one measurement."""

from __future__ import annotations

import _thread
import math
import operator
import time

from multimeter.probes.peak_bounds import PeakBounds
from multimeter.probes.tree import TreeAccount
from multimeter.probes.usage import NOTHING, Counters, Memory, Usage

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import TypeVar

    from multimeter.probes.usage import ProcessSource

    _T = TypeVar("_T")

__all__ = ["Budget", "ProcessRun", "Reading"]

_UNKNOWN = Memory(None)


class Reading:
    """The state of a subject in one sample.

    Attributes:
        growth: The growth of its counters since the previous sample.
        cpu_time: CPU time since the measurement began, in s.
        rss: Resident memory, in bytes.
        rss_peak: The peak resident memory of one process so far, in bytes.
        threads: How many threads there are.
        processes: How many processes there are.
        open_files: How many files are open, or None.
        uss: Unshared memory, in bytes; None if it was not read.
        pss: Unshared memory and a fair share of shared memory, in bytes; None if unknown.
    """

    __slots__ = (
        "cpu_time",
        "growth",
        "open_files",
        "processes",
        "pss",
        "rss",
        "rss_peak",
        "threads",
        "uss",
    )

    def __init__(
        self,
        growth: Counters,
        cpu_time: float,
        rss: int,
        rss_peak: int,
        counts: tuple[int, int],
        open_files: int | None,
        memory: Memory,
    ) -> None:
        self.growth = growth
        self.cpu_time = cpu_time
        self.rss = rss
        self.rss_peak = rss_peak
        self.threads, self.processes = counts
        self.open_files = open_files
        self.uss, self.pss = memory.uss, memory.pss


class ProcessRun:
    """Follows a process and its descendants from now on.

    Args:
        source: The source of process data.
        budget: Bounds the time for reading shared memory.
        since_start: Whether to count from the start of the processes, not from now.

    Attributes:
        lock: Callers must hold it for all methods.
        seen: The processes of the last snapshot.
        root: The last usage of the root.
        peak: The peak resident memory of one process so far, in bytes.
        bounds: What all processes together held at most.
        pss_peak: The largest sum of PSS that was read, in bytes; None if none was.
        processes_peak: The most processes that one snapshot had.
        threads_peak: The most threads that one snapshot had.
        source: The source of process data.

    Raises:
        LookupError: The root does not exist.
    """

    def __init__(
        self, source: ProcessSource, budget: Budget, *, since_start: bool = False
    ) -> None:
        started = -math.inf if since_start else source.now()
        self.seen = source.snapshot()
        if source.root not in self.seen:
            raise LookupError(source.root)
        self.lock = _thread.allocate_lock()
        self.root = self.seen[source.root]
        self.peak = _peak(self.seen.values())
        self.bounds = PeakBounds()
        self._peak_before = 0 if since_start else self.peak
        self.pss_peak: int | None = None
        self.processes_peak = self.threads_peak = 1
        self.source = source
        self._budget = budget
        self._memory_at_peak: Mapping[int, Memory | None] = {}
        self._started = started
        self._first: Mapping[int, Usage] = {} if since_start else self.seen
        self._sampled = self._first
        self._account = TreeAccount(self._first, started, source.merged)
        self._tree_sampled: Counters = NOTHING
        self._memory: Mapping[int, Memory | None] = {}
        self.bounds.update(self.seen, unseen=0)

    @property
    def served(self) -> frozenset[str]:
        """Which counters and fields of a usage are available."""
        return self.source.served

    @property
    def peak_in_run(self) -> int:
        """The peak of one process, in bytes; 0 if it was reached before the measurement."""
        return self.peak if self.peak > self._peak_before else 0

    @property
    def totals(self) -> Counters:
        """What all processes have used since the measurement began."""
        return self._account.totals

    @property
    def lost(self) -> Mapping[int, Usage]:
        """The last seen usage of processes that no process of the tree has reaped."""
        return self._account.lost

    def look(self) -> None:
        """Read all processes again."""
        self.glance()
        self._memory = self._budget.spend(self._shared) or self._memory_at_peak

    def glance(self) -> None:
        """Read all processes again; their shared memory at a new maximum only."""
        unseen = self._account.unseen
        self._look_once()
        if self._account.pending:
            # Some ended after their parents were read: now these have reaped them.
            self._look_once(again=self._account.pending)
        self.root = self._root_now()
        self.peak = max(self.peak, _peak(self.seen.values()))
        self._memory_at_peak = {}
        is_peak = self.bounds.update(self.seen, unseen=self._account.unseen - unseen)
        self.processes_peak = max(self.processes_peak, self.bounds.processes)
        threads = sum(each.threads for each in self.seen.values() if not each.ended)
        self.threads_peak = max(self.threads_peak, threads)
        if is_peak and self.bounds.processes > 1:
            self._memory_at_peak = self._budget.spend(self._shared, always=True) or {}

    def _look_once(self, again: Collection[int] = ()) -> None:
        self.seen = self.source.snapshot(self.seen, again)
        self._account.update(self.seen)

    def _root_now(self) -> Usage:
        before, now = self.root, self.seen.get(self.source.root)
        if now is None or now.started != before.started:
            return before.replaced(rss=0, threads=0, open_files=None, ended=True)
        if now.rss_peak < before.rss_peak:
            # The kernel resets the peak when a process ends or executes a program.
            now = now.replaced(rss_peak=before.rss_peak)
        return now

    def raise_peak(self, rss_peak: int) -> None:
        """Record the peak that the kernel reported when the root was reaped.

        Args:
            rss_peak: The peak of the root and of the children it reaped, in bytes.
        """
        self.peak = max(self.peak, rss_peak)
        if self.root.reaped == NOTHING:
            peak = max(self.root.rss_peak, rss_peak)
            self.root = self.root.replaced(rss_peak=peak)

    def end_sample(self) -> None:
        """Use the current counters as the start of the next readings."""
        self._sampled = {**self.seen, self.source.root: self.root}
        self._tree_sampled = self._account.totals

    def read(self, pid: int) -> Reading:
        """Return the reading of one process: the root, or one of ``seen``."""
        usage = self.root if pid == self.source.root else self.seen[pid]
        is_running = not usage.ended
        return Reading(
            _grown(usage.own, self._before(self._sampled, pid, usage)),
            sum(_grown(usage.own, self._before(self._first, pid, usage))[:2]),
            usage.rss,
            # The kernel counts pages in batches, so the peak may lag behind.
            max(usage.rss, usage.rss_peak),
            (usage.threads if is_running else 0, int(is_running)),
            usage.open_files,
            self._memory.get(pid) or _UNKNOWN,
        )

    def read_tree(self) -> Reading:
        """Return the reading of all processes together."""
        living = {pid: usage for pid, usage in self.seen.items() if not usage.ended}
        return Reading(
            _grown(self._account.totals, self._tree_sampled),
            sum(self._account.totals[:2]),
            sum(each.rss for each in living.values()),
            self.peak,
            (sum(each.threads for each in living.values()), len(living)),
            _sum([each.open_files for each in living.values()]),
            _added([self._memory.get(pid) for pid in living]),
        )

    def _shared(self) -> dict[int, Memory | None]:
        living = [pid for pid, usage in self.seen.items() if not usage.ended]
        memory = {pid: self.source.memory(pid) for pid in living}
        pss = _added(list(memory.values())).pss
        if pss is not None:
            self.pss_peak = max(self.pss_peak or 0, pss)
        return memory

    def _before(self, seen: Mapping[int, Usage], pid: int, usage: Usage) -> Counters:
        """Return the counters of a process in a snapshot; zero before its start."""
        if pid in seen and seen[pid].started == usage.started:
            return seen[pid].own
        return usage.own if usage.started < self._started else NOTHING


def _peak(usages: Iterable[Usage]) -> int:
    peaks = (max(each.rss, each.rss_peak, each.reaped_peak) for each in usages)
    return max(peaks, default=0)


def _grown(now: Counters, before: Counters) -> Counters:
    return tuple(map(max, map(operator.sub, now, before), NOTHING))


def _added(memories: list[Memory | None]) -> Memory:
    """Return the sums; None if a summand is unknown."""
    parts = [each or _UNKNOWN for each in memories]
    return Memory(_sum([each.uss for each in parts]), _sum([each.pss for each in parts]))


def _sum(values: list[int | None]) -> int | None:
    numbers = [each for each in values if each is not None]
    return sum(numbers) if numbers and len(numbers) == len(values) else None


class Budget:
    """Runs work so rarely that its CPU time is at most a share of the time.

    Args:
        share: The share, between 0 and 1.
        clock: A monotonic clock, in s.
        cpu_clock: The CPU time of the calling thread, in s: on a busy machine, work lasts
            much longer than it costs.
    """

    def __init__(
        self,
        share: float = 0.01,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._share = share
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._next = -math.inf

    def spend(self, work: Callable[[], _T], *, always: bool = False) -> _T | None:
        """Do the work and return its result; None if the budget is used up for now.

        Args:
            work: The work.
            always: Whether to do it in any case; its cost counts as well.
        """
        begin, spent = self._clock(), self._cpu_clock()
        if begin < self._next and not always:
            return None
        try:
            return work()
        finally:
            cost = self._cpu_clock() - spent
            self._next = max(self._next, begin) + cost / self._share
