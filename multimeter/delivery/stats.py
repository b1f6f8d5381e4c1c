"""The statistics of a delivery: how many records were accepted, and where they went.

At any moment: accepted = delivered + rejected + queued + dropped.
"""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Counters", "Report", "Stats"]


@dataclass(frozen=True)
class Stats:
    """The statistics of a delivery at one moment, since it was created.

    Attributes:
        accepted: Records accepted by ``put``, and those that an earlier program left in
            the spool (``resumed``).
        delivered: Records that the server has accepted.
        rejected: Records that the server refused for good; they are in the rejects file.
        queued: Records that wait, in memory or on disk, or are in flight.
        dropped: Records dropped by a declared limit, by reason: ``queue full``,
            ``disk full``, ``no value`` (no field that a database can store),
            ``damaged`` (no longer readable in the spool), ``too large`` (a line that no
            server accepts).
        resumed: Records found in the spool.
        left_out: Fields (not records) that a database cannot store: NaN and infinity.
        retries: How often a batch had to be sent again.
    """

    accepted: int
    delivered: int
    rejected: int
    queued: int
    dropped: Mapping[str, int]
    resumed: int
    left_out: int
    retries: int


@dataclass(frozen=True)
class Report:
    """The outcome of a delivery that was closed.

    Attributes:
        delivered: How many records the server has accepted.
        rejected: How many it refused for good; they are in the ``rejects`` file.
        queued: How many are left: they are in ``spool``, except for ``lost`` ones.
        dropped: How many were dropped by a declared limit; ``stats()`` has the reasons.
        lost: How many of the queued ones could not be written to a spool.
        spool: The folder with the queued records, or None if it has none.
        command: The command that sends them.
        rejects: The file with the rejected records, or None.
    """

    delivered: int
    rejected: int
    queued: int
    dropped: int
    spool: pathlib.Path | None = None
    rejects: pathlib.Path | None = None
    lost: int = 0
    command: str = ""

    @property
    def complete(self) -> bool:
        """Whether all that was accepted has been delivered."""
        return not (self.rejected or self.queued or self.dropped)

    def __str__(self) -> str:
        """Return a summary: how many were delivered, and where the others are."""
        parts = [f"{self.delivered} points delivered"]
        if self.rejected:
            where = f" (see {self.rejects})" if self.rejects else ""
            parts.append(f"{self.rejected} refused by the server{where}")
        if self.spool:
            parts.append(
                f"{self.queued - self.lost} not delivered yet: they lie in {self.spool}, "
                f"send them with: {self.command}"
            )
        if self.lost:
            parts.append(f"{self.lost} not delivered: they are lost")
        if self.dropped:
            parts.append(f"{self.dropped} dropped")
        return ", ".join(parts)


@dataclass
class Counters:
    """The running counts. Not thread-safe: callers must hold the delivery lock."""

    accepted: int = 0
    delivered: int = 0
    rejected: int = 0
    resumed: int = 0
    left_out: int = 0
    retries: int = 0
    turned_away: int = 0
    dropped: collections.Counter[str] = field(default_factory=collections.Counter)

    @property
    def queued(self) -> int:
        """Records that are neither delivered nor rejected nor dropped."""
        return self.accepted - self.delivered - self.rejected - self.dropped.total()

    @property
    def stored(self) -> int:
        """Records that were ever in the queue."""
        return self.accepted - self.turned_away

    @property
    def settled(self) -> int:
        """Records that have left the queue, for any reason."""
        return self.stored - self.queued

    def drop(self, reason: str, records: int = 1) -> None:
        """Count records dropped from the queue, by reason."""
        self.dropped[reason] += records

    def refuse(self, reason: str) -> None:
        """Count a record that was not accepted into the queue, by reason."""
        self.accepted += 1
        self.turned_away += 1
        self.dropped[reason] += 1

    def stats(self) -> Stats:
        """Return the current statistics."""
        return Stats(
            self.accepted,
            self.delivered,
            self.rejected,
            self.queued,
            dict(self.dropped),
            self.resumed,
            self.left_out,
            self.retries,
        )
