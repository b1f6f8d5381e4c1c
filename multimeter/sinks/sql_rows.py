"""Rows: what lines of a logger mean in a table ``(type, time, value)``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from multimeter.errors import LineProtocolError
from multimeter.lines.protocol import decode
from multimeter.sinks.base import Batch

__all__ = ["Ranges", "RefusedRowError", "Row", "Rows", "literal_rows", "parse_rows"]

_NS_PER_US = 1_000
_HALF_US = _NS_PER_US // 2
_LAST_US = (2**32 - 1) * 1_000_000
_TAG = "codename"
_FIELD = "value"

Row = tuple[int, int, float]
"""The id of the codename, the time in microseconds since the epoch, the value."""


class Rows(list[Row]):
    """Some rows: integers, and floats that are finite."""


def literal_rows(rows: Rows, _mapping: object = None) -> str:
    """Return rows as they stand behind VALUES; see :func:`sql_statements.insert`.

    An encoder of PyMySQL: to escape the numbers one by one would take longer than all
    else that a program does for a row.
    """
    texts = []
    for type_id, time_us, value in rows:
        # Whatever is no number is an error here, and cannot become a part of SQL.
        number = float.__repr__(value)
        # With an exponent it is a DOUBLE to the server, without it a DECIMAL.
        exponent = "" if "e" in number else "e0"
        texts.append(
            f"({type_id:d},FROM_UNIXTIME({time_us:d}*0.000001),{number}{exponent})"
        )
    return ",".join(texts)


class RefusedRowError(Exception):
    """A line has no place in the table; its text says why."""


def parse_rows(
    batch: Batch, ids: dict[bytes, int], find_id: Callable[[str], int]
) -> tuple[Rows, dict[int, str]]:
    """Return the rows of a batch, in order, and why some lines have none.

    Args:
        batch: The lines.
        ids: The id of each series (measurement and tags, as they stand in a line) that
            was met before; those that are met are added.
        find_id: Returns the id of a codename; a RefusedRowError says why it has none.

    Returns:
        A row for each line, where none is refused; and the reasons, by index.
    """
    rows = Rows()
    refused: dict[int, str] = {}
    for index, line in enumerate(batch.lines):
        try:
            # Nearly all lines look like this; the decoder takes ten times as long.
            series, field, time_ns = line.split(b" ")
            value = float(field[6:])
            time_us = (int(time_ns) + _HALF_US) // _NS_PER_US
            usual = field[:6] == b"value=" and 0 <= time_us <= _LAST_US
            # The difference is NaN for NaN and for infinity.
            if usual and value - value == 0:
                rows.append((ids[series], time_us, value))
                continue
        except (ValueError, KeyError):
            pass
        try:
            rows.append(_parse(line, ids, find_id))
        except RefusedRowError as error:
            refused[index] = str(error)
    return rows, refused


def _parse(line: bytes, ids: dict[bytes, int], find_id: Callable[[str], int]) -> Row:
    try:
        (record,) = decode(line.decode("utf-8"))
    except LineProtocolError as error:
        raise RefusedRowError(error.reason) from None
    except ValueError as error:
        raise RefusedRowError(str(error)) from None
    value = record.fields.get(_FIELD)
    if record.tags.keys() != {_TAG}:
        raise RefusedRowError(f"a table of values takes one tag, '{_TAG}'")
    if len(record.fields) > 1 or isinstance(value, (str, bool)) or value is None:
        raise RefusedRowError(f"a table of values takes one field, '{_FIELD}', a number")
    if record.time_ns is None:
        raise RefusedRowError("it has no time")
    time_us = (record.time_ns + _HALF_US) // _NS_PER_US
    if not 0 <= time_us <= _LAST_US:
        raise RefusedRowError("SQL has no time before 1970 or after 2106")
    type_id = find_id(record.tags[_TAG])
    series = line.split(b" ")
    if len(series) == 3:  # noqa: PLR2004 - series, field, time: no space is escaped
        ids[series[0]] = type_id
    return type_id, time_us, float(value)


class Ranges:
    """Which records of a batch are stored, by their indices.

    Args:
        bounds: Pairs: the first, and the one after the last.
    """

    def __init__(self, bounds: Iterable[tuple[int, int]] = ()) -> None:
        self._bounds: list[tuple[int, int]] = []
        for start, stop in sorted(bounds):
            if self._bounds and start <= self._bounds[-1][1]:
                before = self._bounds.pop()
                self._bounds.append((before[0], max(stop, before[1])))
            else:
                self._bounds.append((start, stop))

    @classmethod
    def parse(cls, text: str) -> Ranges:
        """Return the ranges that were written as text."""
        pairs = (pair.split("-") for pair in text.split(",") if pair)
        return cls((int(start), int(stop)) for start, stop in pairs)

    def add(self, start: int, stop: int) -> Ranges:
        """Return these ranges and one more."""
        return Ranges([*self._bounds, (start, stop)])

    def __contains__(self, index: int) -> bool:
        return any(start <= index < stop for start, stop in self._bounds)

    def __bool__(self) -> bool:
        return bool(self._bounds)

    def __str__(self) -> str:
        """The ranges as they are kept beside the id of their batch."""
        return ",".join(f"{start}-{stop}" for start, stop in self._bounds)
