"""The segment that records are appended to, and which of them are synced to disk."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib

from multimeter.delivery.frames import end_mark, frame, salt_of, scan
from multimeter.system.durable import PRIVATE_FILE, sync_file, sync_folder, write_file

__all__ = ["FLAGS", "GrowingFile", "Tickets"]

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class GrowingFile:
    """A new file of frames, open for appending.

    Args:
        path: The file; it must not exist.
        batch: The id of its batch.
        sync: Whether its name has to survive a loss of power.

    Attributes:
        path: The file.
        batch: The id of its batch.
        records: How many records it has.
        size: How many bytes they take.
        takes_more: Whether records can be appended; not after a failed sync, nor if a
            partly written record could not be removed.

    Raises:
        OSError: It cannot be created; no file is left behind.
    """

    def __init__(self, path: pathlib.Path, batch: str, *, sync: bool) -> None:
        self.path = path
        self.batch = batch
        self.records = self.size = 0
        self.takes_more = True
        self._salt = salt_of(batch)
        self._failure: OSError | None = None
        self._descriptor = os.open(path, FLAGS, PRIVATE_FILE)
        if sync:
            try:
                sync_folder(path.parent)
            except OSError:
                self.close()
                with contextlib.suppress(OSError):
                    path.unlink()
                raise

    def append(self, line: bytes) -> int:
        """Append a record, and return how many bytes it takes.

        Raises:
            OSError: It was not written; earlier records are intact.
        """
        data = frame(line, self.records, self._salt)
        written = os.write(self._descriptor, data)
        if written < len(data):
            self._truncate()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self.records += 1
        self.size += len(data)
        return len(data)

    def _truncate(self) -> None:
        """Remove what a short write left."""
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.takes_more = False

    def sync(self) -> None:
        """Wait until all records written so far survive a loss of power.

        Raises:
            OSError: They may be lost. A failure is final, as another fsync would succeed
                wrongly: the system forgets which bytes it failed to write.
        """
        if self._failure is None:
            try:
                sync_file(self._descriptor)
            except OSError as error:
                self._failure = error
                self.takes_more = False
        if self._failure is not None:
            raise self._failure

    def mark_end(self) -> None:
        """Append the end mark, which saves readers from counting the records."""
        data = end_mark(self.records, self._salt)
        with contextlib.suppress(OSError):
            if os.write(self._descriptor, data) < len(data):
                self._truncate()

    def rewrite(self) -> None:
        """Replace the file with a fresh copy of itself.

        Raises:
            OSError: That fails, too; the file is unchanged.
        """
        lines = scan(self.path.read_bytes(), self._salt).lines
        if len(lines) < self.records:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self.path))
        frames = (frame(line, index, self._salt) for index, line in enumerate(lines))
        data = b"".join([*frames, end_mark(self.records, self._salt)])
        write_file(self.path, data, PRIVATE_FILE)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Tickets:
    """Tracks which of the written records are synced to disk.

    The ticket of a record is its number, from 1, in the order of writing.

    Attributes:
        written: The last ticket that was handed out.
        settled: The last ticket whose record was synced, or failed to be.
    """

    def __init__(self) -> None:
        self.written = self.settled = 0
        self._lost: list[tuple[int, int, OSError]] = []

    def safe(self, upto: int) -> None:
        """Mark the unsettled records up to a ticket as synced."""
        self.settled = max(self.settled, upto)

    def fail(self, error: OSError) -> None:
        """Mark all unsettled records as possibly lost."""
        first = self.settled + 1
        if first > self.written:
            return
        if self._lost and self._lost[-1][1] == self.settled:
            first = self._lost.pop()[0]
        self._lost.append((first, self.written, error))
        self.settled = self.written

    def require(self, ticket: int, path: pathlib.Path) -> None:
        """Return if a record is synced.

        Raises:
            OSError: It may be lost.
        """
        for first, last, error in self._lost:
            if first <= ticket <= last:
                raise OSError(f"records in {path} may be lost: {error}") from error
