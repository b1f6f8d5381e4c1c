"""Segments: files of frames, each of them one batch.

A segment grows until it is full or about to be sent. Then it is frozen: the number of
its records becomes a part of its name, and nothing is ever added to it again. It is
removed when all of it has been delivered.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import itertools
import os
import pathlib
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from multimeter.delivery.frames import frame, scan
from multimeter.delivery.lock import FileLock

__all__ = [
    "Segment",
    "SegmentFolder",
    "batch_id",
    "find_segments",
    "read_segment",
    "remove_segment",
    "set_segment_aside",
]

_NAME = re.compile(r"(?P<number>\d{8,})(?:-(?P<records>\d+))?")
_DAMAGED = ".damaged"
_OF_THE_FOLDER = {"lock", "target.json"}
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def batch_id(folder: str, number: int) -> str:
    """Return the id of a batch, unique because the names of folders are."""
    return f"{folder}-{number:08d}"


@dataclass
class Segment:
    """One file of frames.

    Attributes:
        path: The file.
        batch: The id of the batch that it is.
        records: How many records it holds.
        size: How many bytes.
    """

    path: pathlib.Path
    batch: str
    records: int
    size: int


class SegmentFolder:
    """A folder of segments that this process owns. Not thread-safe, but ``commit``.

    Args:
        path: The folder.
        lock: Its lock, held.
        sync: Whether what is written survives a loss of power.
        numbers: Gives each new batch its number.

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
        self._written = self._synced = 0
        self._descriptor: int | None = None
        self._open: Segment | None = None
        self._frozen = collections.deque[Segment]()
        for segment in find_segments(path):
            if segment.records:
                self._frozen.append(segment)
            else:
                segment.path.unlink()
        self._records = sum(each.records for each in self._frozen)
        self._size = sum(each.size for each in self._frozen)

    @property
    def records(self) -> int:
        """How many records wait, without those that were taken."""
        return self._records

    @property
    def size(self) -> int:
        """How many bytes the waiting records take on disk."""
        return self._size

    def append(self, line: bytes) -> int:
        """Write a record behind the others; when it returns, a SIGKILL does no harm.

        Returns:
            A ticket for :meth:`commit`.

        Raises:
            OSError: It was not written; all that was before is as it was.
        """
        segment = self._open or self._begin()
        assert self._descriptor is not None
        data = frame(line)
        written = os.write(self._descriptor, data)
        if written < len(data):
            self._undo(segment)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(segment.path))
        segment.records += 1
        segment.size += len(data)
        self._records += 1
        self._size += len(data)
        self._written += 1
        return self._written

    def _begin(self) -> Segment:
        number = next(self._numbers)
        path = self.path / f"{number:08d}"
        self._descriptor = os.open(path, _FLAGS, 0o600)
        if self._sync:
            _sync_folder(self.path)
        self._open = Segment(path, batch_id(self.path.name, number), 0, 0)
        return self._open

    def _undo(self, segment: Segment) -> None:
        """Cut off what a short write left; where even that fails, begin a new file."""
        assert self._descriptor is not None
        try:
            os.ftruncate(self._descriptor, segment.size)
        except OSError:
            self.freeze()

    @property
    def growing(self) -> Segment | None:
        """The segment that takes the next record, if there is one already."""
        return self._open

    def commit(self, ticket: int) -> None:
        """Wait until a record is safe from a loss of power; callers share the waiting.

        May be called from any thread, without the lock of the delivery.

        Raises:
            OSError: The disk failed; the record may be lost with the power.
        """
        with self._sync_lock:
            if self._synced >= ticket:
                return
            if self._descriptor is None:
                raise OSError(f"what was written to {self.path} may be lost")
            upto = self._written
            os.fsync(self._descriptor)
            self._synced = upto

    def freeze(self) -> None:
        """Let nothing more be added to the last segment."""
        segment, descriptor = self._open, self._descriptor
        if segment is None or descriptor is None:
            return
        with self._sync_lock:
            # Where it fails, whoever waits in commit() is told.
            with contextlib.suppress(OSError):
                if self._sync and self._synced < self._written:
                    os.fsync(descriptor)
                self._synced = self._written
            os.close(descriptor)
            self._open = self._descriptor = None
        if segment.records == 0:
            segment.path.unlink(missing_ok=True)
            return
        frozen = segment.path.with_name(f"{segment.path.name}-{segment.records}")
        with contextlib.suppress(OSError):  # then it keeps its name, and is counted
            segment.path.rename(frozen)
            segment.path = frozen
        self._frozen.append(segment)

    def take(self) -> Segment | None:
        """Take the oldest segment out of the queue; its file stays."""
        if not self._frozen:
            self.freeze()
        if not self._frozen:
            return None
        segment = self._frozen.popleft()
        self._records -= segment.records
        self._size -= segment.size
        return segment

    def keep(self, batch_number: int, lines: Sequence[bytes]) -> Segment:
        """Write a whole batch, frozen at once and taken already.

        Raises:
            OSError: It could not be written; nothing is left of it.
        """
        path = self.path / f"{batch_number:08d}-{len(lines)}"
        data = b"".join(map(frame, lines))
        try:
            with os.fdopen(os.open(path, _FLAGS, 0o600), "wb") as stream:
                stream.write(data)
                stream.flush()
                if self._sync:
                    os.fsync(stream.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            raise
        batch = batch_id(self.path.name, batch_number)
        return Segment(path, batch, len(lines), len(data))

    def insert(self, segment: Segment) -> None:
        """Put a segment into the queue, in the order of names."""
        waiting = sorted([*self._frozen, segment], key=lambda each: each.path.name)
        self._frozen = collections.deque(waiting)
        self._records += segment.records
        self._size += segment.size

    def close(self) -> None:
        """Let go of the folder; it is removed when nothing is left in it."""
        if os.name == "nt":  # it removes no file that is open
            self._lock.release()
        with contextlib.suppress(OSError):
            self.freeze()
            if {each.name for each in self.path.iterdir()} <= _OF_THE_FOLDER:
                for name in _OF_THE_FOLDER:
                    (self.path / name).unlink(missing_ok=True)
        self._lock.release()
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def abandon(self) -> None:
        """Let go of it in a child process: it is the parent's."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._lock.release()


def read_segment(segment: Segment) -> tuple[list[bytes], int]:
    """Return the lines of a segment, and how many stretches of it are damaged.

    Raises:
        OSError: It cannot be read now.
    """
    found = scan(segment.path.read_bytes())
    return found.lines, found.damaged


def remove_segment(segment: Segment) -> None:
    """Remove a segment that was delivered.

    Raises:
        OSError: It is still there, and will be sent again by the next program.
    """
    segment.path.unlink(missing_ok=True)


def set_segment_aside(segment: Segment) -> pathlib.Path:
    """Keep a damaged segment beside the others, under a name that no one sends.

    A new name needs no space, so it works on a full disk.
    """
    path = segment.path.with_name(segment.path.name + _DAMAGED)
    segment.path.rename(path)
    return path


def find_segments(folder: pathlib.Path) -> list[Segment]:
    """Return the segments in a folder, the oldest first; some may be empty.

    Raises:
        OSError: The folder, or a segment in it, cannot be read.
    """
    found = []
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        size = path.stat().st_size
        if match["records"] is None:
            intact = scan(path.read_bytes())
            records = len(intact.lines) + intact.damaged
        else:
            records = int(match["records"])
        batch = batch_id(folder.name, int(match["number"]))
        found.append(Segment(path, batch, records if size else 0, size))
    return found


def _sync_folder(path: pathlib.Path) -> None:
    # Windows cannot open folders; its file systems keep names safe by themselves.
    with contextlib.suppress(PermissionError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
