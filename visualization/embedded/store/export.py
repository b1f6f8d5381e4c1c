"""Points as they are: pages of a table, and what fields did between bounds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import duckdb

from multimeter.visualization.embedded.store.catalog import Measurement
from multimeter.visualization.embedded.store.query import TagChoice, chosen, is_one_of

__all__ = ["PAGE_ROWS", "PageChoice", "Part", "page", "parts"]

PAGE_ROWS = 20_000
"""How many points are read at once."""


@dataclass(frozen=True)
class PageChoice:
    """Which points of a measurement.

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
    """What a field did in a part of the time; None without a value.

    Attributes:
        max: Its largest value.
        integral: Its values, each times the seconds since the point before, added.
    """

    max: float | None
    integral: float | None


def parts(
    cursor: duckdb.DuckDBPyConnection,
    measurement: Measurement,
    keys: Collection[str],
    bounds: Sequence[int],
) -> list[dict[str, Part]]:
    """Return what fields did between each two bounds; see ``Store.parts``."""
    fields = {
        key: measurement.fields[key]
        for key in keys
        if key in measurement.fields
        and measurement.fields[key].type in ("float", "integer", "unsigned")
    }
    if not fields:
        return [{} for _ in bounds[1:]]
    some = is_one_of([each.number for each in measurement.series.values()])
    columns = ", ".join(each.column for each in fields.values())
    wanted = ", ".join(
        f"max({each.column})::DOUBLE, sum({each.column} * seconds)::DOUBLE"
        for each in fields.values()
    )
    found = []
    for start, stop in pairwise(bounds):
        cursor.execute(
            f"SELECT {wanted} FROM (SELECT {columns}, (time - lag(time, 1, {start}) "  # noqa: S608
            f"OVER (PARTITION BY series ORDER BY time)) / 1e9 AS seconds "
            f"FROM {measurement.table_name} "
            f"WHERE {some} AND time > {start} AND time <= {stop})"
        )
        values = iter(cursor.fetchall()[0])
        found.append({key: Part(*pair) for key, pair in zip(fields, zip(values, values))})
    return found


def page(
    cursor: duckdb.DuckDBPyConnection,
    measurement: Measurement,
    choice: PageChoice,
    after: tuple[int, int] | None,
) -> tuple[list[tuple[Any, ...]], tuple[int, int] | None]:
    """Return some points, and behind which one the next page begins."""
    found = {
        each.number: dict(own)
        for own, each in measurement.series.items()
        if chosen(own, choice.tags)
    }
    if not found:
        return [], None
    columns = ", ".join(
        measurement.fields[key].column if key in measurement.fields else "NULL"
        for key in choice.keys
    )
    behind = f"AND (time, series) > ({after[0]}, {after[1]})" if after else ""
    start = after[0] if after else choice.start_ns
    rows = cursor.execute(
        f"SELECT time, series{', ' if columns else ''}{columns} "  # noqa: S608
        f"FROM {measurement.table_name} WHERE {is_one_of(list(found))} "
        f"AND time BETWEEN {start} AND {choice.stop_ns} {behind} "
        f"ORDER BY time, series LIMIT {PAGE_ROWS}"
    ).fetchall()
    end = (rows[-1][0], rows[-1][1]) if len(rows) == PAGE_ROWS else None
    return [(time, found[number], *values) for time, number, *values in rows], end
