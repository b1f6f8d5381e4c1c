"""Add up the usage of a process tree, including processes that no snapshot has seen.

When a process ends, its usage is added to the counters of the parent that reaps it
(``cutime`` and ``cstime`` in proc_pid_stat(5), ``RUSAGE_CHILDREN`` in getrusage(2)).
So the sum of own and reaped usage over all processes of a tree is complete, except in two
cases, which this module handles:

- A process that was seen before it was reaped would count twice: its last seen usage is
  subtracted.
- The usage of a process that is not reaped within the tree (its parent has ended, or
  ignores SIGCHLD) would be lost: its last seen usage stays counted.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from multimeter.probes.usage import COUNTERS, NOTHING, Counters, Usage

__all__ = ["TreeAccount"]

_PLACES = {name: place for place, name in enumerate(COUNTERS)}

# Counters that show whether a parent has reaped a child. Every process has page faults,
# even if it ends before its first tick of CPU time.
_EVIDENCE = tuple(_PLACES[each] for each in ("user", "system", "faults"))
_PASSED_ON = frozenset(("user", "system", "faults", "faults_with_io"))
_ROUNDING = 1e-6


class _Pending(NamedTuple):
    """Processes that have ended, but whose parent was not seen to reap them yet.

    Attributes:
        usages: Their last seen usages.
        reaped: The growth of their ancestor's reaped usage that is not attributed yet.
    """

    usages: tuple[Usage, ...] = ()
    reaped: Counters = NOTHING


class TreeAccount:
    """Adds up the usage of a tree of processes from a moment on.

    Args:
        first: The processes at that moment, by process id.
        started: The moment, on the clock of ``Usage.started``. A process that is older
            but appears later counts from when it is first seen.
        merged: Which counters of ``own`` include those of reaped children.

    Attributes:
        totals: The usage of the tree since then.
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
        # It may decrease for a while: a process is read in several steps, and a child
        # reaped in between is in some of its counters only.
        self._sum: Counters = NOTHING
        self._pending: dict[int, _Pending] = {}

    @property
    def is_pending(self) -> bool:
        """Whether the next snapshot may show that ended processes were reaped."""
        return bool(self._pending)

    def update(self, now: Mapping[int, Usage]) -> None:
        """Add the usage since the previous snapshot.

        Args:
            now: All processes of the tree. Parents must have been read before their
                children: a child that ended in between is matched in the next snapshot.
        """
        ended = self._ended(now)
        pending: dict[int, _Pending] = {}
        for pid, usage in now.items():
            before = self._before(pid, usage)
            late = (
                self._pending.get(pid, _Pending()) if self._lived(pid, now) else _Pending()
            )
            reaped, left = _match_reaped(usage, before, late, ended.get(pid, []))
            if left.usages:
                pending[pid] = left
            self._add(usage, before, reaped)
        self._pending = pending
        self._seen = dict(now)
        self.totals = tuple(map(max, self.totals, self._sum))

    def _add(self, usage: Usage, before: Usage, reaped: Sequence[Usage]) -> None:
        """Add the growth of a process, without that of children counted before."""
        if not reaped and (usage.own, usage.reaped) == (before.own, before.reaped):
            return  # most processes of a large tree are idle most of the time
        growth = _plus(
            map(max, _minus(usage.own, before.own), NOTHING),
            map(max, _minus(usage.reaped, before.reaped), NOTHING),
        )
        for each in reaped:
            growth = _minus(growth, self._passed_on(each))
        self._sum = _plus(self._sum, growth)

    def _passed_on(self, usage: Usage) -> Counters:
        used = _plus(usage.own, usage.reaped)
        return tuple(value if taken else 0.0 for value, taken in zip(used, self._taken))

    def _before(self, pid: int, usage: Usage) -> Usage:
        """Return the usage to count a process from."""
        if self._lived(pid, {pid: usage}):
            return self._seen[pid]
        if usage.started < self._started:
            return usage
        return Usage(usage.parent, usage.started)

    def _ended(self, now: Mapping[int, Usage]) -> dict[int, list[Usage]]:
        """Return the processes that have ended, by their nearest running ancestor."""
        ended: dict[int, list[Usage]] = {}
        for pid, usage in self._seen.items():
            if not self._lived(pid, now):
                ancestor = self._ancestor(usage, now)
                if ancestor is not None:
                    # It may have reaped its pending children, and passed them on.
                    passed_on = [usage, *self._pending.get(pid, _Pending()).usages]
                    ended.setdefault(ancestor, []).extend(passed_on)
        return ended

    def _lived(self, pid: int, now: Mapping[int, Usage]) -> bool:
        """Return whether a process is in this snapshot and in the previous one."""
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


def _match_reaped(
    usage: Usage, before: Usage, late: _Pending, ended: Iterable[Usage]
) -> tuple[list[Usage], _Pending]:
    """Return the ended processes that a process has reaped, and those it may still reap.

    Args:
        usage: The process now.
        before: The process in the previous snapshot.
        late: Processes that had ended by the previous snapshot: this is the last chance
            to match them.
        ended: Processes that have ended since, perhaps after ``usage`` was read.
    """
    reaped = _plus(_minus(usage.reaped, before.reaped), late.reaped)
    matched, left = [], []
    for each, is_last_chance in [(e, True) for e in late.usages] + [
        (e, False) for e in ended
    ]:
        used = _plus(each.own, each.reaped)
        if all(used[place] <= reaped[place] + _ROUNDING for place in _EVIDENCE):
            reaped = _minus(reaped, used)
            matched.append(each)
        elif not is_last_chance:
            left.append(each)
    return matched, _Pending(tuple(left), reaped)


def _plus(a: Iterable[float], b: Iterable[float]) -> Counters:
    return tuple(map(operator.add, a, b))


def _minus(a: Iterable[float], b: Iterable[float]) -> Counters:
    return tuple(map(operator.sub, a, b))
