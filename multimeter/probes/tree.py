"""Accounts for a tree of processes in which some come and go unseen.

A process that ends adds what it used to the counters of the parent that waits for it
(``cutime`` and ``cstime`` in proc_pid_stat(5), ``RUSAGE_CHILDREN`` in getrusage(2)).
So what all processes of a tree have used and reaped, together, misses nothing, but for
two gaps, which this module closes:

- A process that was seen before it was reaped would count twice: what it had used when
  it was last seen is taken off again.
- A process that nobody in the tree reaps (its parent has ended, or ignores SIGCHLD)
  would take all that it used away with it: what was last seen of it stays counted.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from multimeter.probes.usage import COUNTERS, NOTHING, Counters, Usage

__all__ = ["TreeAccount"]

_PLACES = {name: place for place, name in enumerate(COUNTERS)}

# What a parent's counters take over from a child for which it has waited. Every process
# has page faults, though it may end before its first tick of CPU time.
_EVIDENCE = tuple(_PLACES[each] for each in ("user", "system", "faults"))
_PASSED_ON = frozenset(("user", "system", "faults", "faults_with_io"))
_ROUNDING = 1e-6


class _Pending(NamedTuple):
    """Processes that had ended when last looked at, and were not found to be reaped.

    Attributes:
        usages: What was last seen of them.
        reaped: What their ancestor had reaped that nothing else has explained.
    """

    usages: tuple[Usage, ...] = ()
    reaped: Counters = NOTHING


class TreeAccount:
    """Adds up what a tree of processes uses from a moment on.

    Args:
        first: What there was at that moment, by process id.
        started: The moment, on the clock of ``Usage.started``. A process that appears
            later but is older counts from when it is first seen.
        merged: Which counters of ``own`` hold those of reaped children as well.

    Attributes:
        totals: What the tree has used since then.
    """

    def __init__(
        self,
        first: Mapping[int, Usage],
        started: float,
        merged: Iterable[str] = (),
    ) -> None:
        self.totals: Counters = NOTHING
        self._seen = dict(first)
        self._started = started
        self._taken = tuple(each in _PASSED_ON.union(merged) for each in COUNTERS)
        # It may dip for a while: a process is read in several steps, and what it reaps
        # in between stands in some of its counters only.
        self._sum: Counters = NOTHING
        self._pending: dict[int, _Pending] = {}

    @property
    def is_pending(self) -> bool:
        """Whether some have ended that may be found in what was reaped since then."""
        return bool(self._pending)

    def update(self, now: Mapping[int, Usage]) -> None:
        """Account for what was used since the time before.

        Args:
            now: All processes of the tree. Parents must have been looked at before
                their children: what a process reaped since then is found the next time.
        """
        ended = self._ended(now)
        pending: dict[int, _Pending] = {}
        for pid, usage in now.items():
            before = self._before(pid, usage)
            late = (
                self._pending.get(pid, _Pending()) if self._lived(pid, now) else _Pending()
            )
            found, left = _absorbed(usage, before, late, ended.get(pid, []))
            if left.usages:
                pending[pid] = left
            self._add(usage, before, found)
        self._pending = pending
        self._seen = dict(now)
        self.totals = tuple(map(max, self.totals, self._sum))

    def _add(self, usage: Usage, before: Usage, found: Sequence[Usage]) -> None:
        """Add what a process and those that it reaped used, without ``found``."""
        if not found and (usage.own, usage.reaped) == (before.own, before.reaped):
            return  # most processes of a large tree do nothing most of the time
        growth = _plus(
            map(max, _minus(usage.own, before.own), NOTHING),
            map(max, _minus(usage.reaped, before.reaped), NOTHING),
        )
        for each in found:
            growth = _minus(growth, self._passed_on(each))
        self._sum = _plus(self._sum, growth)

    def _passed_on(self, usage: Usage) -> Counters:
        used = _plus(usage.own, usage.reaped)
        return tuple(value if taken else 0.0 for value, taken in zip(used, self._taken))

    def _before(self, pid: int, usage: Usage) -> Usage:
        """Return the usage from which a process counts."""
        if self._lived(pid, {pid: usage}):
            return self._seen[pid]
        if usage.started < self._started:
            return usage
        return Usage(usage.parent, usage.started)

    def _ended(self, now: Mapping[int, Usage]) -> dict[int, list[Usage]]:
        """Return those that have ended, by the nearest ancestor that has not."""
        ended: dict[int, list[Usage]] = {}
        for pid, usage in self._seen.items():
            if not self._lived(pid, now):
                ancestor = self._ancestor(usage, now)
                if ancestor is not None:
                    # What it may have reaped itself came along with it.
                    found = [usage, *self._pending.get(pid, _Pending()).usages]
                    ended.setdefault(ancestor, []).extend(found)
        return ended

    def _lived(self, pid: int, now: Mapping[int, Usage]) -> bool:
        """Return whether a process is there now and was there before."""
        seen = self._seen.get(pid)
        return pid in now and seen is not None and now[pid].started == seen.started

    def _ancestor(self, usage: Usage, now: Mapping[int, Usage]) -> int | None:
        parent = usage.parent
        for _ in self._seen:
            if parent not in self._seen:
                return None
            if self._lived(parent, now):
                return parent
            parent = self._seen[parent].parent
        return None


def _absorbed(
    usage: Usage, before: Usage, late: _Pending, ended: Iterable[Usage]
) -> tuple[list[Usage], _Pending]:
    """Tell which ended processes are in what a process has reaped, and which may yet be.

    Args:
        usage: The process now.
        before: The process the time before.
        late: Those that had ended the time before, which are found now or never.
        ended: Those that have ended since, perhaps after the process was looked at.
    """
    reaped = _plus(_minus(usage.reaped, before.reaped), late.reaped)
    found, left = [], []
    for each, is_last_chance in [(e, True) for e in late.usages] + [
        (e, False) for e in ended
    ]:
        used = _plus(each.own, each.reaped)
        if all(used[place] <= reaped[place] + _ROUNDING for place in _EVIDENCE):
            reaped = _minus(reaped, used)
            found.append(each)
        elif not is_last_chance:
            left.append(each)
    return found, _Pending(tuple(left), reaped)


def _plus(a: Iterable[float], b: Iterable[float]) -> Counters:
    return tuple(map(operator.add, a, b))


def _minus(a: Iterable[float], b: Iterable[float]) -> Counters:
    return tuple(map(operator.sub, a, b))
