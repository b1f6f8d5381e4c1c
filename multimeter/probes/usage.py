"""The resource usage of one process, in a form common to all systems."""

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
"""The names of the counters: CPU seconds, page faults, bytes, context switches."""

Counters = tuple[float, ...]
"""A value for each of :data:`COUNTERS`."""

NOTHING: Counters = (0.0,) * len(COUNTERS)


@dataclass(frozen=True)
class Usage:
    """The counters of one process so far, and its current levels.

    Attributes:
        parent: The process id of its parent.
        started: Its start time, on a clock that depends on the system. It identifies the
            process together with the process id, as ids are reused.
        own: The counters of the process itself.
        reaped: The counters of the children that it has reaped, with their children.
        rss: Resident memory, in bytes.
        rss_peak: Peak resident memory so far, in bytes; 0 if unknown.
        reaped_peak: The largest peak of a process in ``reaped``, in bytes; 0 if unknown.
        threads: How many threads it has.
        open_files: How many files it has open; None if that cannot be read.
        name: The name of its program.
        ended: Whether it has ended and waits to be reaped.
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
    """The unshared memory of a process.

    Attributes:
        uss: Unshared memory: what its end would free, in bytes.
        pss: Unshared memory and a fair share of shared memory, in bytes.
    """

    uss: int | None
    pss: int | None = None


class ProcessSource(Protocol):
    """Reads a process, the root, and its descendants on one kind of system.

    Attributes:
        root: The process id of the root.
        served: Which counters and fields of :class:`Usage` are available.
        merged: Which counters of ``own`` include those of reaped children.
    """

    root: int
    served: frozenset[str]
    merged: frozenset[str]

    def now(self) -> float:
        """Return the time on the clock of ``Usage.started``."""

    def snapshot(self, known: Mapping[int, Usage] | None = None) -> dict[int, Usage]:
        """Read the root and its descendants.

        Args:
            known: The previous snapshot: its processes that still run are read again,
                even if their parent has ended. None for the first snapshot.

        Returns:
            Usages by process id, parents before their children.
        """

    def memory(self, pid: int) -> Memory | None:
        """Return the unshared memory of a process, or None; this may be slow."""
