"""Points to be written to a data table, and arrays as rows of SQL.

A point is identified by series and time. When it is written again, its new values replace
the old ones of the same fields, and other fields stay, as in InfluxDB: so sending a batch
twice is harmless. https://docs.influxdata.com/influxdb/v2/write-data/best-practices/duplicate-points/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

__all__ = ["PointBuffer", "insert", "lend", "merge", "store_points"]


@contextmanager
def lend(
    cursor: duckdb.DuckDBPyConnection, arrays: Mapping[str, NDArray[Any]]
) -> Iterator[str]:
    """Make arrays of numbers, texts or booleans available to SQL, without a copy.

    Yields:
        The expression for FROM; masked values are NULL there.
    """
    lent, columns = {}, []
    for name, values in arrays.items():
        lent[name] = np.ma.getdata(values)
        column = f'"{name}"'
        if isinstance(values, np.ma.MaskedArray):
            # DuckDB ignores masks before version 2.
            lent[f"no {name}"] = np.ma.getmaskarray(values)
            column = f'CASE WHEN NOT "no {name}" THEN {column} END AS {column}'
        columns.append(column)
    cursor.register("lent", lent)
    yield f"(SELECT {', '.join(columns)} FROM lent)"  # noqa: S608
    # Not after an error: then the cursor and its transaction are discarded.
    cursor.unregister("lent")


def insert(
    cursor: duckdb.DuckDBPyConnection, table: str, arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Append rows, given as columns, to a table."""
    names = ", ".join(f'"{name}"' for name in arrays)
    with lend(cursor, arrays) as rows:
        cursor.execute(f"INSERT INTO {table} ({names}) FROM {rows}")


@dataclass(frozen=True, eq=False)
class PointBuffer:
    """Points of one data table.

    Attributes:
        series: The number of the series of each point.
        times: The time of each point, in ns since the epoch.
        lines: The position of each point in its body.
        columns: The values, by column of the table; masked where a point has none.
    """

    series: NDArray[np.int64]
    times: NDArray[np.int64]
    lines: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        """The number of points."""
        return len(self.times)

    def __getitem__(self, rows: NDArray[Any]) -> PointBuffer:
        """Return a selection of points, by mask or by index."""
        return PointBuffer(
            self.series[rows],
            self.times[rows],
            self.lines[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the points as columns of the table."""
        return {"series": self.series, "time": self.times, **self.columns}


def merge(parts: Sequence[PointBuffer]) -> PointBuffer:
    """Merge the points of one body, each point once, sorted by time.

    Where a point occurs several times, each field gets the value of its last line.
    """
    if len(parts) == 1 and (np.diff(parts[0].times) > 0).all():
        return parts[0]
    series = np.concatenate([part.series for part in parts])
    times = np.concatenate([part.times for part in parts])
    lines = np.concatenate([part.lines for part in parts])
    order = np.lexsort((lines, series, times))
    # The index of each point among the distinct ones.
    again = (np.diff(times[order]) == 0) & (np.diff(series[order]) == 0)
    places = np.empty(len(order), np.int64)
    places[order] = np.cumsum(np.concatenate(([True], ~again))) - 1
    first = order[np.concatenate(([True], ~again))]
    bounds = np.cumsum([0, *(len(part) for part in parts)])
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {}
    for name in names:
        # The rows of the parts with the field, sorted by line: of several values of one
        # point, the last one wins.
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
    """Write points to a data table; existing points get the new values.

    Args:
        cursor: A cursor in a transaction.
        table: The data table.
        points: The points, as returned by :func:`merge`.
        ends: For each point, the time of the last point of its series in the table.

    Returns:
        For each point, whether it is new.
    """
    # Nearly all points are newer than the existing ones, and need no lookup.
    new = points.times > ends
    if not new.all():
        new[~new] = ~_replace(cursor, table, points[~new])
    if new.any():
        insert(cursor, table, (points if new.all() else points[new]).arrays())
    return new


def _replace(
    cursor: duckdb.DuckDBPyConnection, table: str, points: PointBuffer
) -> NDArray[np.bool_]:
    """Update existing points with their new values; return which ones exist."""
    exists = np.zeros(len(points), np.bool_)
    places = {"place": np.arange(len(points))}
    # Bounds let DuckDB skip most of the table.
    same_point = (
        f"{table}.series = sent.series AND {table}.time = sent.time "
        f"AND {table}.time BETWEEN {points.times.min()} AND {points.times.max()}"
    )
    columns = list(points.columns)
    merged = ", ".join(f"{c} = coalesce(sent.{c}, {table}.{c})" for c in columns)
    # A repeated batch mostly contains the stored values.
    differs = " OR ".join(
        f"(sent.{c} IS NOT NULL AND sent.{c} IS DISTINCT FROM {table}.{c})" for c in columns
    )
    with lend(cursor, points.arrays() | places) as rows:
        matches = cursor.execute(
            f"SELECT place FROM {rows} AS sent, {table} WHERE {same_point}"  # noqa: S608
        )
        exists[matches.fetchnumpy()["place"]] = True
        if exists.any():
            cursor.execute(
                f"UPDATE {table} SET {merged} FROM {rows} AS sent "  # noqa: S608
                f"WHERE {same_point} AND ({differs})"
            )
    return exists
