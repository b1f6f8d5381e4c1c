"""Line protocol that comes in pieces: never in memory whole, and decoded fast.

The lines of a run are mostly alike: a line that the strict decoder has read becomes a
regular expression that takes the lines like it apart in one step. Every other line goes
through the strict decoder, which alone decides what is accepted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

import orjson

from multimeter.data.record import FieldValue, Record
from multimeter.errors import LineProtocolError
from multimeter.lines.decoder import (
    MAX_TIME_NS,
    RefusedError,
    decode,
    decode_line,
    line_end,
    skip_blank,
    unit_of,
)
from multimeter.lines.protocol import raw_key, raw_series

__all__ = ["decode_pieces"]

_MOST_SHAPES = 64
# Only what is in range whatever its digits are; the rest is for the strict decoder.
_GROUPS = {
    float: r"(-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?)",
    int: r"(-?[0-9]{1,18})i",
}


def decode_pieces(pieces: Iterable[str], precision: str = "ns") -> Iterator[Record]:
    """Decode text that comes in pieces, cut anywhere.

    No more of it is kept than one piece, and the line that it ends in.

    Args:
        pieces: The pieces.
        precision: What a timestamp counts: ``ns``, ``us``, ``ms`` or ``s``.

    Yields:
        As :func:`multimeter.lines.protocol.decode`.

    Raises:
        LineProtocolError: A line is not line protocol.
        ConfigurationError: There is no such precision.
    """
    text, shapes = "", _Shapes(unit_of(precision))
    for piece in pieces:
        text += piece
        done = yield from _whole_lines(text, shapes)
        text = text[done:]
    yield from decode(text, precision=precision)


def _whole_lines(text: str, shapes: _Shapes) -> Generator[Record, None, int]:
    """Yield what more text can not change; return where the rest begins."""
    position, end = 0, len(text)
    while position < end:
        alike = shapes.match(text, position)
        if alike:
            record, position = alike
            yield record
            continue
        start = position = skip_blank(text, position)
        next_line = line_end(text, start) + 1
        if next_line > end:
            break
        if text[start] == "#":
            position = next_line
            continue
        try:
            record, after = decode_line(text, start, shapes.unit)
        except RefusedError as refused:
            line = text[start:next_line].rstrip("\r\n")
            if '"' in line:
                break  # texts may go on over lines, and the rest is still to come
            raise LineProtocolError(line, str(refused)) from None
        if after > end:
            break
        shapes.learn(record)
        yield record
        position = after
    return position


class _Shapes:
    """What lines looked like so far, the last one first.

    Args:
        unit: The length of what a timestamp counts, in ns.
    """

    def __init__(self, unit: int = 1) -> None:
        self.unit = unit
        self._known: dict[object, _Shape | None] = {}
        self._last: _Shape | None = None

    def match(self, text: str, position: int) -> tuple[Record, int] | None:
        """Return the record of a line like the last one, and where the next begins."""
        return self._last.match(text, position) if self._last else None

    def learn(self, record: Record) -> None:
        """Take note of what a line looked like."""
        types = tuple((key, type(value)) for key, value in record.fields.items())
        name = (record.measurement, tuple(record.tags.items()), types)
        if name not in self._known and len(self._known) < _MOST_SHAPES:
            numbers = all(kind in _GROUPS for _, kind in types)
            self._known[name] = _Shape(record, self.unit) if numbers else None
        self._last = self._known.get(name)


class _Shape:
    """A line all of whose fields are numbers, with groups in the place of these."""

    def __init__(self, record: Record, unit: int) -> None:
        self._unit = unit
        self._measurement = record.measurement
        self._tags: Mapping[str, str] = record.tags
        self._keys = list(record.fields)
        self._types = [type(value) for value in record.fields.values()]
        head = raw_series(record.measurement, record.tags)
        fields = ",".join(
            f"{re.escape(raw_key(key))}={_GROUPS[kind]}"
            for key, kind in zip(self._keys, self._types)
        )
        line = f"{re.escape(head)} {fields} (-?[0-9]{{1,19}})\n"
        self._match = re.compile(line, re.ASCII).match

    def match(self, text: str, position: int) -> tuple[Record, int] | None:
        found = self._match(text, position)
        if found is None:
            return None
        *texts, time = found.groups()
        numbers = self._numbers(texts)
        time_ns = int(time) * self._unit
        if abs(time_ns) > MAX_TIME_NS or not math.isfinite(sum(numbers)):
            return None
        fields: dict[str, FieldValue] = dict(zip(self._keys, numbers))
        return Record(self._measurement, self._tags, fields, time_ns), found.end()

    def _numbers(self, texts: Sequence[str]) -> list[float]:
        """Return the numbers of a line: all at once where JSON has their form, too."""
        try:
            numbers: list[float] = orjson.loads(f"[{','.join(texts)}]")
        except orjson.JSONDecodeError:  # such as "1." or "007"
            numbers = []
        # A float without a point is an integer in JSON.
        if list(map(type, numbers)) == self._types:
            return numbers
        return [
            float(text) if kind is float else int(text)
            for kind, text in zip(self._types, texts)
        ]
