"""The folder of one program in a spool: its segments, in the order of sending.

A segment grows until it is full or about to be sent. Then it is frozen and never changes
again. It is removed once all of it has been delivered.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import itertools
import os
import pathlib
import threading
from collections.abc import Iterator, Sequence

from multimeter.delivery.frames import frame, salt_of
from multimeter.delivery.growing import FLAGS, GrowingFile, Tickets
from multimeter.delivery.lock import FileLock
from multimeter.delivery.segments import Segment, batch_id, find_segments, segment_name
from multimeter.system.durable import PRIVATE_FILE, remove_drafts, sync_file, sync_folder

__all__ = ["LOCK", "TARGET", "SegmentFolder"]

LOCK = "lock"
"""The file that the owner of a folder keeps locked while it runs."""

TARGET = "target.json"
"""The file with the address of the sink that the records are for."""


class SegmentFolder:
    """A folder of segments that this process owns.

    Not thread-safe, except for :meth:`commit`.

    Args:
        path: The folder.
        lock: Its lock, held.
        sync: Whether records have to survive a loss of power.
        numbers: Yields the number of each new batch.

    Raises:
        OSError: The folder cannot be read.
    """

    def __init__(
        self,
        path: pathlib.Path,
        lock: FileLock,
        *,
        sync: bool,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self.path = path
        self._lock = lock
        self._sync = sync
        self._numbers = numbers or itertools.count(1)
        self._sync_lock = threading.Lock()
        self._tickets = Tickets()
        self._open: GrowingFile | None = None
        self._frozen = collections.deque[Segment]()
        remove_drafts(path)
        for segment in find_segments(path):
            if segment.records:
                self._frozen.append(segment)
            else:
                segment.path.unlink()
        self._records = sum(each.records for each in self._frozen)
        self._size = sum(each.size for each in self._frozen)

    @property
    def records(self) -> int:
        """How many records wait, without those that were claimed."""
        return self._records

    @property
    def size(self) -> int:
        """How many bytes the waiting records take on disk."""
        return self._size

    @property
    def growing(self) -> GrowingFile | None:
        """The segment that the next record goes to, if it exists already."""
        return self._open

    def append(self, line: bytes) -> int:
        """Append a record; it survives a SIGKILL once this has returned.

        Returns:
            A ticket for :meth:`commit`.

        Raises:
            OSError: It was not written; earlier records are intact.
        """
        if self._open and not self._open.takes_more:
            self.freeze()
        size = (self._open or self._begin()).append(line)
        self._records += 1
        self._size += size
        self._tickets.written += 1
        return self._tickets.written

    def _begin(self) -> GrowingFile:
        number = next(self._numbers)
        path = self.path / segment_name(number)
        batch = batch_id(self.path.name, number)
        self._open = GrowingFile(path, batch, sync=self._sync)
        return self._open

    def commit(self, ticket: int) -> None:
        """Wait until a record survives a loss of power; concurrent callers share a sync.

        May be called from any thread, without the lock of the delivery.

        Raises:
            OSError: The disk failed; a loss of power may lose the record, and all
                others that were written and not synced before.
        """
        with self._sync_lock:
            if ticket > self._tickets.settled:
                self._sync_open()
            self._tickets.require(ticket, self.path)

    def _sync_open(self) -> None:
        upto, file = self._tickets.written, self._open
        if file is None:  # a child process after a fork has closed it
            self._tickets.fail(OSError(errno.EBADF, os.strerror(errno.EBADF)))
            return
        try:
            file.sync()
        except OSError as error:
            self._tickets.fail(error)
        else:
            self._tickets.safe(upto)

    def freeze(self) -> None:
        """Close the growing segment, and queue it for sending."""
        file = self._open
        if file is None:
            return
        with self._sync_lock:
            if self._sync and file.records:
                self._make_safe(file)
            file.close()
            self._open = None
        if file.records == 0:
            with contextlib.suppress(OSError):
                file.path.unlink()
            return
        segment = Segment(file.path, file.batch, file.records, file.size)
        if not self._sync:
            frozen = file.path.with_name(f"{file.path.name}-{file.records}")
            # If it fails, the name lacks the number of records, and they are counted.
            with contextlib.suppress(OSError):
                file.path.rename(frozen)
                segment.path = frozen
        self._frozen.append(segment)

    def _make_safe(self, file: GrowingFile) -> None:
        file.mark_end()
        if file.takes_more and self._tickets.settled == self._tickets.written:
            return
        try:
            file.sync()
        except OSError as error:
            self._tickets.fail(error)
            # The callers get the error; still, try to save what may be the only copy.
            with contextlib.suppress(OSError):
                file.rewrite()
        else:
            self._tickets.safe(self._tickets.written)

    def take(self) -> Segment | None:
        """Remove the oldest segment from the queue; its file stays."""
        if not self._frozen:
            self.freeze()
        if not self._frozen:
            return None
        segment = self._frozen.popleft()
        self._records -= segment.records
        self._size -= segment.size
        return segment

    def keep(self, batch_number: int, lines: Sequence[bytes]) -> Segment:
        """Write a claimed batch to a frozen segment, without queueing it.

        Raises:
            OSError: It could not be written; no file is left behind.
        """
        path = self.path / segment_name(batch_number, len(lines))
        batch = batch_id(self.path.name, batch_number)
        salt = salt_of(batch)
        data = b"".join(frame(line, index, salt) for index, line in enumerate(lines))
        try:
            with os.fdopen(os.open(path, FLAGS, PRIVATE_FILE), "wb") as stream:
                stream.write(data)
                stream.flush()
                if self._sync:
                    sync_file(stream.fileno())
            if self._sync:
                sync_folder(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            raise
        return Segment(path, batch, len(lines), len(data))

    def insert(self, segment: Segment) -> None:
        """Insert a segment into the queue, in the order of batches."""
        waiting = sorted([*self._frozen, segment], key=lambda each: each.batch)
        self._frozen = collections.deque(waiting)
        self._records += segment.records
        self._size += segment.size

    def close(self) -> None:
        """Release the folder, and remove it if it has no segments."""
        if os.name == "nt":  # Windows cannot remove an open file
            self._lock.release()
        with contextlib.suppress(OSError):
            self.freeze()
            if {each.name for each in self.path.iterdir()} <= {LOCK, TARGET}:
                for name in (TARGET, LOCK):
                    (self.path / name).unlink(missing_ok=True)
        self._lock.release()
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def abandon(self) -> None:
        """Release it in a child process: the parent owns it."""
        if self._open is not None:
            self._open.close()
            self._open = None
        self._lock.release()
