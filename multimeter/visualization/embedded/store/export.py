"""Exports of the store: pages of points, windows of line protocol, integrals over time.

A window is a few thousand points, read by a query of its own. However long a run is, and
however slowly a client reads it, neither memory nor a cursor is held for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
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
from multimeter.visualization.embedded.store.query import (
    TagChoice,
    chosen,
    is_one_of,
    one_of_all,
)

__all__ = [
    "PAGE_ROWS",
    "POINTS_AT_ONCE",
    "PageChoice",
    "Part",
    "page",
    "parts",
    "window_lines",
    "windows",
]

PAGE_ROWS = 20_000
"""The number of points in a page."""


@dataclass(frozen=True)
class PageChoice:
    """A selection of points of a measurement.

    Attributes:
        keys: The fields, in the order of the columns.
        start_ns: The first time, in ns since the epoch.
        stop_ns: The last time.
        tags: Only tag sets that have one of these values for each of these keys.
    """

    keys: tuple[str, ...]
    start_ns: int
    stop_ns: int
    tags: TagChoice


@dataclass(frozen=True)
class Part:
    """Statistics of a field in a part of the time; None without a value.

    Attributes:
        max: Its largest value.
        integral: The sum of its values, each times the seconds since the previous point.
    """

    max: float | None
    integral: float | None


def parts(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    keys: Collection[str],
    bounds: Sequence[int],
    begins: Sequence[int],
) -> list[dict[str, Part]]:
    """Return statistics of fields between consecutive bounds; see ``Store.parts``."""
    results: list[dict[str, Part]] = [{} for _ in bounds[1:]]
    if not results:
        return results
    some = is_one_of([each.number for each in measurement.series.values()])
    for key in keys:
        field = measurement.fields.get(key)
        if field is None or field.type not in ("float", "integer", "unsigned"):
            continue
        # A value covers the time since the previous value of the same run: each part gets
        # its share of it.
        cursor.execute(
            "WITH points AS (SELECT time, value, greatest(previous, begin) AS since FROM "  # noqa: S608
            f"(SELECT time, {field.column} AS value, "
            "lag(time) OVER (PARTITION BY series ORDER BY time) AS previous "
            f"FROM {measurement.table_name} WHERE {some} AND value IS NOT NULL) "
            "ASOF LEFT JOIN (SELECT unnest($begins) AS begin) ON time > begin), "
            "parts AS (SELECT unnest($starts) AS start, unnest($stops) AS stop, "
            "generate_subscripts($starts, 1) AS number) "
            "SELECT max(value) FILTER (time <= stop), "
            "sum(value * (least(time, stop) - greatest(since, start)) / 1e9)::DOUBLE "
            "FROM parts LEFT JOIN points ON time > start AND since < stop "
            "GROUP BY number ORDER BY number",
            {
                "begins": list(begins),
                "starts": list(bounds[:-1]),
                "stops": list(bounds[1:]),
            },
        )
        for part, (largest, integral) in zip(results, cursor.fetchall()):
            part[key] = Part(largest, integral)
    return results


def page(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    choice: PageChoice,
    after: tuple[int, int] | None,
) -> tuple[list[tuple[Any, ...]], tuple[int, int] | None]:
    """Return a page of points, and the point after which the next page starts."""
    tag_sets = {
        each.number: dict(own)
        for own, each in measurement.series.items()
        if chosen(own, choice.tags)
    }
    if not tag_sets:
        return [], None
    columns = ", ".join(
        measurement.fields[key].column if key in measurement.fields else "NULL"
        for key in choice.keys
    )
    behind = f"AND (time, series) > ({after[0]}, {after[1]})" if after else ""
    start = after[0] if after else choice.start_ns
    rows = cursor.execute(
        f"SELECT time, series{', ' if columns else ''}{columns} "  # noqa: S608
        f"FROM {measurement.table_name} WHERE {is_one_of(list(tag_sets))} "
        f"AND time BETWEEN {start} AND {choice.stop_ns} {behind} "
        f"ORDER BY time, series LIMIT {PAGE_ROWS}"
    ).fetchall()
    end = (rows[-1][0], rows[-1][1]) if len(rows) == PAGE_ROWS else None
    return [(time, tag_sets[number], *values) for time, number, *values in rows], end


POINTS_AT_ONCE = 8_192
"""The number of times in a window; each tag set has at most one point at each time."""

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
        measurement: The measurement.
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
        measurement: The measurement.
        start_ns: The first time.
        stop_ns: The last time.
    """
    fields = sorted(measurement.fields.items(), key=lambda each: cannot_be_first(each[0]))
    columns = ", ".join(("series", "time", *(each.column for _, each in fields)))
    columns_by_name = cursor.execute(
        f"SELECT {columns} FROM {measurement.table_name} "  # noqa: S608
        f"WHERE {one_of_all(measurement)} "
        f"AND time BETWEEN {start_ns} AND {stop_ns} ORDER BY time, series"
    ).fetchnumpy()
    series, times, *values = columns_by_name.values()
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
