"""The bounded queue of accepted records that are not claimed yet, in memory and on disk.

Records leave it in this order: first those that an earlier program left in the spool,
then those in memory, then those in our own folder of the spool. A record goes to disk if
the tier requires it, or if memory is full and the policy is to spill; from then on all
records go to disk until that is empty again, which keeps their order.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import logging
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from multimeter.delivery.folder import SegmentFolder
from multimeter.delivery.frames import MOST_LINE_BYTES
from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.segments import Segment, batch_id
from multimeter.delivery.settings import Settings
from multimeter.delivery.spool import Address, Spool, new_folder_name
from multimeter.delivery.stats import Counters
from multimeter.errors import QueueFullError

__all__ = ["LINE_BYTES", "ClaimedBatch", "Queue"]

LINE_BYTES = 41
"""The overhead of a line in memory, in bytes: the object and its slot in the queue."""

_DISK = "disk"


@dataclass
class ClaimedBatch:
    """A batch that the worker took out of the queue.

    Attributes:
        id: The id of the batch.
        records: How many records were counted for it.
        number: Its number among our batches; 0 for one of an earlier program.
        lines: Its lines, if they are in memory.
        segment: Its file, if it is on disk.
    """

    id: str
    records: int
    number: int = 0
    lines: Sequence[bytes] = ()
    segment: Segment | None = None


class Queue:
    """The queue of a delivery.

    Not thread-safe: callers must hold the delivery lock, except for :meth:`commit`.

    Args:
        settings: The limits, and what happens when they are reached.
        address: The address of the sink.
        counters: Where records are counted.
        incidents: Where failures are reported.

    Attributes:
        waiting: How many records wait, without those that were claimed.
    """

    def __init__(
        self,
        settings: Settings,
        address: Address,
        counters: Counters,
        incidents: IncidentLog,
    ) -> None:
        self.waiting = 0
        self._settings = settings
        self._address = address
        self._counters = counters
        self._incidents = incidents
        self._name = new_folder_name(address)
        self._lines = collections.deque[bytes]()
        self._bytes = 0
        self._taken_records = self._taken_bytes = 0
        # The number of the last batch from memory, and of the last batch of any kind.
        self._memory_number = self._number = 0
        self._own: SegmentFolder | None = None
        self._adopted = collections.deque[SegmentFolder]()
        # Batches whose files could not be read, and folders that have only such files.
        self._unreadable = collections.deque[ClaimedBatch]()
        self._held: list[SegmentFolder] = []
        self._spool: Spool | None = None
        if settings.spool is not None:
            sync = settings.tier == "spool+fsync"
            self._spool = Spool(settings.spool, address, sync=sync)

    @property
    def folder(self) -> pathlib.Path | None:
        """Our own folder in the spool, if there is one yet."""
        return self._own.path if self._own else None

    @property
    def spool(self) -> pathlib.Path | None:
        """The folder of the spool."""
        return self._spool.root if self._spool else None

    def take_over(self) -> None:
        """Queue the records that earlier programs left in the spool for the same sink."""
        if self._spool is None:
            return
        for folder in self._spool.take_over(self._incidents):
            self._adopted.append(folder)
            self.waiting += folder.records
            self._counters.accepted += folder.records
            self._counters.resumed += folder.records

    def put(self, line: bytes) -> int:
        """Queue a record.

        Returns:
            A ticket for :meth:`commit`.

        Raises:
            QueueFullError: The queue is full, and the policy is to block or to raise.
        """
        if len(line) > MOST_LINE_BYTES:
            self._counters.refuse("too large")
            return 0
        if self._settings.tier != "memory" or self._disk_waits:
            return self._put_on_disk(line)
        if not self._has_room(line):
            if self._settings.when_full == "spill":
                return self._spill(line)
            self._make_room(line)
            if not self._has_room(line):
                self._counters.refuse("queue full")
                return 0
        self._lines.append(line)
        self._bytes += len(line)
        self._counters.accepted += 1
        self.waiting += 1
        return 0

    def commit(self, ticket: int) -> None:
        """Wait until a record is as durable as the tier promises; needs no lock.

        Raises:
            OSError: The disk failed.
        """
        if ticket and self._own:
            self._own.commit(ticket)

    @property
    def _disk_waits(self) -> bool:
        return self._own is not None and self._own.records > 0

    def _has_room(self, line: bytes) -> bool:
        records = len(self._lines) + self._taken_records
        size = self._bytes + self._taken_bytes + len(line) + LINE_BYTES * (records + 1)
        limits = self._settings
        # A single record may exceed the limit: it could never be sent otherwise.
        return not records or (records < limits.max_records and size <= limits.max_bytes)

    def _make_room(self, line: bytes) -> None:
        if self._settings.when_full != "drop_oldest":
            raise _full(self._settings)
        self._incidents.open(
            "drop", "The queue is full: the oldest points are dropped from now on."
        )
        while self._lines and not self._has_room(line):
            self._bytes -= len(self._lines.popleft())
            self.waiting -= 1
            self._counters.drop("queue full")

    def _spill(self, line: bytes) -> int:
        # Batches are numbered in the order of their records: reserve numbers for those
        # still in memory. Freeze first: a file left empty by a failed write has taken
        # its number already.
        if self._own:
            self._own.freeze()
        self._memory_number = self._number
        self._number += len(self._lines)
        ticket = self._put_on_disk(line)
        self._incidents.open(
            "spill",
            f"The queue in memory is full: new points go to {self.folder or self.spool}.",
        )
        return ticket

    def _put_on_disk(self, line: bytes) -> int:
        room = self._settings.max_spool_bytes - len(line)
        error: OSError | None = None
        while True:
            if self._disk_bytes <= room:
                try:
                    ticket = self._append(line)
                except OSError as failed:
                    error = failed
                else:
                    self._incidents.resolve("Points can be written to disk again.", _DISK)
                    return ticket
            if not self._drop_oldest_segment(error):
                return self._refuse(error)

    def _append(self, line: bytes) -> int:
        limits = self._settings
        own = self._own or self._create_own()
        growing = own.growing
        if growing and (
            growing.records >= limits.batch_size
            or growing.size >= min(limits.batch_bytes, limits.max_spool_bytes // 4)
        ):
            own.freeze()
        ticket = own.append(line)
        self._counters.accepted += 1
        self.waiting += 1
        return ticket

    def _create_own(self) -> SegmentFolder:
        if self._spool is None:
            raise OSError("there is no spool")
        self._own = self._spool.create(self._name, self._disk_numbers())
        return self._own

    def _disk_numbers(self) -> Iterator[int]:
        while True:
            self._number += 1
            yield self._number

    @property
    def _disk_bytes(self) -> int:
        own = self._own.size if self._own else 0
        return own + sum(folder.size for folder in self._adopted)

    def _drop_oldest_segment(self, error: OSError | None) -> bool:
        if self._settings.when_full != "drop_oldest":
            return False
        for folder in (*self._adopted, self._own):
            segment = folder.take() if folder else None
            if segment:
                with contextlib.suppress(OSError):
                    segment.path.unlink(missing_ok=True)
                self.waiting -= segment.records
                self._counters.drop("disk full" if error else "queue full", segment.records)
                self._incidents.open(
                    "drop", "The spool is full: the oldest points are dropped from now on."
                )
                return True
        return False

    def _refuse(self, error: OSError | None) -> int:
        if self._settings.when_full in ("block", "raise"):
            raise _full(self._settings) from error
        why = f"cannot be written: {error}" if error else "is full"
        self._incidents.open(
            _DISK,
            f"The spool {self.spool} {why}. New points are dropped until there is room.",
            level=logging.ERROR,
        )
        self._counters.refuse("disk full" if error else "queue full")
        return 0

    def take(self) -> ClaimedBatch | None:
        """Claim the next batch; its bytes never change from now on."""
        while self._adopted:
            segment = self._adopted[0].take()
            if segment:
                return self._claimed(segment)
            self._release(self._adopted.popleft())
        if self._lines:
            return self._take_lines()
        if segment := self._own.take() if self._own else None:
            return self._claimed(segment)
        if not self._unreadable:
            return None
        claimed = self._unreadable.popleft()
        self.waiting -= claimed.records
        return claimed

    def _release(self, folder: SegmentFolder) -> None:
        parents = [
            claimed.segment.path.parent for claimed in self._unreadable if claimed.segment
        ]
        if folder.path in parents:
            self._held.append(folder)
        else:
            folder.close()

    def _claimed(self, segment: Segment) -> ClaimedBatch:
        self.waiting -= segment.records
        return ClaimedBatch(segment.batch, segment.records, segment=segment)

    def _take_lines(self) -> ClaimedBatch:
        limits = self._settings
        # At most half of memory, so that drop_oldest always has records to drop.
        most = min(limits.batch_size, max(1, limits.max_records // 2))
        lines = [self._lines.popleft()]
        size = len(lines[0])
        while self._lines and len(lines) < most:
            size += len(self._lines[0])
            if size > limits.batch_bytes:
                size -= len(self._lines[0])
                break
            lines.append(self._lines.popleft())
        self._bytes -= size
        self.waiting -= len(lines)
        self._taken_records, self._taken_bytes = len(lines), size
        number = self._next_memory_number()
        return ClaimedBatch(batch_id(self._name, number), len(lines), number, lines)

    def _next_memory_number(self) -> int:
        if not self._disk_waits:
            self._memory_number = self._number
        self._memory_number += 1
        self._number = max(self._number, self._memory_number)
        return self._memory_number

    @property
    def only_unreadable_wait(self) -> bool:
        """Whether only batches with unreadable files wait."""
        return self.waiting == sum(claimed.records for claimed in self._unreadable)

    def put_back(self, claimed: ClaimedBatch) -> None:
        """Requeue a batch whose file cannot be read, behind all others."""
        self._unreadable.append(claimed)
        self.waiting += claimed.records

    def done(self) -> None:
        """Free the memory that the last claimed batch was counted with."""
        self._taken_records = self._taken_bytes = 0

    def spill(self, taken: ClaimedBatch | None) -> bool:
        """Move the records in memory to disk; return whether all are on disk now.

        Args:
            taken: The claimed batch, if any; it stays claimed.
        """
        if self._spool is None:
            return not self.in_memory(taken)
        try:
            if taken and taken.segment is None:
                own = self._own or self._create_own()
                taken.segment = own.keep(taken.number, taken.lines)
            while self._lines:
                own = self._own or self._create_own()
                self._move_lines(own)
        except OSError as error:
            self._incidents.open(
                _DISK,
                f"Points cannot be written to {self.spool}: {error}",
                level=logging.ERROR,
            )
            return False
        return True

    def in_memory(self, taken: ClaimedBatch | None) -> int:
        """Return how many records are in memory only.

        Args:
            taken: The claimed batch, if any.
        """
        claimed = len(taken.lines) if taken and taken.segment is None else 0
        return len(self._lines) + claimed

    def _move_lines(self, own: SegmentFolder) -> None:
        lines = list(itertools.islice(self._lines, self._settings.batch_size))
        own.insert(own.keep(self._next_memory_number(), lines))
        for line in lines:
            self._lines.popleft()
            self._bytes -= len(line)

    def close(self) -> None:
        """Release all folders; those without records are removed."""
        for folder in self._folders:
            folder.close()

    def abandon(self) -> None:
        """Release all folders in a child process: the parent owns them."""
        for folder in self._folders:
            folder.abandon()

    @property
    def _folders(self) -> list[SegmentFolder]:
        own = [self._own] if self._own else []
        return [*self._adopted, *self._held, *own]


def _full(settings: Settings) -> QueueFullError:
    return QueueFullError(
        f"The queue is full: {settings.max_records} points, {settings.max_bytes} bytes in "
        f"memory, {settings.max_spool_bytes} bytes on disk.",
        cause="The server does not answer, or is slower than the points come in.",
        next_step="Raise the limits, or choose when_full='spill' or 'drop_oldest'.",
    )
