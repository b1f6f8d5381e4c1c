"""Points on their way into a data table.

A point is a series with a time. Written again, its new values replace the old ones of
the same fields, and the others stay: so it is in InfluxDB, and sending a batch twice is
harmless. https://docs.influxdata.com/influxdb/v2/write-data/best-practices/duplicate-points/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from multimeter.visualization.embedded.store.database import insert, lend

__all__ = ["PointBuffer", "merge", "store_points"]


@dataclass(frozen=True, eq=False)
class PointBuffer:
    """Some points of one data table.

    Attributes:
        series: The number of the series of each point.
        times: The time of each point, in ns since the epoch.
        lines: The place of each point in the body it came in.
        columns: The values, by column of the table; where a point has none, masked.
    """

    series: NDArray[np.int64]
    times: NDArray[np.int64]
    lines: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        """The number of points."""
        return len(self.times)

    def __getitem__(self, rows: NDArray[Any]) -> PointBuffer:
        """Return some of the points, by a mask or by their places."""
        return PointBuffer(
            self.series[rows],
            self.times[rows],
            self.lines[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the points as columns of their table."""
        return {"series": self.series, "time": self.times, **self.columns}


def merge(parts: Sequence[PointBuffer]) -> PointBuffer:
    """Return points of one body as one, each point once, in the order of time.

    Where a point came several times, each field has the value of its last line.
    """
    if len(parts) == 1 and (np.diff(parts[0].times) > 0).all():
        return parts[0]
    series = np.concatenate([part.series for part in parts])
    times = np.concatenate([part.times for part in parts])
    lines = np.concatenate([part.lines for part in parts])
    order = np.lexsort((lines, series, times))
    # The place of each point among the distinct ones.
    again = (np.diff(times[order]) == 0) & (np.diff(series[order]) == 0)
    places = np.empty(len(order), np.int64)
    places[order] = np.cumsum(np.concatenate(([True], ~again))) - 1
    first = order[np.concatenate(([True], ~again))]
    bounds = np.cumsum([0, *(len(part) for part in parts)])
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {}
    for name in names:
        # The rows of the parts that have the field, in the order of their lines: of
        # several values for one place, the last stays.
        having = [n for n, part in enumerate(parts) if name in part.columns]
        rows = np.concatenate([np.arange(bounds[n], bounds[n + 1]) for n in having])
        values = np.concatenate([parts[n].columns[name] for n in having])
        by_line = np.argsort(lines[rows], kind="stable")
        column = np.zeros(len(first), values.dtype)
        missing = np.ones(len(first), np.bool_)
        column[places[rows[by_line]]] = values[by_line]
        missing[places[rows]] = False
        columns[name] = np.ma.masked_array(column, missing) if missing.any() else column
    return PointBuffer(series[first], times[first], lines[first], columns)


def store_points(
    cursor: duckdb.DuckDBPyConnection,
    table: str,
    points: PointBuffer,
    ends: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Put points in a data table; those that are there already get the new values.

    Args:
        cursor: A cursor in a transaction.
        table: The data table.
        points: PointBuffer as :func:`merge` returns them.
        ends: For each point, the time of the last point of its series in the table.

    Returns:
        For each point, whether it was not there before.
    """
    # Nearly all points are newer than those that are there, and need no look at them.
    new = points.times > ends
    if not new.all():
        new[~new] = ~_replace(cursor, table, points[~new])
    if new.any():
        insert(cursor, table, (points if new.all() else points[new]).arrays())
    return new


def _replace(
    cursor: duckdb.DuckDBPyConnection, table: str, points: PointBuffer
) -> NDArray[np.bool_]:
    """Give the points that are there their new values, and say which ones are."""
    there = np.zeros(len(points), np.bool_)
    places = {"place": np.arange(len(points))}
    # Plain bounds let DuckDB pass over most of the table.
    same_point = (
        f"{table}.series = sent.series AND {table}.time = sent.time "
        f"AND {table}.time BETWEEN {points.times.min()} AND {points.times.max()}"
    )
    columns = list(points.columns)
    merged = ", ".join(f"{c} = coalesce(sent.{c}, {table}.{c})" for c in columns)
    # A batch that is sent again mostly says what is there already.
    differs = " OR ".join(
        f"(sent.{c} IS NOT NULL AND sent.{c} IS DISTINCT FROM {table}.{c})" for c in columns
    )
    with lend(cursor, points.arrays() | places) as rows:
        found = cursor.execute(
            f"SELECT place FROM {rows} AS sent, {table} WHERE {same_point}"  # noqa: S608
        )
        there[found.fetchnumpy()["place"]] = True
        if there.any():
            cursor.execute(
                f"UPDATE {table} SET {merged} FROM {rows} AS sent "  # noqa: S608
                f"WHERE {same_point} AND ({differs})"
            )
    return there
