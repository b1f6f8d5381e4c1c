"""Follow a process and its tree during one measurement."""

from __future__ import annotations

import dataclasses
import math
import operator
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from multimeter.probes.tree import TreeAccount
from multimeter.probes.usage import NOTHING, Counters, Memory, ProcessSource, Usage

__all__ = ["Budget", "ProcessRun", "Reading"]

_UNKNOWN = Memory(None)


@dataclass(frozen=True)
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

    growth: Counters
    cpu_time: float
    rss: int
    rss_peak: int
    threads: int
    processes: int
    open_files: int | None
    uss: int | None
    pss: int | None


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
        self.lock = threading.Lock()
        self.root = self.seen[source.root]
        self.peak = _peak(self.seen.values())
        self._source = source
        self._budget = budget
        self._started = started
        self._first: Mapping[int, Usage] = {} if since_start else self.seen
        self._sampled = self._first
        self._account = TreeAccount(self._first, started, source.merged)
        self._tree_sampled: Counters = NOTHING
        self._memory: Mapping[int, Memory | None] = {}

    def look(self) -> None:
        """Read all processes again."""
        self.glance()
        living = [pid for pid, usage in self.seen.items() if not usage.ended]
        self._memory = self._budget.spend(lambda: self._shared(living)) or {}

    def glance(self) -> None:
        """Read all processes again, without their shared memory."""
        self._look_once()
        if self._account.is_pending:
            # Some ended after their parents were read: now these have reaped them.
            self._look_once()
        self.root = self._root_now()
        self.peak = max(self.peak, _peak(self.seen.values()))

    def _look_once(self) -> None:
        self.seen = self._source.snapshot(self.seen)
        self._account.update(self.seen)

    def _root_now(self) -> Usage:
        before, now = self.root, self.seen.get(self._source.root)
        if now is None or now.started != before.started:
            return dataclasses.replace(
                before, rss=0, threads=0, open_files=None, ended=True
            )
        if now.rss_peak < before.rss_peak:
            # The kernel resets the peak when a process ends or executes a program.
            now = dataclasses.replace(now, rss_peak=before.rss_peak)
        return now

    def raise_peak(self, rss_peak: int) -> None:
        """Record the peak that the kernel reported when the root was reaped.

        Args:
            rss_peak: The peak of the root and of the children it reaped, in bytes.
        """
        self.peak = max(self.peak, rss_peak)
        if self.root.reaped == NOTHING:
            peak = max(self.root.rss_peak, rss_peak)
            self.root = dataclasses.replace(self.root, rss_peak=peak)

    def end_sample(self) -> None:
        """Use the current counters as the start of the next readings."""
        self._sampled = {**self.seen, self._source.root: self.root}
        self._tree_sampled = self._account.totals

    def read(self, pid: int) -> Reading:
        """Return the reading of one process: the root, or one of ``seen``."""
        usage = self.root if pid == self._source.root else self.seen[pid]
        is_running = not usage.ended
        memory = self._memory.get(pid) or _UNKNOWN
        return Reading(
            _grown(usage.own, self._before(self._sampled, pid, usage)),
            sum(_grown(usage.own, self._before(self._first, pid, usage))[:2]),
            usage.rss,
            # The kernel counts pages in batches, so the peak may lag behind.
            max(usage.rss, usage.rss_peak),
            usage.threads if is_running else 0,
            int(is_running),
            usage.open_files,
            memory.uss,
            memory.pss,
        )

    def read_tree(self) -> Reading:
        """Return the reading of all processes together."""
        living = {pid: usage for pid, usage in self.seen.items() if not usage.ended}
        memory = _added([self._memory.get(pid) for pid in living])
        files = [each.open_files for each in living.values()]
        return Reading(
            _grown(self._account.totals, self._tree_sampled),
            sum(self._account.totals[:2]),
            sum(each.rss for each in living.values()),
            self.peak,
            sum(each.threads for each in living.values()),
            len(living),
            _sum(files),
            memory.uss,
            memory.pss,
        )

    def _shared(self, pids: Iterable[int]) -> dict[int, Memory | None]:
        return {pid: self._source.memory(pid) for pid in pids}

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


_T = TypeVar("_T")


class Budget:
    """Runs work so rarely that it takes at most a share of the time.

    Args:
        share: The share, between 0 and 1.
        clock: A monotonic clock, in s.
    """

    def __init__(
        self, share: float = 0.01, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = share
        self._clock = clock
        self._next = float("-inf")

    def spend(self, work: Callable[[], _T]) -> _T | None:
        """Do the work and return its result; None if the budget is used up for now."""
        begin = self._clock()
        if begin < self._next:
            return None
        try:
            return work()
        finally:
            self._next = begin + (self._clock() - begin) / self._share
