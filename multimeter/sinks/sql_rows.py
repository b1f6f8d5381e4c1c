"""Rows: what a line of a logger means in a table ``(type, time, value)``. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from multimeter.errors import LineProtocolError
from multimeter.line_protocol import decode
from multimeter.sinks.base import Batch

__all__ = ["Ranges", "Row", "Value", "parse_values", "to_rows"]

_NS_PER_US = 1_000
_LAST_US = (2**32 - 1) * 1_000_000
_FIELD = "value"
_TAG = "codename"


class Value(NamedTuple):
    """One logged value.

    Attributes:
        codename: What was logged.
        time_us: When, in microseconds since the epoch, rounded.
        value: The value.
    """

    codename: str
    time_us: int
    value: float


Row = tuple[int, int, float]
"""The id of the codename, the time in microseconds since the epoch, the value."""


def parse_values(batch: Batch) -> tuple[list[Value | None], dict[int, str]]:
    """Return the value of each line, and why some have none.

    Returns:
        As many values as there are lines, None where a line has none; and for those
        the reasons, by index.
    """
    values: list[Value | None] = []
    refused: dict[int, str] = {}
    codenames: dict[bytes, str] = {}
    for index, line in enumerate(batch.lines):
        # Nearly all lines look like this; the general decoder takes ten times as long.
        parts = line.split(b" ")
        if len(parts) == 3 and parts[0] in codenames and parts[1][:6] == b"value=":  # noqa: PLR2004 - series, field, time
            try:
                value, time_us = float(parts[1][6:]), (int(parts[2]) + 500) // _NS_PER_US
            except ValueError:
                pass
            else:
                if 0 <= time_us <= _LAST_US and math.isfinite(value):
                    values.append(Value(codenames[parts[0]], time_us, value))
                    continue
        try:
            values.append(_parse(line))
        except ValueError as error:
            values.append(None)
            refused[index] = str(error)
        else:
            if len(parts) == 3:  # noqa: PLR2004 - the series has no space in it
                codenames[parts[0]] = values[-1].codename  # type: ignore[union-attr]
    return values, refused


def _parse(line: bytes) -> Value:
    """Return the value of any line; a ValueError says why there is none."""
    try:
        (record,) = decode(line.decode("utf-8"))
    except LineProtocolError as error:
        raise ValueError(error.reason) from None
    codename = record.tags.get(_TAG)
    value = record.fields.get(_FIELD)
    if codename is None or len(record.tags) > 1:
        raise ValueError(f"a table of values takes one tag, '{_TAG}'")
    if len(record.fields) > 1 or isinstance(value, (str, bool)) or value is None:
        raise ValueError(f"a table of values takes one field, '{_FIELD}', a number")
    if record.time_ns is None:
        raise ValueError("it has no time")
    time_us = (record.time_ns + _NS_PER_US // 2) // _NS_PER_US
    if not 0 <= time_us <= _LAST_US:
        raise ValueError(
            "its time is before 1970 or after 2106, where SQL has no such time"
        )
    return Value(codename, time_us, float(value))


class Ranges:
    """Which records of a batch are stored, by their indices.

    Args:
        bounds: Pairs: the first, and the one after the last.
    """

    def __init__(self, bounds: Iterable[tuple[int, int]] = ()) -> None:
        self._bounds: list[tuple[int, int]] = []
        for start, stop in sorted(bounds):
            if self._bounds and start <= self._bounds[-1][1]:
                start, before = self._bounds.pop()
                stop = max(stop, before)
            self._bounds.append((start, stop))

    @classmethod
    def parse(cls, text: str) -> Ranges:
        """Return the ranges that :meth:`__str__` wrote."""
        pairs = (pair.split("-") for pair in text.split(",") if pair)
        return cls((int(start), int(stop)) for start, stop in pairs)

    def add(self, start: int, stop: int) -> Ranges:
        """Return these ranges and one more."""
        return Ranges([*self._bounds, (start, stop)])

    def __contains__(self, index: int) -> bool:
        return any(start <= index < stop for start, stop in self._bounds)

    def __str__(self) -> str:
        """The ranges as they are kept beside the id of their batch."""
        return ",".join(f"{start}-{stop}" for start, stop in self._bounds)


def to_rows(
    values: Sequence[Value | None], ids: Mapping[str, int], first: int, stored: Ranges
) -> list[Row]:
    """Return the rows of the values that are not stored yet.

    Args:
        values: The values.
        ids: The id of each codename.
        first: The index of the first value in its batch.
        stored: Which records of the batch are stored already.
    """
    return [
        (ids[value.codename], value.time_us, value.value)
        for index, value in enumerate(values, first)
        if value is not None and index not in stored
    ]
