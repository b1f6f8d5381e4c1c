"""Usage: what one process has used so far, whichever system told so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["COUNTERS", "NOTHING", "Counters", "Memory", "ProcessSource", "Usage"]

COUNTERS = (
    "user",
    "system",
    "faults",
    "faults_with_io",
    "disk_read",
    "disk_write",
    "read",
    "write",
    "switches_vol",
    "switches_invol",
)
"""What only grows: CPU seconds, page faults, bytes, and context switches."""

Counters = tuple[float, ...]
"""A value for each of :data:`COUNTERS`."""

NOTHING: Counters = (0.0,) * len(COUNTERS)


@dataclass(frozen=True)
class Usage:
    """What one process has used so far, and what it holds now.

    Attributes:
        parent: The process id of its parent.
        started: When it was started, on whichever clock the system has. Together with
            the process id it names the process, as ids are used again.
        own: What it used itself.
        reaped: What its ended children used that it has waited for, with theirs.
        rss: Resident memory, in bytes.
        rss_peak: The most resident memory so far, in bytes; 0 where nobody tells.
        reaped_peak: The largest peak of any one that is in ``reaped``, in bytes; 0
            where nobody tells.
        threads: How many threads it has.
        open_files: How many files it has open; None where that may not be read.
        name: The name of its program.
        ended: Whether it has ended and only waits to be waited for.
    """

    parent: int
    started: float
    own: Counters = NOTHING
    reaped: Counters = NOTHING
    rss: int = 0
    rss_peak: int = 0
    reaped_peak: int = 0
    threads: int = 1
    open_files: int | None = None
    name: str = field(default="", compare=False)
    ended: bool = False


@dataclass(frozen=True)
class Memory:
    """What memory a process shares.

    Attributes:
        uss: What it alone holds: what would be free without it, in bytes.
        pss: The same and its part of what it shares, in bytes.
    """

    uss: int | None
    pss: int | None = None


class ProcessSource(Protocol):
    """One system's way to look at a process, its root, and all that descend from it.

    Attributes:
        root: The process id of the root.
        served: Which counters and fields of :class:`Usage` are known at all.
        merged: Which counters of ``own`` hold those of reaped children as well.
    """

    root: int
    served: frozenset[str]
    merged: frozenset[str]

    def now(self) -> float:
        """Return the time on the clock of ``Usage.started``."""

    def snapshot(self, known: Mapping[int, Usage] | None = None) -> dict[int, Usage]:
        """Look at the root and all that descend from it.

        Args:
            known: What was seen the last time: those who still live are looked at
                again, also when their parent has ended. None for the first time.

        Returns:
            Process ids to usages, a parent always before its children.
        """

    def memory(self, pid: int) -> Memory | None:
        """Tell what memory a process shares, or None; this may take long."""
