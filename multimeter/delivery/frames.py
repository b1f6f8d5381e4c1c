"""Frames: how records lie in a file, so that damage costs those that it hits, no more.

A frame is a marker (the byte 0xFF, which UTF-8 never has), the index of the record in
its file, the length of its line, a CRC-32 (4 bytes each, big endian), and the line. The
sum covers all of them, and begins with a salt that each file has
of its own: what a disk brings to light of another file is no frame of this one. The
index says which record it is, also where those before it are damaged.

A frame without a line is the end mark: its index is the number of records.

Files of earlier versions have frames without an index and a salt: their CRC begins with
the length. They are read, not written.
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
_SUM = struct.Struct(">I")
_OLD_HEAD = struct.Struct(">BII")
FRAME_BYTES = _HEAD.size + _SUM.size
"""How many bytes a frame adds to its line."""

MOST_LINE_BYTES = 64 * 2**20
"""The longest line that is read from a file; no server takes one."""

# Garbage may look like the beginnings of many long frames. All that is summed up in vain
# is at most so many times the file.
_MOST_IN_VAIN = 16


class Scan(NamedTuple):
    """What a file holds.

    Attributes:
        parts: The lines that are as they were written: stretches without a gap, each
            with the index of its first line.
        damaged: How many stretches of bytes between them are not.
        records: How many records there were, as far as that can be known.
    """

    parts: list[tuple[int, list[bytes]]]
    damaged: int
    records: int

    @property
    def lines(self) -> list[bytes]:
        """All lines that are as they were written."""
        return [line for _, lines in self.parts for line in lines]


class _Frame(NamedTuple):
    record: int | None
    line: bytes
    size: int


class _Allowance:
    """How many bytes may still be summed up in vain."""

    def __init__(self, data: bytes) -> None:
        self.left = _MOST_IN_VAIN * len(data)


_Read = Callable[[bytes, int, _Allowance], _Frame | None]


def salt_of(name: str) -> int:
    """Return the salt of a file, from a name that no other file has."""
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
    """Return the frame that says how many records a file has."""
    return frame(b"", records, salt)


def records_at_end(tail: bytes, salt: int) -> int | None:
    """Return how many records a file has, from its last ``FRAME_BYTES`` bytes.

    None where it does not end with an end mark.
    """
    if len(tail) < FRAME_BYTES:
        return None
    _, index, size = _HEAD.unpack_from(tail)
    return index if size == 0 and tail == end_mark(index, salt) else None


def scan(data: bytes, salt: int = 0) -> Scan:
    """Return all lines of a file that are intact, whatever lies between them."""

    def read(data: bytes, position: int, allowance: _Allowance) -> _Frame | None:
        start = position + FRAME_BYTES
        if start > len(data):
            return None
        _, index, size = _HEAD.unpack_from(data, position)
        # So many records need more bytes than there are before this one.
        if index * FRAME_BYTES > position or size > min(MOST_LINE_BYTES, len(data) - start):
            return None
        (checksum,) = _SUM.unpack_from(data, start - _SUM.size)
        line = data[start : start + size]
        head = _HEAD.pack(_MARKER_BYTE, index, size)
        if zlib.crc32(line, zlib.crc32(head, salt)) == checksum:
            return _Frame(index, line, FRAME_BYTES + size)
        allowance.left -= size
        return None

    return _scan(data, read)


def scan_old(data: bytes) -> Scan:
    """Return all intact lines of a file of an earlier version.

    A stretch that is damaged is taken for one record.
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

    return _scan(data, read)


def _scan(data: bytes, read: _Read) -> Scan:
    parts: list[tuple[int, list[bytes]]] = []
    damaged = position = least = 0
    is_gap = False
    allowance = _Allowance(data)
    while position < len(data):
        # A flipped marker does no harm: the sum tells whether this is a frame.
        found = read(data, position, allowance)
        if found is None or (found.record is not None and found.record < least):
            damaged += 1
            is_gap = True
            position = _next_frame(data, position, read, allowance)
            continue
        position += found.size
        index = least + is_gap if found.record is None else found.record
        is_gap = False
        least = index
        if found.line:
            if not parts or index > parts[-1][0] + len(parts[-1][1]):
                parts.append((index, []))
            parts[-1][1].append(found.line)
            least += 1
    return Scan(parts, damaged, least + is_gap)


def _next_frame(data: bytes, position: int, read: _Read, allowance: _Allowance) -> int:
    while (position := data.find(_MARKER, position + 1)) >= 0:
        if allowance.left < 0:
            break
        if read(data, position, allowance) is not None:
            return position
    return len(data)
