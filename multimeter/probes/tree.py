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

from multimeter.probes.usage import COUNTERS, NOTHING, Counters, Usage

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["TreeAccount"]

_PLACES = {name: place for place, name in enumerate(COUNTERS)}

# Counters that show whether a parent has reaped a child. Every process has page faults,
# even if it ends before its first tick of CPU time.
_EVIDENCE = tuple(_PLACES[each] for each in ("user", "system", "faults"))
_PASSED_ON = frozenset(("user", "system", "faults", "faults_with_io"))
_ROUNDING = 1e-6

_FAULTS = _PLACES["faults"]
_NO_ANCESTOR = 0

_Process = tuple[int, Usage]


class _Pending:
    """Processes that have ended, but whose parent was not seen to reap them yet.

    Attributes:
        usages: Their process ids and last seen usages.
        reaped: The growth of their ancestor's reaped usage that is not attributed yet.
    """

    __slots__ = ("reaped", "usages")

    def __init__(
        self, usages: tuple[_Process, ...] = (), reaped: Counters = NOTHING
    ) -> None:
        self.usages = usages
        self.reaped = reaped


_NONE = _Pending()


class TreeAccount:
    """Adds up the usage of a tree of processes from a moment on.

    Args:
        first: The processes at that moment, by process id.
        started: The moment, on the clock of ``Usage.started``. A process that is older
            but appears later counts from when it is first seen.
        merged: Which counters of ``own`` include those of reaped children.

    Attributes:
        totals: The usage of the tree since then.
        lost: The last seen usage of processes that have ended without a process of the
            tree having reaped them, by process id: what they used after that look is in
            no counter of the tree.
        unseen: How often a process was found to have reaped some that no snapshot has
            seen.
    """

    def __init__(
        self,
        first: Mapping[int, Usage],
        started: float,
        merged: Iterable[str] = (),
    ) -> None:
        self.totals: Counters = NOTHING
        self.lost: dict[int, Usage] = {}
        self.unseen = 0
        self._seen = dict(first)
        self._started = started
        self._taken = tuple(each in _PASSED_ON.union(merged) for each in COUNTERS)
        # It may decrease for a while: a process is read in several steps, and a child
        # reaped in between is in some of its counters only.
        self._sum: Counters = NOTHING
        self._pending: dict[int, _Pending] = {}

    @property
    def pending(self) -> Collection[int]:
        """Processes that the next snapshot may show to have reaped some that ended."""
        return self._pending.keys()

    def update(self, now: Mapping[int, Usage]) -> None:
        """Add the usage since the previous snapshot.

        Args:
            now: All processes of the tree. Parents must have been read before their
                children: a child that ended in between is matched in the next snapshot.
        """
        ended = self._ended(now)
        pending: dict[int, _Pending] = {}
        for pid, usage in now.items():
            if usage is self._seen.get(pid) and not (pid in ended or pid in self._pending):
                continue  # most processes of a large tree are idle most of the time
            before = self._before(pid, usage)
            late = self._pending.get(pid, _NONE) if self._lived(pid, now) else _NONE
            reaped, left, lost = _match_reaped(usage, before, late, ended.pop(pid, []))
            if left.usages:
                pending[pid] = left
            self._lose(lost)
            self._add(usage, before, [each for _, each in reaped])
            if not reaped and not left.usages and left.reaped[_FAULTS] > 0:
                self.unseen += 1
        for orphans in ended.values():
            self._lose(orphans)
        self._pending = pending
        self._seen = dict(now)
        self.totals = tuple(map(max, self.totals, self._sum))

    def _lose(self, processes: Iterable[_Process]) -> None:
        """Keep processes whose end was in no counter of the tree.

        One that waited to be reaped when it was seen last had used all by then.
        """
        self.lost.update((pid, each) for pid, each in processes if not each.ended)

    def _add(self, usage: Usage, before: Usage, reaped: Sequence[Usage]) -> None:
        """Add the growth of a process, without that of children counted before."""
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

    def _ended(self, now: Mapping[int, Usage]) -> dict[int, list[_Process]]:
        """Return the processes that have ended, by their nearest running ancestor.

        Those that have none are at :data:`_NO_ANCESTOR`.
        """
        ended: dict[int, list[_Process]] = {}
        for pid, usage in self._seen.items():
            if not self._lived(pid, now):
                ancestor = self._ancestor(usage, now)
                # It may have reaped its pending children, and passed them on.
                passed_on = [(pid, usage), *self._pending.get(pid, _NONE).usages]
                ended.setdefault(ancestor, []).extend(passed_on)
        return ended

    def _lived(self, pid: int, now: Mapping[int, Usage]) -> bool:
        """Return whether a process is in this snapshot and in the previous one."""
        seen = self._seen.get(pid)
        return pid in now and seen is not None and now[pid].started == seen.started

    def _ancestor(self, usage: Usage, now: Mapping[int, Usage]) -> int:
        parent = usage.parent
        for _ in self._seen:
            if parent not in self._seen:
                break
            if self._lived(parent, now):
                return parent
            parent = self._seen[parent].parent
        return _NO_ANCESTOR


def _match_reaped(
    usage: Usage, before: Usage, late: _Pending, ended: Iterable[_Process]
) -> tuple[list[_Process], _Pending, list[_Process]]:
    """Return ended processes: those reaped, those perhaps reaped later, and the others.

    Args:
        usage: The process now.
        before: The process in the previous snapshot.
        late: Processes that had ended by the previous snapshot: this is the last chance
            to match them.
        ended: Processes that have ended since, perhaps after ``usage`` was read.
    """
    if usage.reaped == before.reaped and not late.usages:
        return [], _Pending(tuple(ended)), []
    reaped = _plus(_minus(usage.reaped, before.reaped), late.reaped)
    matched, left, lost = [], [], []
    for each, is_last_chance in [(e, True) for e in late.usages] + [
        (e, False) for e in ended
    ]:
        used = _plus(each[1].own, each[1].reaped)
        if all(used[place] <= reaped[place] + _ROUNDING for place in _EVIDENCE):
            reaped = _minus(reaped, used)
            matched.append(each)
        elif is_last_chance:
            lost.append(each)
        else:
            left.append(each)
    return matched, _Pending(tuple(left), reaped), lost


def _plus(a: Iterable[float], b: Iterable[float]) -> Counters:
    return tuple(map(operator.add, a, b))


def _minus(a: Iterable[float], b: Iterable[float]) -> Counters:
    return tuple(map(operator.sub, a, b))
