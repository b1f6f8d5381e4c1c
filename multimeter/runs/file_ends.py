"""What the first and the last lines of a file say of the run between them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multimeter.data.identifiers import RUNS
from multimeter.data.timestamps import parse_iso
from multimeter.errors import MultimeterError
from multimeter.lines.protocol import decode
from multimeter.result import Result
from multimeter.storages.formats import Stream

__all__ = ["FileEnds", "read_ends"]

_HEAD = 4 * 1024**2
_TAIL = 256 * 1024
_MARKS = b'\n], "marks": ['
_ENTRY = f"{RUNS},".encode()
_ODD = (ValueError, KeyError, TypeError, AttributeError, RecursionError, MultimeterError)


@dataclass(frozen=True)
class FileEnds:
    """What is known of a run; None where it is not.

    Attributes:
        identifier: Its identifier.
        tags: Its tags.
        start_ns: The time of the first point, in ns since the epoch.
        end_ns: The time of the last point.
        points: The number of points.
        state: As in :class:`~multimeter.runs.source.RunEntry`.
    """

    identifier: str | None
    tags: Mapping[str, str]
    start_ns: int | None = None
    end_ns: int | None = None
    points: int | None = None
    state: str = "ended"

    @classmethod
    def of(cls, result: Result) -> FileEnds:
        """Return what is known of a run that has been read."""
        times = result.times_ns
        start, end = (times[0], times[-1]) if len(times) else (None, None)
        return cls(result.identifier, result.tags, start, end, len(times))


def read_ends(file: Stream, ending: str) -> FileEnds | None:
    """Return what the ends of a file say, or None where they do not look as ours do.

    Args:
        file: A file that can be searched; it is left anywhere.
        ending: ``.json`` or ``.line``.
    """
    try:
        return _ends_of_json(file) if ending == ".json" else _ends_of_lines(file)
    except _ODD:
        return None


def _ends_of_json(file: Stream) -> FileEnds | None:
    head = file.readline(_HEAD).rstrip()
    opening = b', "points": ['
    if not head.endswith(opening):
        return None
    about = json.loads(head.removesuffix(opening) + b"}")
    first = file.readline(_HEAD)
    tail, _, marks = _tail(file).rpartition(_MARKS)
    if not marks.rstrip().endswith(b"]}"):
        return None  # torn, or with more marks than the tail holds
    last = tail.rpartition(b"\n")[2] if tail else b""
    if first.startswith(b"]"):
        return FileEnds(about["identifier"], dict(about["tags"]), points=0)
    start_ns, end_ns = _time_of(first), _time_of(last)
    if end_ns < start_ns:
        return None  # other programs may write points in any order
    return FileEnds(about["identifier"], dict(about["tags"]), start_ns, end_ns)


def _time_of(line: bytes) -> int:
    return parse_iso(json.loads(line.strip().removesuffix(b","))["datetime"])


def _ends_of_lines(file: Stream) -> FileEnds | None:
    tail = b"\n" + _tail(file)
    start = tail.rfind(b"\n" + _ENTRY)
    if start < 0:
        return None
    records = list(decode(tail[start:].decode()))
    fields: Mapping[str, Any] = records[-1].fields
    if records[-1].measurement != RUNS or "tags" not in fields:
        return None
    return FileEnds(
        str(fields["identifier"]),
        dict(json.loads(str(fields["tags"]))),
        fields.get("start"),
        fields.get("end"),
        fields.get("points"),
        "live" if fields.get("state") == "running" else "ended",
    )


def _tail(file: Stream) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    return file.read()
