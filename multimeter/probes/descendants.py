"""A probe for the unshared memory of the descendants of this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe
from multimeter.probes import procfs
from multimeter.probes.process import process_source
from multimeter.probes.usage import Usage
from multimeter.subject import Subject

if TYPE_CHECKING:
    from multimeter.probes.usage import ProcessSource

__all__ = ["DESCENDANTS_MEMORY", "DescendantsProbe"]

DESCENDANTS_MEMORY = Measure(
    Subject("descendants", "All that descend from the process.", "tree"),
    Metric("memory_uss", "Memory that they have taken for themselves.", "bytes", int),
)


class DescendantsProbe(Probe):
    """Samples what the descendants of this process have taken for themselves.

    A forked child shares the pages of its parent, and gets a copy of each that one of
    them writes: resident memory counts the pages twice, and unshared memory the copies.
    Neither was taken by the child. So of a forked child counts what it has beyond its
    parent, and of one that has executed a program its unshared memory (USS). Each sample
    reads all page tables of the descendants, which takes some ms for a large process.
    """

    measures = (DESCENDANTS_MEMORY,)
    metrics = (DESCENDANTS_MEMORY.metric,)
    subjects = (DESCENDANTS_MEMORY.subject,)

    def __init__(self) -> None:
        self._source: ProcessSource | None = None
        self._seen: dict[int, Usage] | None = None
        # Of each process what its parent had when it was first seen, in bytes.
        self._inherited: dict[tuple[int, float], int] = {}

    def start(self) -> None:
        """Take a first look at the descendants."""
        self._source = process_source(os.getpid())
        self._seen = self._source.snapshot()
        self._inherited = {}

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:  # noqa: ARG002 - a level, not a rate
        """Add up what they have now."""
        if self._source is None:
            self.start()
        assert self._source is not None, "it has started"
        self._seen = self._source.snapshot(self._seen)
        values[DESCENDANTS_MEMORY.key] = sum(
            self._taken(pid, usage)
            for pid, usage in self._seen.items()
            if pid != os.getpid() and not usage.ended
        )

    def cpu_time(self) -> float:
        """Return the CPU time of the living descendants and of what they reaped, in s."""
        if self._source is None:
            self.start()
        assert self._source is not None, "it has started"
        self._seen = self._source.snapshot(self._seen)
        return sum(
            sum(usage.own[:2]) + sum(usage.reaped[:2])
            for pid, usage in self._seen.items()
            if pid != os.getpid() and not usage.ended
        )

    def _taken(self, pid: int, usage: Usage) -> int:
        own, parent = _anonymous(pid), _anonymous(usage.parent)
        unshared = self._unshared(pid, usage)
        identity = pid, usage.started
        if own is None or not own.stack:
            # It has just ended; or the system does not report it.
            return 0 if identity in self._inherited else unshared
        if parent is None or own.stack != parent.stack:
            return unshared  # it has executed a program
        inherited = self._inherited.setdefault(identity, parent.resident)
        return min(unshared, max(0, own.resident - inherited))

    def _unshared(self, pid: int, usage: Usage) -> int:
        assert self._source is not None, "it has started"
        memory = self._source.memory(pid)
        if memory is None or memory.uss is None:
            # It has just ended, or the system does not report shared memory.
            return 0 if "uss" in self._source.served else usage.rss
        return memory.uss


class _Anonymous(NamedTuple):
    """The memory of a process that has no file behind it.

    Attributes:
        resident: How much of it is resident, in bytes.
        stack: Where its stack begins; a forked child has that of its parent.
    """

    resident: int
    stack: int


def _anonymous(pid: int) -> _Anonymous | None:
    """Read it; None where the system does not have it, or the process has ended."""
    status = procfs.read_bytes(f"/proc/{pid}/status")
    stat = procfs.read_bytes(f"/proc/{pid}/stat")
    if not status or not stat:
        return None
    return _Anonymous(*procfs.parse_anonymous(status, stat))
