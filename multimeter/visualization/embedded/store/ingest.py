"""The fast decoder of line protocol to columns, for bodies of writes.

::

    blocks = decode_columns(body, "ns", time.time_ns())

Points and errors are exactly those of :func:`multimeter.lines.protocol.decode`, only
faster. Consecutive lines nearly always have the same fields, so a line that the strict
decoder has read becomes a regular expression that splits similar lines in one step. Every
other line goes through the strict decoder, and for any irregularity the whole body does:
so acceptance and error messages are decided in one place.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from multimeter.data.record import FieldValue, Record
from multimeter.errors import LineProtocolError
from multimeter.lines.decoder import (
    KEY_SEPARATOR_BYTES,
    MAX_KEY_BYTES,
    MAX_TIME_NS,
    PRECISIONS,
    decode,
)
from multimeter.lines.write_rules import FIELD_TYPES, FieldType

__all__ = [
    "Block",
    "Column",
    "FieldType",
    "Fields",
    "Tags",
    "decode_columns",
]

Fields = tuple[tuple[str, FieldType], ...]
"""Field keys with their types, in the order of the line."""

Tags = tuple[tuple[str, str], ...]
"""Tag keys with their values, sorted by key."""

Column = NDArray[Any]
"""The values of one field: float64, int64, uint64, bool, or str objects."""


@dataclass(frozen=True, eq=False)
class Block:
    """Points of one measurement with the same fields, by column.

    There are no missing values: a point that lacks a field is in another block. ``lines``
    keeps the order of points across blocks, which matters when one point occurs twice.

    Attributes:
        measurement: The measurement of all points.
        fields: The fields of all points.
        tag_sets: The distinct tag sets.
        series: For each point, the index of its tag set in ``tag_sets``.
        times: For each point, nanoseconds since the epoch.
        lines: For each point, its position in the body; increasing.
        columns: For each field, the values of all points.
    """

    measurement: str
    fields: Fields
    tag_sets: tuple[Tags, ...]
    series: NDArray[np.int64]
    times: NDArray[np.int64]
    lines: NDArray[np.int64]
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        """The number of points."""
        return len(self.times)


def decode_columns(body: bytes, precision: str, now_ns: int) -> list[Block]:
    """Decode a body of line protocol to columns.

    Args:
        body: Lines of line protocol, UTF-8.
        precision: The unit of timestamps: ``ns``, ``us``, ``ms`` or ``s``.
        now_ns: The time for points without one; truncated to the precision, as InfluxDB
            does.

    Returns:
        The blocks, sorted by first line; none for a body without points.

    Raises:
        LineProtocolError: A line is not line protocol; the error names the first one.
        KeyError: The precision is unknown.
    """
    _refuse_other_encodings(body)
    unit = PRECISIONS[precision]
    now_ns -= now_ns % unit
    try:
        return _LinesBody(body, precision, now_ns).blocks()
    except (ValueError, OverflowError):
        # The body contains an invalid line. The strict decoder finds the first one, and
        # the reason.
        rows = _Rows()
        for line, record in enumerate(decode(body.decode(), precision=precision)):
            rows.add(line, record, now_ns)
        return rows.blocks()


def _refuse_other_encodings(body: bytes) -> None:
    if body.isascii():
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        start = body.rfind(b"\n", 0, error.start) + 1
        line = body[start : _line_end(body, start)].decode(errors="replace")
        raise LineProtocolError(line.rstrip("\r\n"), "invalid UTF-8") from None


def _line_end(body: bytes, start: int) -> int:
    """Return the end of the line that starts at ``start``, with its newline."""
    return body.find(b"\n", start) + 1 or len(body)


_DTYPES: dict[FieldType, type] = {
    "float": np.float64,
    "integer": np.int64,
    "unsigned": np.uint64,
    "string": object,
    "boolean": np.bool_,
}


def _column(kind: FieldType, values: Sequence[FieldValue]) -> Column:
    return np.array(values, dtype=_DTYPES[kind])


class _Heads(dict[bytes, int]):
    """The numbers of series by head of line: measurement and tags, as received."""

    def __init__(self) -> None:
        super().__init__()
        self.series: dict[tuple[str, Tags], int] = {}

    def number(self, record: Record) -> int:
        tags = tuple(sorted(record.tags.items()))
        return self.series.setdefault((record.measurement, tags), len(self.series))

    def __missing__(self, head: bytes) -> int:
        # A comment that looks like a point gives no record: ValueError, as for an invalid
        # head.
        (record,) = decode(head.decode() + " _=0")
        number = self[head] = self.number(record)
        return number


@dataclass(eq=False)
class _Piece:
    """Some rows with the same fields."""

    series: Sequence[int]
    times: Sequence[int] | NDArray[np.int64]
    lines: Sequence[int]
    columns: Sequence[Column]


class _Rows:
    """The rows decoded so far, by their fields."""

    def __init__(self) -> None:
        self.heads = _Heads()
        self._pieces: dict[Fields, list[_Piece]] = defaultdict(list)
        self._records: dict[Fields, list[tuple[int, int, int, Record]]]
        self._records = defaultdict(list)

    def add(self, line: int, record: Record, now_ns: int) -> Fields:
        """Add one record of the strict decoder; return its fields."""
        fields = tuple((k, FIELD_TYPES[type(v)]) for k, v in record.fields.items())
        time_ns = now_ns if record.time_ns is None else record.time_ns
        row = (self.heads.number(record), time_ns, line, record)
        self._records[fields].append(row)
        return fields

    def add_piece(self, fields: Fields, piece: _Piece) -> None:
        self._pieces[fields].append(piece)

    def blocks(self) -> list[Block]:
        for fields, rows in self._records.items():
            series, times, lines, records = zip(*rows, strict=True)
            values = zip(*(record.fields.values() for record in records), strict=True)
            columns = [
                _column(kind, column)
                for (_, kind), column in zip(fields, values, strict=True)
            ]
            self.add_piece(fields, _Piece(series, times, lines, columns))
        keys = list(self.heads.series)
        numbers: dict[str, int] = {}
        of_series = np.array([numbers.setdefault(m, len(numbers)) for m, _ in keys])
        blocks = chain.from_iterable(
            _blocks_of(fields, pieces, keys, of_series)
            for fields, pieces in self._pieces.items()
        )
        return sorted(blocks, key=lambda block: int(block.lines[0]))


def _blocks_of(
    fields: Fields,
    pieces: list[_Piece],
    keys: Sequence[tuple[str, Tags]],
    measurements: NDArray[np.int64],
) -> Iterator[Block]:
    """Yield a block for each measurement; ``measurements`` numbers those of ``keys``."""
    series = np.concatenate([np.asarray(p.series, np.int64) for p in pieces])
    times = np.concatenate([np.asarray(p.times, np.int64) for p in pieces])
    lines = np.concatenate([np.asarray(p.lines, np.int64) for p in pieces])
    columns = [np.concatenate(c) for c in zip(*(p.columns for p in pieces))]
    order = np.lexsort((lines, measurements[series]))
    series, times, lines = series[order], times[order], lines[order]
    columns = [column[order] for column in columns]
    cuts = np.flatnonzero(np.diff(measurements[series])) + 1
    for start, stop in zip((0, *cuts), (*cuts, len(series)), strict=True):
        distinct, places = np.unique(series[start:stop], return_inverse=True)
        yield Block(
            measurement=keys[distinct[0]][0],
            fields=fields,
            tag_sets=tuple(keys[number][1] for number in distinct),
            series=places.astype(np.int64),
            times=times[start:stop],
            lines=lines[start:stop],
            columns=tuple(column[start:stop] for column in columns),
        )


_BLANK = re.compile(rb"[ \t\0\r\n]+").match
# The head ends at the first space that is not escaped. The alternatives exclude each
# other, so that there is no backtracking; no valid head has more backslashes.
_HEAD = rb"(?!#)([^ \\\n]*(?:\\(?: |(?! ))[^ \\\n]*){0,65535}) "
_TIME = rb" (-?[0-9]{1,19})\r?(?:\n|\Z)"
# Each matches only valid values of its type, though not all; float() checks the matches
# of the first one.
_VALUES: dict[FieldType, bytes] = {
    "float": rb"(-?[.0-9][-+.0-9eE]*)",
    "integer": rb"(-?[0-9]{1,18})i",
    "unsigned": rb"([0-9]{1,19})u",
    "string": rb'"([^"\\]*)"',
    "boolean": rb"(t|T|true|True|TRUE|f|F|false|False|FALSE)",
}
_NUMBERS = frozenset[FieldType](("float", "integer", "unsigned"))
_READERS: dict[FieldType, Callable[[bytes], FieldValue]] = {
    "float": float,
    "integer": int,
    "unsigned": int,
    "string": bytes.decode,
    "boolean": lambda text: text[0] in b"tT",
}


def _values(kind: FieldType, texts: Sequence[bytes]) -> list[FieldValue]:
    """Return the values of a column: numbers all at once where JSON has their form, too."""
    if kind in _NUMBERS:
        try:
            numbers: list[FieldValue] = orjson.loads(b"[%b]" % b",".join(texts))
        except orjson.JSONDecodeError:  # such as "1." or "007"
            pass
        else:
            # To JSON, a float without a point is an integer, which has no -0.
            if kind != "float" or b"-0" not in texts:
                return numbers
    return list(map(_READERS[kind], texts))


_KEY_ESCAPES = re.compile(r"([,= ])")
_ROWS_AT_ONCE = 512
_MAX_SHAPES = 64
_MAX_SHAPE_LENGTH = 16_384


@dataclass(eq=False)
class _LineShape:
    """Lines with the same fields in the same order, with those not converted yet."""

    fields: Fields
    match: Callable[[bytes, int], re.Match[bytes] | None]
    longest_head: int
    rows: list[tuple[bytes, ...]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    follower: _LineShape | None = None

    @classmethod
    def of(cls, fields: Fields) -> _LineShape:
        keys = [_KEY_ESCAPES.sub(r"\\\1", key).encode() for key, _ in fields]
        room = MAX_KEY_BYTES - KEY_SEPARATOR_BYTES - max(map(len, keys))
        parts = (
            re.escape(key) + b"=" + _VALUES[kind]
            for key, (_, kind) in zip(keys, fields, strict=True)
        )
        # Compiled once for all bodies: `re` caches compiled patterns.
        pattern = re.compile(_HEAD + b",".join(parts) + _TIME)
        return cls(fields, pattern.match, room)

    def read(self, heads: _Heads, unit: int) -> _Piece:
        """Convert the rows to columns, and clear them."""
        names, *texts, stamps = zip(*self.rows, strict=True)
        if max(map(len, names)) > self.longest_head:
            raise ValueError
        columns = [
            _column(kind, _values(kind, column))
            for (_, kind), column in zip(self.fields, texts, strict=True)
        ]
        for (_, kind), column in zip(self.fields, columns, strict=True):
            if kind == "float" and not np.isfinite(column).all():
                raise ValueError(kind)
        times = np.array(list(map(int, stamps)), np.int64)
        last = MAX_TIME_NS // unit
        if times.min() < -last or times.max() > last:
            raise OverflowError
        series = [heads[name] for name in names]
        piece = _Piece(series, times * unit, self.lines, columns)
        self.rows, self.lines = [], []
        return piece


class _LinesBody:
    """The decoder of one body."""

    def __init__(self, body: bytes, precision: str, now_ns: int) -> None:
        self._body = body
        self._precision = precision
        self._now_ns = now_ns
        self._rows = _Rows()
        self._shapes: dict[Fields, _LineShape] = {}
        self._seen: set[Fields] = set()

    def blocks(self) -> list[Block]:
        position, line, end = 0, 0, len(self._body)
        shape: _LineShape | None = None
        while position < end:
            match = shape.match(self._body, position) if shape else None
            if match is None:
                shape, match = self._find(shape, position)
            if match is None or shape is None:
                if blank := _BLANK(self._body, position):
                    position = blank.end()
                    continue
                records, position = self._decode_strictly(position)
                for record in records:
                    self._learn(self._rows.add(line, record, self._now_ns))
                    line += 1
                continue
            shape.rows.append(match.groups())
            shape.lines.append(line)
            line += 1
            position = match.end()
            # Regularly, while the texts are still in the processor's cache.
            if len(shape.rows) == _ROWS_AT_ONCE:
                self._read(shape)
        for shape in self._shapes.values():
            if shape.rows:
                self._read(shape)
        return self._rows.blocks()

    def _read(self, shape: _LineShape) -> None:
        piece = shape.read(self._rows.heads, PRECISIONS[self._precision])
        self._rows.add_piece(shape.fields, piece)

    def _find(
        self, last: _LineShape | None, position: int
    ) -> tuple[_LineShape | None, re.Match[bytes] | None]:
        """Find the shape of a line that differs from the previous one."""
        guess = [last.follower] if last and last.follower else []
        for shape in chain(guess, self._shapes.values()):
            match = shape.match(self._body, position)
            if match:
                if last:
                    last.follower = shape
                return shape, match
        return last, None

    def _learn(self, fields: Fields) -> None:
        # A pattern costs as much as dozens of lines: compile it only for repeated fields,
        # and only so many that trying them all is cheaper than the strict decoder.
        if fields not in self._seen:
            self._seen.add(fields)
        elif (
            fields not in self._shapes
            and len(self._shapes) < _MAX_SHAPES
            and sum(len(key) for key, _ in fields) <= _MAX_SHAPE_LENGTH
        ):
            self._shapes[fields] = _LineShape.of(fields)

    def _decode_strictly(self, start: int) -> tuple[list[Record], int]:
        """Decode the line at ``start``, with the lines that its strings extend to."""
        end = _line_end(self._body, start)
        while True:
            text = self._body[start:end].decode()
            try:
                return list(decode(text, precision=self._precision)), end
            except LineProtocolError as error:
                if error.reason != "unbalanced quotes" or end == len(self._body):
                    raise
            # A string may contain newlines. Double the range each time, so that a long one
            # does not take quadratic time.
            end = _line_end(self._body, min(2 * end - start, len(self._body) - 1))
