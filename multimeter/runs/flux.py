"""Flux, as far as runs need it: queries as text, and answers in annotated CSV. Pure.

https://docs.influxdata.com/flux/v0/spec/lexical-elements/#string-literals
https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/
"""

from __future__ import annotations

import csv
import heapq
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from multimeter.data.identifiers import FIGURE_PREFIX, MARKS, RUNS
from multimeter.data.record import FieldValue, Record, Unsigned
from multimeter.data.timestamps import parse_iso
from multimeter.errors import StorageError

__all__ = ["list_query", "name_query", "quoted", "read_records", "run_query"]

Row = tuple[int, str, FieldValue]
_LISTED = ("duration", "peak_memory", "cpu", "cpu_time")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_EVER = "range(start: time(v: 0), stop: 2200-01-01T00:00:00Z)"
_LONGEST_CELL = 2**31 - 1


def quoted(text: str) -> str:
    """Return a text as a string literal that means this text and nothing else.

    In a literal, ``${...}`` is an expression whose value is put there, unless there is
    a backslash before it.
    """
    return '"' + text.translate(_ESCAPES).replace("${", "\\${") + '"'


def list_query(bucket: str) -> str:
    """Return the query for the entries of all runs, without what is long in them."""
    said = ("identifier", "tags", "points", "start", "end", "state", "alive_until")
    fields = (*said, *(f"{FIGURE_PREFIX}{key}" for key in _LISTED))
    wanted = " or ".join(f'r._field == "{field}"' for field in fields)
    return (
        f"from(bucket: {quoted(bucket)}) |> {_EVER}"
        f' |> filter(fn: (r) => r._measurement == "{RUNS}" and ({wanted})) |> last()'
    )


def name_query(bucket: str, measurement: str) -> str:
    """Return the query for whether there is a run of this measurement."""
    return (
        f"from(bucket: {quoted(bucket)}) |> {_EVER} |> filter(fn: (r) =>"
        f' r._measurement == "{RUNS}" and r.measurement == {quoted(measurement)}'
        ' and r._field == "identifier") |> last()'
    )


def run_query(bucket: str, measurement: str) -> str:
    """Return the query for all that there is of a run: points, marks, and its entry."""
    name = quoted(measurement)
    beside = f'(r._measurement == "{MARKS}" or r._measurement == "{RUNS}")'
    return (
        f"from(bucket: {quoted(bucket)}) |> {_EVER} |> filter(fn: (r) =>"
        f" r._measurement == {name} or ({beside} and r.measurement == {name}))"
    )


def read_records(lines: Iterable[str]) -> Iterator[Record]:
    """Return the points of an answer, each whole, in the order of time for each series.

    Args:
        lines: The lines of the answer, with their ends.

    Raises:
        StorageError: The answer is an error, or is not annotated CSV.
    """
    series: dict[tuple[str, tuple[tuple[str, str], ...]], _Fields] = {}
    try:
        for row in _rows(lines):
            tags = tuple((k, str(v)) for k, v in row.items() if k and k[0] != "_")
            key = (str(row["_measurement"]), tags)
            series.setdefault(key, _Fields()).add(row)
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise StorageError(
            f"The server answered something else than annotated CSV: {error!r}",
            cause="Another server listens there.",
        ) from error
    for (measurement, tags), fields in series.items():
        for time, values in fields.points():
            yield Record(measurement, dict(tags), values, time)


class _Fields:
    """The fields of one series, each packed as it comes."""

    def __init__(self) -> None:
        self._times: dict[str, array[int]] = {}
        self._values: dict[str, list[FieldValue]] = {}

    def add(self, row: dict[str, Any]) -> None:
        """Add the value of one field at one time."""
        field = row["_field"]
        self._times.setdefault(field, array("q")).append(row["_time"])
        self._values.setdefault(field, []).append(row["_value"])

    def points(self) -> Iterator[tuple[int, dict[str, FieldValue]]]:
        """Return the points: those of all fields at one time together."""
        rows = heapq.merge(*map(self._rows, self._times), key=itemgetter(0))
        for time, same in groupby(rows, itemgetter(0)):
            yield time, {field: value for _, field, value in same}

    def _rows(self, field: str) -> Iterator[Row]:
        times, values = self._times[field], self._values[field]
        return ((time, field, value) for time, value in zip(times, values))


_PARSERS: dict[str, Callable[[str], Any]] = {
    "long": int,
    "unsignedLong": lambda text: Unsigned(int(text)),
    "double": float,
    "boolean": lambda text: text == "true",
    "string": str,
    "dateTime:RFC3339": parse_iso,
    "dateTime:RFC3339Nano": parse_iso,
}
_AROUND = ("", "result", "table", "_start", "_stop")


def _rows(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Return the rows of annotated CSV, their values of the types that it says."""
    csv.field_size_limit(_LONGEST_CELL)
    types: list[str] = []
    names: list[str] | None = None
    for cells in csv.reader(lines):
        if not cells or cells[0].startswith("#"):
            names = None
            types = cells[1:] if cells[:1] == ["#datatype"] else types
        elif names is None and not types:
            raise ValueError(cells)
        elif names is None:
            names = cells[1:]
        elif "error" in names:
            raise StorageError(f"The server answered: {cells[1 + names.index('error')]}")
        else:
            yield _row(names, types, cells[1:])


def _row(names: list[str], types: list[str], cells: list[str]) -> dict[str, Any]:
    return {
        name: _PARSERS.get(kind, str)(cell)
        for name, kind, cell in zip(names, types, cells)
        # Only a text can be empty; so is the tag that a series has not.
        if name not in _AROUND and (cell or (name == "_value" and kind == "string"))
    }
