"""Frames: how records lie in a file, so that damage costs those that it hits, no more.

A frame is a marker (the byte 0xFF, which UTF-8 never has), the length of the line and
its CRC-32 (4 bytes each, big endian, the length included in the sum), and the line.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

__all__ = ["FRAME_BYTES", "Scan", "frame", "scan"]

_MARKER = b"\xff"
_HEADER = struct.Struct(">II")
FRAME_BYTES = len(_MARKER) + _HEADER.size
"""How many bytes a frame adds to its line."""


class Scan(NamedTuple):
    """What a file holds.

    Attributes:
        lines: The lines that are as they were written.
        damaged: How many stretches between them are not.
    """

    lines: list[bytes]
    damaged: int


def frame(line: bytes) -> bytes:
    """Return the frame of a line, which must not be empty."""
    size = len(line)
    return _MARKER + _HEADER.pack(size, zlib.crc32(line, size)) + line


def scan(data: bytes) -> Scan:
    """Return all lines that are intact, whatever lies between them."""
    lines: list[bytes] = []
    damaged = position = 0
    while position < len(data):
        line = _line_at(data, position)
        if line is None:
            damaged += 1
            position = _next_frame(data, position)
        else:
            lines.append(line)
            position += FRAME_BYTES + len(line)
    return Scan(lines, damaged)


def _line_at(data: bytes, position: int) -> bytes | None:
    # A flipped marker does no harm: the sum tells whether this is a frame.
    start = position + FRAME_BYTES
    if start >= len(data):
        return None
    size, checksum = _HEADER.unpack_from(data, position + len(_MARKER))
    if not 0 < size <= len(data) - start:
        return None
    line = data[start : start + size]
    return line if zlib.crc32(line, size) == checksum else None


def _next_frame(data: bytes, position: int) -> int:
    while (position := data.find(_MARKER, position + 1)) >= 0:
        if _line_at(data, position) is not None:
            return position
    return len(data)
