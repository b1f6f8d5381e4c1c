"""Points as they are: pages of a table, and what fields did between bounds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from multimeter.visualization.embedded.store.catalog import StoredMeasurement
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
    measurement: StoredMeasurement,
    keys: Collection[str],
    bounds: Sequence[int],
    begins: Sequence[int],
) -> list[dict[str, Part]]:
    """Return what fields did between each two bounds; see ``Store.parts``."""
    found: list[dict[str, Part]] = [{} for _ in bounds[1:]]
    if not found:
        return found
    some = is_one_of([each.number for each in measurement.series.values()])
    for key in keys:
        field = measurement.fields.get(key)
        if field is None or field.type not in ("float", "integer", "unsigned"):
            continue
        # A value covers the time since the one before, in the same run: what of that
        # lies in a part counts there.
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
        for part, (largest, integral) in zip(found, cursor.fetchall()):
            part[key] = Part(largest, integral)
    return found


def page(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
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
