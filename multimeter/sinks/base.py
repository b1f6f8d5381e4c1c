"""The interface of a sink: it sends one batch to one place, and returns the answer.

A delivery (:mod:`multimeter.delivery`) calls a sink from one thread at a time. It keeps
what the sink could not store, waits, splits batches and records what is refused; a sink
does none of that. It speaks one protocol and translates answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from multimeter.data.record import Record
from multimeter.lines.protocol import decode

__all__ = ["Accepted", "Answer", "Batch", "Rejected", "Retry", "Sink"]


@dataclass(frozen=True)
class Batch:
    """Some records, in order, whose bytes never change.

    The identity of a record is (``id``, its index), fixed before the batch is first
    sent and kept on disk with it. A batch that is sent again, also after a crash, or
    in other parts than before, has the same records at the same indices: a sink that
    cannot overwrite records (SQL) knows by them which it has already stored.

    Attributes:
        id: Unique for all batches of all programs; the same for all parts of a batch.
        lines: The records as line protocol, each with its time in ns and without a
            newline at its end (text in a field may contain one).
        first: The index of the first of these lines in the batch that they are a part
            of; 0 for a whole batch.
    """

    id: str
    lines: Sequence[bytes]
    first: int = 0

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.lines)

    @property
    def body(self) -> bytes:
        """The lines as one text."""
        return b"\n".join(self.lines)

    @property
    def records(self) -> list[Record]:
        """The records, decoded; new at each call."""
        return list(decode(self.body.decode("utf-8")))

    def part(self, start: int, stop: int) -> Batch:
        """Return the records from start to (not including) stop."""
        return Batch(self.id, self.lines[start:stop], self.first + start)


@dataclass(frozen=True)
class Accepted:
    """All records of the batch are stored."""


@dataclass(frozen=True)
class Retry:
    """The batch must be sent again later.

    Attributes:
        reason: What happened, for a person; never with a secret in it.
        after: How many seconds the server asked to wait, or None.
        refused: True where waiting alone will not help (a wrong token, a missing right,
            bucket or table): the user gets a warning, and it is retried slowly.
        smaller: True if the batch may have been too large for the connection (the
            timeout passed before all of it was sent): batches are smaller from now on.
        next_step: What the user can do about it; empty where waiting is enough.
    """

    reason: str
    after: float | None = None
    refused: bool = False
    smaller: bool = False
    next_step: str = ""

    def __str__(self) -> str:
        """Return the reason, and the next step below it."""
        return f"{self.reason}\nNext: {self.next_step}" if self.next_step else self.reason


@dataclass(frozen=True)
class Rejected:
    """Some records will never be stored; it is not known whether the others were.

    Attributes:
        reason: The server's reason.
        records: Which records are refused, by their index within the batch that was
            sent, and why. Empty if the server does not name them: the batch is then
            halved until they are alone. All others are sent again.
        too_large: True if the batch was larger than the server allows: batches are
            smaller from now on.
        others_stored: True if the server reports that all other records are stored.
    """

    reason: str
    records: Mapping[int, str] = field(default_factory=dict)
    too_large: bool = False
    others_stored: bool = False


Answer = Accepted | Retry | Rejected


class Sink(Protocol):
    """Sends batches to one place.

    A sink opens its connection when it is first needed, keeps it open, and opens
    another one when that fails. Every wait has a timeout.
    """

    @property
    def name(self) -> str:
        """The place, for log lines: short, and without secrets."""

    @property
    def address(self) -> Mapping[str, str]:
        """How to find the place again, without secrets: stored in the spool.

        ``kind`` names the kind of sink. Records that one program left in a spool are sent
        by the next one that has a sink with an equal address, or by ``multimeter deliver``.
        """

    def send(self, batch: Batch) -> Answer:
        """Send a batch once, and return the answer.

        A failure of the network or the server is an answer (:class:`Retry`), not an
        exception. Any other exception counts as a :class:`Retry`, too.
        """

    def after_fork(self) -> None:
        """Forget the connection without closing it on the server: it is the parent's.

        Called in a child process, before anything else.
        """

    def close(self) -> None:
        """Close the connection; :meth:`send` opens it again."""
