"""A measurement as line protocol, window by window of its time.

A window is some thousand points, read by a query of its own: however long a run is, and
however slowly somebody reads it, neither memory nor a cursor is held for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import numpy as np

from multimeter.lines.protocol import (
    cannot_be_first,
    format_field,
    raw_key,
    raw_series,
)
from multimeter.visualization.embedded.store.catalog import StoredMeasurement
from multimeter.visualization.embedded.store.ingest import FieldType
from multimeter.visualization.embedded.store.query import one_of_all

__all__ = ["POINTS_AT_ONCE", "window_lines", "windows"]

POINTS_AT_ONCE = 8_192
"""How many times a window has; there are as many points for each tag set at most."""

_LAST = 2**63 - 1
_FORMATS: Mapping[FieldType, Callable[[Any], str | None]] = {
    "float": repr,
    "integer": lambda value: f"{value}i",
    "unsigned": lambda value: f"{value}u",
    "string": format_field,
    "boolean": lambda value: "true" if value else "false",
}


def windows(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    start_ns: int,
    stop_ns: int,
) -> list[tuple[int, int]]:
    """Return the windows of a range: the first time of each, and its last.

    Args:
        cursor: A cursor to read with.
        measurement: What the catalog has of the measurement.
        start_ns: The first time, in ns since the epoch.
        stop_ns: The last time.
    """
    start_ns, stop_ns = max(start_ns, -_LAST), min(stop_ns, _LAST)
    columns = cursor.execute(
        f"SELECT DISTINCT time FROM {measurement.table_name} "  # noqa: S608
        f"WHERE {one_of_all(measurement)} AND time BETWEEN {start_ns} AND {stop_ns} "
        "ORDER BY time"
    ).fetchnumpy()
    starts = columns["time"][::POINTS_AT_ONCE].tolist()
    return list(zip(starts, [*(start - 1 for start in starts[1:]), stop_ns]))


def window_lines(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    start_ns: int,
    stop_ns: int,
) -> list[str]:
    """Return the points of a window, each a line without its newline, in order of time.

    Args:
        cursor: A cursor to read with.
        measurement: What the catalog has of the measurement.
        start_ns: The first time.
        stop_ns: The last time.
    """
    fields = sorted(measurement.fields.items(), key=lambda each: cannot_be_first(each[0]))
    columns = ", ".join(("series", "time", *(each.column for _, each in fields)))
    found = cursor.execute(
        f"SELECT {columns} FROM {measurement.table_name} "  # noqa: S608
        f"WHERE {one_of_all(measurement)} "
        f"AND time BETWEEN {start_ns} AND {stop_ns} ORDER BY time, series"
    ).fetchnumpy()
    series, times, *values = found.values()
    heads = {
        each.number: f"{raw_series(measurement.name, dict(tags))} "
        for tags, each in measurement.series.items()
    }
    texts = [
        _texts(raw_key(key), _FORMATS[each.type], column)
        for (key, each), column in zip(fields, values)
    ]
    return [
        f"{heads[number]}{','.join(filter(None, row))} {time}"
        for number, time, row in zip(series.tolist(), times.tolist(), zip(*texts))
    ]


def _texts(
    key: str, form: Callable[[Any], str | None], column: np.ndarray[Any, Any]
) -> list[str | None]:
    """Return a column as fields of lines, None where a point has no value."""
    prefix = f"{key}="
    values = np.ma.getdata(column).tolist()
    if not np.ma.is_masked(column):
        return [f"{prefix}{form(value)}" for value in values]
    missing = np.ma.getmaskarray(column).tolist()
    return [
        None if no_value else f"{prefix}{form(value)}"
        for value, no_value in zip(values, missing)
    ]
