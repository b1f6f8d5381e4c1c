"""The points of a result as line protocol, by column where that is possible."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any

from multimeter.data.columns import ABSENT, Column
from multimeter.data.record import Unsigned
from multimeter.errors import FormatError
from multimeter.lines.protocol import (
    cannot_be_first,
    comes_back,
    escape_key,
    escape_measurement,
    format_field,
    format_tags,
    raw_key,
    raw_series,
)
from multimeter.result import Result

__all__ = ["encode_points", "is_as_read"]

_SUFFIXES = {"d": "", "q": "i"}
_ROWS_AT_ONCE = 256
_NUMBERS = frozenset((float, int, Unsigned))
_INT64 = 2**63


def encode_points(result: Result) -> Iterator[str]:
    """Encode the points of a result, one line each.

    Raises:
        FormatError: Two measures or tags cannot be told apart in line protocol.
    """
    return _Points(result).lines()


def is_as_read(result: Result) -> bool:
    """Tell whether a result came from lines, and is written with the names of these."""
    name = result.identifier or ""
    return name == result.read_as and comes_back(name, result.tags)


class _Points:
    """The points of a result with what is the same in each of their lines."""

    def __init__(self, result: Result) -> None:
        name, columns = result.identifier or "", result.columns
        if is_as_read(result):
            self._head = raw_series(name, result.tags)
            keys = sorted(columns, key=cannot_be_first)
            self._columns = {_key_as_read(key): columns[key] for key in keys}
        else:
            self._head = escape_measurement(name) + format_tags(result.tags)
            self._columns = dict(zip(_field_keys(columns), columns.values()))
        self._times = list(result.times_ns)
        self._packed = _packed(self._columns, len(self._times))
        # Of columns that stand still: the bytes of a block, and the text of a value.
        self._still: dict[str, tuple[bytes, str]] = {}
        # A field keeps one type: numbers of several types become floats.
        self._as_float = {
            key for key, column in self._columns.items() if _mixes_numbers(column)
        }

    def lines(self) -> Iterator[str]:
        """Yield the lines; a point without any value has none."""
        rows = range(len(self._times))
        if not self._columns or len(self._packed) < len(self._columns):
            return iter(self._lines_by_row(rows))
        blocks = (rows[first : first + _ROWS_AT_ONCE] for first in rows[::_ROWS_AT_ONCE])
        return chain.from_iterable(map(self._lines_by_column, blocks))

    def _lines_by_column(self, rows: range) -> Iterable[str]:
        """Put lines together of what is the same in all of them, and of what moves.

        That is several times faster than to go value by value.
        """
        pieces: list[Iterable[str]] = []
        same = f"{self._head} "
        for key, column in self._packed.items():
            values = column[rows.start : rows.stop]
            text = self._text_of_all(key, values)
            if text is None:
                # A sum is finite only if all that is in it is.
                if not math.isfinite(sum(values)):
                    return self._lines_by_row(rows)
                pieces += repeat(f"{same}{key}="), map(repr, values)
                same = _SUFFIXES[values.typecode] + ","
            else:
                same += text
        same = same.removesuffix(",") + " "
        pieces += repeat(same), map(repr, self._times[rows.start : rows.stop])
        return map("".join, zip(*pieces))

    def _text_of_all(self, key: str, values: array[Any]) -> str | None:
        """Return a field that is the same in all rows of a block, if it is a number."""
        found, block = self._still.get(key), values.tobytes()
        if found is not None and found[0] == block:
            return found[1]
        if block != values[:1].tobytes() * len(values) or not math.isfinite(values[0]):
            return None
        text = f"{key}={values[0]!r}{_SUFFIXES[values.typecode]},"
        self._still[key] = block, text
        return text

    def _lines_by_row(self, rows: range) -> Iterable[str]:
        return (line for line in map(self._line, rows) if line is not None)

    def _line(self, row: int) -> str | None:
        fields = ",".join(
            f"{key}={text}"
            for key, text in ((key, self._text(key, row)) for key in self._columns)
            if text is not None
        )
        return f"{self._head} {fields} {self._times[row]}" if fields else None

    def _text(self, key: str, row: int) -> str | None:
        column = self._columns[key]
        value: Any = column.get(row) if row < len(column) else ABSENT
        if value is ABSENT:
            return None
        text = format_field(value)
        if key in self._as_float and text is not None and text.endswith(("i", "u")):
            return format_field(float(value))
        return text


def _packed(columns: Mapping[str, Column], rows: int) -> dict[str, array[Any]]:
    """Return the columns that have a number in each row."""
    return {
        key: column.dense
        for key, column in columns.items()
        if isinstance(column.dense, array) and len(column) >= rows
    }


def _mixes_numbers(column: Column) -> bool:
    """Tell whether all values are numbers, and their forms are of several types."""
    if isinstance(column.dense, array):
        return False
    cells = map(column.get, range(len(column)))
    types = {_type_of_form(c) for c in cells if c is not None and c is not ABSENT}
    return len(types) > 1 and types <= _NUMBERS


def _type_of_form(value: Any) -> type:
    """Return the type that a value has in a line: an integer of 64 bits, or a float."""
    kind = type(value)
    return float if kind is int and not -_INT64 <= value < _INT64 else kind


def _key_as_read(key: str) -> str:
    return raw_key(key) if comes_back("m", {}, key) else escape_key(key)


def _field_keys(keys: Iterable[str]) -> list[str]:
    keys = list(keys)
    escaped = [escape_key(key) for key in keys]
    if len(set(escaped)) < len(keys):
        twice = next(k for k in escaped if escaped.count(k) > 1)
        raise FormatError(
            f"Two measures have the same name in line protocol: {twice}",
            cause="Their keys differ only in characters that line protocol lacks.",
            next_step="Give one of them another key, or store the result as JSON.",
        )
    return escaped
