"""The file format of segments: frames with checksums, so damage stays local.

A frame is a marker (the byte 0xFF, which never occurs in UTF-8), the index of the record
in its file, the length of its line, a CRC-32 (4 bytes each, big endian), and the line.
The checksum covers all of them and starts from a salt that is unique to the file: stale
disk blocks of another file do not pass for frames of this one. The index identifies the
record even where the frames before it are damaged.

A frame without a line is the end mark: its index is the number of records.

A program that is killed while it writes may leave the beginning of a frame at the end of
a file. The kernel writes page by page and looks for signals in between, so the file ends
with a page (generic_perform_write in mm/filemap.c). The write had not returned: that
record was never accepted, and does not count as damaged.

Files of earlier versions have frames without an index and a salt: their CRC starts with
the length. They are read, but no longer written.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

__all__ = [
    "FRAME_BYTES",
    "MOST_LINE_BYTES",
    "Scan",
    "end_mark",
    "frame",
    "records_at_end",
    "salt_of",
    "scan",
    "scan_old",
]

_MARKER = b"\xff"
_MARKER_BYTE = _MARKER[0]
_HEAD = struct.Struct(">BII")
_BEGIN = struct.Struct(">BI")
_SUM = struct.Struct(">I")
_OLD_HEAD = struct.Struct(">BII")
FRAME_BYTES = _HEAD.size + _SUM.size
"""How many bytes a frame adds to its line."""

MOST_LINE_BYTES = 64 * 2**20
"""The longest line that is read from a file; no server accepts longer ones."""

# Pages of all systems are multiples of it.
_PAGE = 4096

# Garbage may look like the heads of many long frames. Bounds the bytes whose checksum
# does not match, as a multiple of the file's size.
_MOST_WASTED = 16


class Scan(NamedTuple):
    """The contents of a file of frames.

    Attributes:
        parts: The intact lines: runs of consecutive lines, each with the index of its
            first line.
        damaged: How many damaged stretches of bytes lie between them.
        records: How many records there were, as far as can be determined.
    """

    parts: list[tuple[int, list[bytes]]]
    damaged: int
    records: int

    @property
    def lines(self) -> list[bytes]:
        """All intact lines."""
        return [line for _, lines in self.parts for line in lines]


class _Frame(NamedTuple):
    record: int | None
    line: bytes
    size: int


class _Allowance:
    """How many more bytes may be spent on checksums that do not match."""

    def __init__(self, data: bytes) -> None:
        self.left = _MOST_WASTED * len(data)


_Read = Callable[[bytes, int, _Allowance], _Frame | None]


def salt_of(name: str) -> int:
    """Return the salt of a file, from its unique name."""
    return zlib.crc32(name.encode("utf-8", "surrogateescape"))


def frame(line: bytes, index: int = 0, salt: int = 0) -> bytes:
    """Return the frame of a line.

    Args:
        line: The line; not empty.
        index: Which record of its file it is, from 0.
        salt: The salt of the file.
    """
    head = _HEAD.pack(_MARKER_BYTE, index, len(line))
    return head + _SUM.pack(zlib.crc32(line, zlib.crc32(head, salt))) + line


def end_mark(records: int, salt: int) -> bytes:
    """Return the frame with the number of records of a file."""
    return frame(b"", records, salt)


def records_at_end(tail: bytes, salt: int) -> int | None:
    """Return how many records a file has, from its last ``FRAME_BYTES`` bytes.

    None if it does not end with an end mark.
    """
    if len(tail) < FRAME_BYTES:
        return None
    _, index, size = _HEAD.unpack_from(tail)
    return index if size == 0 and tail == end_mark(index, salt) else None


def scan(data: bytes, salt: int = 0) -> Scan:
    """Return all intact lines of a file, skipping damaged bytes between them."""

    def read(data: bytes, position: int, allowance: _Allowance) -> _Frame | None:
        start = position + FRAME_BYTES
        if start > len(data):
            return None
        _, index, size = _HEAD.unpack_from(data, position)
        # Reject an index that needs more bytes than precede this frame.
        if index * FRAME_BYTES > position or size > min(MOST_LINE_BYTES, len(data) - start):
            return None
        (checksum,) = _SUM.unpack_from(data, start - _SUM.size)
        line = data[start : start + size]
        head = _HEAD.pack(_MARKER_BYTE, index, size)
        if zlib.crc32(line, zlib.crc32(head, salt)) == checksum:
            return _Frame(index, line, FRAME_BYTES + size)
        allowance.left -= size
        return None

    return _scan(data, read, _is_cut_write)


def _is_cut_write(data: bytes, position: int, index: int) -> bool:
    """Return whether the rest is what a killed program wrote of a frame.

    Args:
        data: The file.
        position: Where the rest begins.
        index: Which record the frame would have.
    """
    rest = data[position:]
    begin = _BEGIN.pack(_MARKER_BYTE, index)
    if len(data) % _PAGE or not begin.startswith(rest[: len(begin)]):
        return False
    if len(rest) < FRAME_BYTES:
        return True
    size: int = _HEAD.unpack_from(rest)[-1]
    return len(rest) < FRAME_BYTES + size


def scan_old(data: bytes) -> Scan:
    """Return all intact lines of a file of an earlier version.

    A damaged stretch counts as one record.
    """

    def read(data: bytes, position: int, allowance: _Allowance) -> _Frame | None:
        start = position + _OLD_HEAD.size
        if start >= len(data):
            return None
        _, size, checksum = _OLD_HEAD.unpack_from(data, position)
        if not 0 < size <= len(data) - start:
            return None
        line = data[start : start + size]
        if zlib.crc32(line, size) == checksum:
            return _Frame(None, line, start + size - position)
        allowance.left -= size
        return None

    return _scan(data, read, lambda *_: False)


def _scan(data: bytes, read: _Read, is_cut: Callable[[bytes, int, int], bool]) -> Scan:
    parts: list[tuple[int, list[bytes]]] = []
    damaged = position = least = 0
    is_gap = False
    allowance = _Allowance(data)
    while position < len(data):
        # The checksum identifies a frame: a flipped marker does no harm.
        read_frame = read(data, position, allowance)
        if read_frame is None or (
            read_frame.record is not None and read_frame.record < least
        ):
            begin, position = position, _next_frame(data, position, read, allowance)
            if position == len(data) and not is_gap and is_cut(data, begin, least):
                break
            damaged += 1
            is_gap = True
            continue
        position += read_frame.size
        index = least + is_gap if read_frame.record is None else read_frame.record
        is_gap = False
        least = index
        if read_frame.line:
            if not parts or index > parts[-1][0] + len(parts[-1][1]):
                parts.append((index, []))
            parts[-1][1].append(read_frame.line)
            least += 1
    return Scan(parts, damaged, least + is_gap)


def _next_frame(data: bytes, position: int, read: _Read, allowance: _Allowance) -> int:
    while (position := data.find(_MARKER, position + 1)) >= 0:
        if allowance.left < 0:
            break
        if read(data, position, allowance) is not None:
            return position
    return len(data)
