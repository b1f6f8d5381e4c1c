"""Accounts: what became of every record.

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
    """The accounts of a delivery at one moment, since it began.

    Attributes:
        accepted: Records that were put and taken, and those that an earlier program
            had left in the spool (``resumed``).
        delivered: Those that the server has taken.
        rejected: Those that it refused for good; they stand in the rejects file.
        queued: Those that wait, in memory or on disk, or are just being sent.
        dropped: Those that are gone by a declared limit, by reason: ``queue full``,
            ``disk full``, ``no value`` (nothing in it that a database can store),
            ``damaged`` (not readable in the spool any more), ``too large`` (a line that
            no server takes).
        resumed: Those found in the spool.
        left_out: Fields (not records) without a form in a database: NaN and infinity.
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
    """What became of the records of a delivery that was closed.

    Attributes:
        delivered: How many the server has taken.
        rejected: How many it refused for good; they stand in the ``rejects`` file.
        queued: How many are left: they lie in ``spool``, but for those that are lost.
        dropped: How many are gone by a declared limit; ``stats()`` says why.
        lost: How many of those that are left could not be written to a spool.
        spool: The folder of those that are left, or None where there is none in it.
        command: The command that sends them.
        rejects: The file of those that were rejected, or None.
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
        """What a person wants to know: how many arrived, and where the others are."""
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
    """The running accounts; whoever holds the lock of the delivery may change them."""

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
        """Records that have left the queue, for whatever reason."""
        return self.stored - self.queued

    def drop(self, reason: str, records: int = 1) -> None:
        """Count records that are gone from the queue, and why."""
        self.dropped[reason] += records

    def refuse(self, reason: str) -> None:
        """Count a record that did not get into the queue, and why."""
        self.accepted += 1
        self.turned_away += 1
        self.dropped[reason] += 1

    def stats(self) -> Stats:
        """Return the accounts as they are now."""
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
