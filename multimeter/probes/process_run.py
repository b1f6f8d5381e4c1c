"""What a process and its tree do during one measurement."""

from __future__ import annotations

import dataclasses
import math
import operator
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from multimeter.probes.budget import Budget
from multimeter.probes.tree import TreeAccount
from multimeter.probes.usage import NOTHING, Counters, Memory, ProcessSource, Usage

__all__ = ["ProcessRun", "Reading"]


_UNKNOWN = Memory(None)


@dataclass(frozen=True)
class Reading:
    """What is known of a subject when it is sampled.

    Attributes:
        growth: What it used since the sample before.
        cpu_time: CPU seconds since the measurement began.
        rss: Resident memory, in bytes.
        rss_peak: The most that one process held so far, in bytes.
        threads: How many threads there are.
        processes: How many processes there are.
        open_files: How many files are open, or None.
        uss: Memory that is not shared, in bytes; None when that was not asked.
        pss: The same, and an equal part of what is; None where unknown.
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
        source: How to look at them.
        budget: How much time may go into asking for shared memory.
        since_start: Whether counters start with the processes, not now.

    Attributes:
        lock: To be held by whoever looks or reads.
        seen: What there was when last looked at; without those that are gone.
        root: The root when it was last seen.
        peak: The most resident memory that one process held so far, in bytes.

    Raises:
        LookupError: The root is not there.
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
        """Look at all of them again."""
        self.glance()
        living = [pid for pid, usage in self.seen.items() if not usage.ended]
        self._memory = self._budget.spend(lambda: self._shared(living)) or {}

    def glance(self) -> None:
        """Look at all of them again, but not at the memory that they share."""
        self._look_once()
        if self._account.is_pending:
            # They ended after their parents were looked at: now these know of them.
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
            # Who has ended has no mark any more, and who executes a program a new one.
            now = dataclasses.replace(now, rss_peak=before.rss_peak)
        return now

    def raise_peak(self, rss_peak: int) -> None:
        """Take note of a peak that the kernel told when the root was waited for.

        Args:
            rss_peak: In bytes, of the root and of those that it has waited for.
        """
        self.peak = max(self.peak, rss_peak)
        if self.root.reaped == NOTHING:
            peak = max(self.root.rss_peak, rss_peak)
            self.root = dataclasses.replace(self.root, rss_peak=peak)

    def end_sample(self) -> None:
        """Let the next readings begin here."""
        self._sampled = {**self.seen, self._source.root: self.root}
        self._tree_sampled = self._account.totals

    def read(self, pid: int) -> Reading:
        """Return the reading of one process: the root, or another that is there."""
        usage = self.root if pid == self._source.root else self.seen[pid]
        here = not usage.ended
        memory = self._memory.get(pid) or _UNKNOWN
        return Reading(
            _grown(usage.own, self._before(self._sampled, pid, usage)),
            sum(_grown(usage.own, self._before(self._first, pid, usage))[:2]),
            usage.rss,
            # The kernel counts pages in batches, so that the mark may lag behind.
            max(usage.rss, usage.rss_peak),
            usage.threads if here else 0,
            int(here),
            usage.open_files,
            memory.uss,
            memory.pss,
        )

    def read_tree(self) -> Reading:
        """Return the reading of all of them together."""
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
        """Return the counters of a process at another time; zero before its start."""
        if pid in seen and seen[pid].started == usage.started:
            return seen[pid].own
        return usage.own if usage.started < self._started else NOTHING


def _peak(usages: Iterable[Usage]) -> int:
    marks = (max(each.rss, each.rss_peak, each.reaped_peak) for each in usages)
    return max(marks, default=0)


def _grown(now: Counters, before: Counters) -> Counters:
    return tuple(map(max, map(operator.sub, now, before), NOTHING))


def _added(memories: list[Memory | None]) -> Memory:
    """Add up, where all are known."""
    known = [each or _UNKNOWN for each in memories]
    return Memory(_sum([each.uss for each in known]), _sum([each.pss for each in known]))


def _sum(values: list[int | None]) -> int | None:
    known = [each for each in values if each is not None]
    return sum(known) if known and len(known) == len(values) else None
