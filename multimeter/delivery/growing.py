"""The segment that takes records, and which records are safe from a loss of power."""

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
    """A new file of frames.

    Args:
        path: The file; there is none yet.
        batch: The id of the batch that it is.
        sync: Whether its name has to survive a loss of power.

    Attributes:
        path: The file.
        batch: The id of the batch that it is.
        records: How many records it has.
        size: How many bytes they take.
        takes_more: Whether records can be added; not after one has failed to be synced,
            or half a record could not be cut off.

    Raises:
        OSError: It cannot be made; nothing is left of it.
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
        """Write a record behind the others, and return how many bytes it takes.

        Raises:
            OSError: It was not written; all that was before is as it was.
        """
        data = frame(line, self.records, self._salt)
        written = os.write(self._descriptor, data)
        if written < len(data):
            self._cut()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self.records += 1
        self.size += len(data)
        return len(data)

    def _cut(self) -> None:
        """Cut off what a short write left."""
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.takes_more = False

    def sync(self) -> None:
        """Wait until all that was written is safe from a loss of power.

        Raises:
            OSError: It may be lost. Another try would succeed without a reason: the
                system forgets which bytes it failed to write.
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
        """Write down how many records there are; without that they are counted."""
        data = end_mark(self.records, self._salt)
        with contextlib.suppress(OSError):
            if os.write(self._descriptor, data) < len(data):
                self._cut()

    def rewrite(self) -> None:
        """Write all of it once more, and put that in its place.

        Raises:
            OSError: That fails, too; the file is as it was.
        """
        found = scan(self.path.read_bytes(), self._salt)
        if len(found.lines) < self.records:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self.path))
        frames = (frame(line, index, self._salt) for index, line in enumerate(found.lines))
        data = b"".join([*frames, end_mark(self.records, self._salt)])
        write_file(self.path, data, PRIVATE_FILE)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Tickets:
    """Which of the records that were written are safe from a loss of power.

    The ticket of a record is its number, from 1, in the order of writing.

    Attributes:
        written: The last one that was given out.
        settled: The last one of which it is known whether it is safe.
    """

    def __init__(self) -> None:
        self.written = self.settled = 0
        self._lost: list[tuple[int, int, OSError]] = []

    def safe(self, upto: int) -> None:
        """Note that all that were not settled yet are safe, up to one."""
        self.settled = max(self.settled, upto)

    def fail(self, error: OSError) -> None:
        """Note that all that were written and not settled yet may be lost."""
        first = self.settled + 1
        if first > self.written:
            return
        if self._lost and self._lost[-1][1] == self.settled:
            first = self._lost.pop()[0]
        self._lost.append((first, self.written, error))
        self.settled = self.written

    def require(self, ticket: int, path: pathlib.Path) -> None:
        """Return when a record is safe.

        Raises:
            OSError: It may be lost.
        """
        for first, last, error in self._lost:
            if first <= ticket <= last:
                raise OSError(f"what was written to {path} may be lost: {error}") from error
