"""Segments: files of frames, each of them one batch.

The number of records is in the name of a segment, or in its end mark; without either,
the records are counted. On some file systems (FAT) a loss of power may lose a renamed
file, so with fsync a segment keeps its name and gets the end mark.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import pathlib
import re
from dataclasses import dataclass

from multimeter.delivery.frames import (
    FRAME_BYTES,
    Scan,
    records_at_end,
    salt_of,
    scan,
    scan_old,
)

__all__ = [
    "Segment",
    "batch_id",
    "find_segments",
    "has_segments",
    "read_segment",
    "remove_segment",
    "segment_name",
    "set_segment_aside",
]

_NAME = re.compile(r"(?P<number>\d{8,})(?P<version>\.v2)?(?:-(?P<records>\d+))?")
_DAMAGED = ".damaged"
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_BLOCK = 4096


def batch_id(folder: str, number: int) -> str:
    """Return the id of a batch; it is unique, as folder names are."""
    return f"{folder}-{number:08d}"


def segment_name(number: int, records: int | None = None) -> str:
    """Return the name of a segment, with its number of records if that is final."""
    # Earlier versions read another format: they ignore names with ``.v2``.
    return f"{number:08d}.v2" + ("" if records is None else f"-{records}")


@dataclass
class Segment:
    """One file of frames.

    Attributes:
        path: The file.
        batch: The id of its batch.
        records: How many records it holds.
        size: Its size in bytes.
        is_counted: Whether ``records`` is exact; if not, the file could not be read.
        is_old: Whether it was written by an earlier version.
        failures: How often it could not be read.
    """

    path: pathlib.Path
    batch: str
    records: int
    size: int
    is_counted: bool = True
    is_old: bool = False
    failures: int = 0


def read_segment(segment: Segment) -> Scan:
    """Read a segment; unreadable parts count as damaged.

    Raises:
        OSError: Nothing of it can be read now.
    """
    return _scan(segment, _read(segment.path))


def _scan(segment: Segment, data: bytes) -> Scan:
    return scan_old(data) if segment.is_old else scan(data, salt_of(segment.batch))


def _read(path: pathlib.Path) -> bytes:
    descriptor = os.open(path, _READ_FLAGS)
    try:
        size = os.fstat(descriptor).st_size
        try:
            return _read_block(descriptor, size, 0)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return _read_around(descriptor, size, error)
    finally:
        os.close(descriptor)


def _read_block(descriptor: int, size: int, offset: int) -> bytes:
    blocks: list[bytes] = []
    os.lseek(descriptor, offset, os.SEEK_SET)
    while size > 0 and (block := os.read(descriptor, size)):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)


def _read_around(descriptor: int, size: int, error: OSError) -> bytes:
    """Read a file with bad sectors: zeros take their place."""
    blocks, is_lost = [], True
    for offset in range(0, size, _BLOCK):
        length = min(_BLOCK, size - offset)
        try:
            blocks.append(_read_block(descriptor, length, offset))
            is_lost = False
        except OSError:
            blocks.append(bytes(length))
    if is_lost:
        raise error
    return b"".join(blocks)


def remove_segment(segment: Segment) -> None:
    """Remove a delivered segment.

    Raises:
        OSError: It is still there; the next program will send it again.
    """
    segment.path.unlink(missing_ok=True)


def set_segment_aside(segment: Segment) -> pathlib.Path:
    """Rename a damaged segment, so that it is kept but not sent.

    A rename needs no space, so it works on a full disk.
    """
    path = segment.path.with_name(segment.path.name + _DAMAGED)
    segment.path.rename(path)
    return path


def has_segments(folder: pathlib.Path) -> bool:
    """Return whether a folder has segments.

    Raises:
        OSError: The folder cannot be read.
    """
    return any(_NAME.fullmatch(each.name) for each in folder.iterdir())


def find_segments(folder: pathlib.Path) -> list[Segment]:
    """Return the segments in a folder, the oldest first; some may be empty.

    Raises:
        OSError: The folder cannot be read.
    """
    with os.scandir(folder) as entries:
        # Skip anything but plain files: reading a pipe may block.
        names = [each.name for each in entries if each.is_file(follow_symlinks=False)]
    matches = [match for name in names if (match := _NAME.fullmatch(name))]
    matches.sort(key=lambda match: int(match["number"]))
    segments = [_segment(folder, match) for match in matches]
    for segment in segments[:-1]:
        # Only the last segment can be empty: an empty one before it lost its records.
        if segment.size == 0 and segment.records == 0 and not segment.is_old:
            segment.records, segment.is_counted = 1, False
    return segments


def _segment(folder: pathlib.Path, match: re.Match[str]) -> Segment:
    path, batch = folder / match[0], batch_id(folder.name, int(match["number"]))
    segment = Segment(path, batch, int(match["records"] or 0), 0)
    segment.is_old = match["version"] is None
    try:
        segment.size = path.stat().st_size
        if match["records"] is None:
            segment.records = _count(segment)
    except OSError:
        # It may become readable later, or in part.
        return dataclasses.replace(segment, records=1, is_counted=False)
    return segment


def _count(segment: Segment) -> int:
    if segment.is_old:
        return _scan(segment, _read(segment.path)).records
    marked = None
    with contextlib.suppress(OSError), segment.path.open("rb") as stream:
        stream.seek(max(0, segment.size - FRAME_BYTES))
        marked = records_at_end(stream.read(), salt_of(segment.batch))
    return _scan(segment, _read(segment.path)).records if marked is None else marked
