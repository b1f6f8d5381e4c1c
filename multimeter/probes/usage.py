"""The resource usage of one process, in a form common to all systems.

``multimeter run`` needs this module, and those that follow processes, at its start: they
import nothing that takes longer than a command that does nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any, Protocol

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

        def snapshot(
            self,
            known: Mapping[int, Usage] | None = None,
            again: Collection[int] = (),
        ) -> dict[int, Usage]:
            """Read the root and its descendants.

            Args:
                known: The previous snapshot: its processes that still run are read again,
                    even if their parent has ended. None for the first snapshot.
                again: Processes that are read anew, although they seem to be idle.

            Returns:
                Usages by process id, parents before their children.
            """

        def memory(self, pid: int) -> Memory | None:
            """Return the unshared memory of a process, or None; this may be slow."""


__all__ = ["COUNTERS", "NOTHING", "Counters", "Memory", "ProcessSource", "Usage"]

COUNTERS = (
    "user",
    "system",
    "faults",
    "faults_with_io",
    "disk_read",
    "disk_write",
    "disk_write_cancelled",
    "read",
    "write",
    "switches_vol",
    "switches_invol",
)
"""The names of the counters: CPU seconds, page faults, bytes, context switches."""

Counters = tuple[float, ...]
"""A value for each of :data:`COUNTERS`."""

NOTHING: Counters = (0.0,) * len(COUNTERS)


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

    __slots__ = (
        "ended",
        "name",
        "open_files",
        "own",
        "parent",
        "reaped",
        "reaped_peak",
        "rss",
        "rss_peak",
        "started",
        "threads",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - a record
        self,
        parent: int,
        started: float,
        own: Counters = NOTHING,
        reaped: Counters = NOTHING,
        rss: int = 0,
        rss_peak: int = 0,
        reaped_peak: int = 0,
        threads: int = 1,
        open_files: int | None = None,
        name: str = "",
        ended: bool = False,  # noqa: FBT001, FBT002 - a record
    ) -> None:
        self.parent = parent
        self.started = started
        self.own = own
        self.reaped = reaped
        self.rss = rss
        self.rss_peak = rss_peak
        self.reaped_peak = reaped_peak
        self.threads = threads
        self.open_files = open_files
        self.name = name
        self.ended = ended

    def replaced(self, **fields: Any) -> Usage:
        """Return a copy in which some attributes have other values."""
        copy = Usage(self.parent, self.started)
        for name in self.__slots__:
            setattr(copy, name, fields.get(name, getattr(self, name)))
        return copy


class Memory:
    """The unshared memory of a process.

    Attributes:
        uss: Unshared memory: what its end would free, in bytes.
        pss: Unshared memory and a fair share of shared memory, in bytes.
    """

    __slots__ = ("pss", "uss")

    def __init__(self, uss: int | None, pss: int | None = None) -> None:
        self.uss = uss
        self.pss = pss

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memory) and (self.uss, self.pss) == (other.uss, other.pss)

    __hash__ = None  # type: ignore[assignment] # it is compared, and never a key
