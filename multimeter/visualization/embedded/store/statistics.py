"""Statistics of whole runs in SQL, cached until points are added.

They are equal to those of :mod:`multimeter.analysis.statistics`: a value covers the time
since the previous value of the same field and series; the first value covers the time
since the start of the run. The list of runs shows the peak and the mean of thousands of
runs. Reading all points each time would be slow, so the statistics of a measurement are
cached until it changes, and those of several measurements are computed together.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from multimeter.analysis.statistics import Statistic
from multimeter.visualization.embedded.store.catalog import StoredMeasurement
from multimeter.visualization.embedded.store.query import is_one_of, mean, one_of_all

__all__ = ["StatisticsCache", "StoredStatistics", "max_sum"]

_LAST = 2**63 - 1
_Started = tuple[StoredMeasurement, int | None]


@dataclass(frozen=True)
class StoredStatistics:
    """The statistics of the fields of one run, for figures.

    Attributes:
        found: The statistics by field.
        sum_of: Returns the largest sum of fields at one time, each times its factor.
    """

    found: Mapping[str, Statistic]
    sum_of: Callable[[Mapping[str, float]], float | None]

    def total(self, key: str) -> float | None:
        """Return the integral of a field over time."""
        total = self.found[key].total if key in self.found else None
        return total if total is not None and math.isfinite(total) else None

    def mean(self, key: str) -> float | None:
        """Return the mean of a field over time."""
        return self.found[key].mean if key in self.found else None

    def max(self, key: str) -> float | None:
        """Return the largest value of a field."""
        return self.found[key].max if key in self.found else None

    def max_sum(self, factors: Mapping[str, float]) -> float | None:
        """Return the largest sum of fields at one time, each times its factor."""
        return self.sum_of(factors)


@dataclass
class _Cached:
    """Cached statistics of one measurement object, which never changes."""

    measurement: StoredMeasurement
    start_ns: int | None
    found: dict[str, Statistic] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


class StatisticsCache:
    """Computes statistics of measurements, and caches them.

    They are computed again when a measurement is replaced by a new object, or its last run
    has another start.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Cached] = {}

    def of(
        self,
        cursor: duckdb.DuckDBPyConnection,
        measurements: Iterable[_Started],
        keys: Collection[str],
    ) -> dict[str, dict[str, Statistic]]:
        """Return the statistics of fields, by measurement.

        Args:
            cursor: A cursor that can read these measurements.
            measurements: The measurements, with the start of their last run in ns since
                the epoch: earlier points are ignored. None for an unknown start.
            keys: Fields; text fields, unknown fields and fields without a value are left
                out.
        """
        requested = list(measurements)
        missing = [each for each in requested if not self._knows(*each, keys)]
        for together in _by_columns(missing, keys).values():
            self._keep(together, _compute(cursor, together, keys), keys)
        with self._lock:
            statistics = {each.name: self._kept[each.name].found for each, _ in requested}
        return {
            name: {key: some[key] for key in keys if key in some}
            for name, some in statistics.items()
        }

    def _knows(
        self, measurement: StoredMeasurement, start: int | None, keys: Collection[str]
    ) -> bool:
        cached = self._kept.get(measurement.name)
        return (
            cached is not None
            and cached.measurement is measurement
            and cached.start_ns == start
            and cached.keys.issuperset(keys)
        )

    def _keep(
        self,
        measurements: Iterable[_Started],
        statistics: Mapping[str, dict[str, Statistic]],
        keys: Collection[str],
    ) -> None:
        with self._lock:
            for each, start in measurements:
                cached = self._kept.get(each.name)
                if cached and cached.measurement is each and cached.start_ns == start:
                    before = cached
                else:
                    before = _Cached(each, start)
                # Readers may use the old dictionaries, so these are not changed.
                self._kept[each.name] = _Cached(
                    each,
                    start,
                    before.found | statistics[each.name],
                    before.keys | set(keys),
                )


def _compute(
    cursor: duckdb.DuckDBPyConnection,
    measurements: Collection[_Started],
    keys: Collection[str],
) -> dict[str, dict[str, Statistic]]:
    """Compute statistics of measurements with the same columns for these fields."""
    table = next(iter(measurements))[0]
    columns = _columns(table, keys)
    statistics: dict[str, dict[str, Statistic]] = {
        each.name: {} for each, _ in measurements
    }
    series = [(s, each, n) for each, n in measurements for s in each.series.values()]
    if not columns or not series:
        return statistics
    names = {each.number: of.name for each, of, _ in series}
    starts = {each.number: start for each, _, start in series}
    # The distance of two times may exceed 64 bits.
    times = [time for each, _, _ in series for time in (each.start_ns, each.end_ns)]
    times += [start for start in starts.values() if start is not None]
    wide = max(times) - min(times) > _LAST
    points = _points(table.table_name, starts, wide=wide)
    plain = _rows(cursor.execute(_plain_query(points, columns.values())))
    dense = [
        all(row[0] == row[4 + 4 * place] for row in plain.values())
        for place in range(len(columns))
    ]
    weighted = _rows(cursor.execute(_time_query(points, columns.values(), dense)))
    for number, row in plain.items():
        of_run = statistics[names[number]]
        for place, key in enumerate(columns):
            values = row[1 + 4 * place : 5 + 4 * place]
            more = _statistic(*values, *weighted[number][2 * place : 2 * place + 2])
            if more is not None:
                of_run[key] = of_run[key] + more if key in of_run else more
    return statistics


def _rows(cursor: duckdb.DuckDBPyConnection) -> dict[int, list[Any]]:
    """Return the rows of a result by their first column, the number of the series."""
    return {number: row for number, *row in cursor.fetchall()}


def _statistic(
    largest: float,
    middle: float,
    smallest: float,
    count: int,
    total: float | None,
    seconds: float | None,
) -> Statistic | None:
    if not count:
        return None
    if total is not None and seconds:
        # A sum of large values can be infinite, but never a mean.
        middle = min(max(total / seconds, smallest), largest)
    return Statistic(largest, middle, smallest, count, total, seconds or 0.0)


def _points(table: str, starts: Mapping[int, int | None], *, wide: bool) -> str:
    """Return the SQL of the points of series, each with the start of its run."""
    time = "time::HUGEINT" if wide else "time"
    times = {n: "NULL" if start is None else str(start) for n, start in starts.items()}
    if len(set(times.values())) == 1:
        source = f"SELECT *, ({next(iter(times.values()))})::BIGINT AS start FROM {table}"  # noqa: S608
    else:
        rows = ", ".join(
            f"({series}, ({start})::BIGINT)" for series, start in times.items()
        )
        source = (
            f"SELECT * FROM {table} "  # noqa: S608
            f"JOIN (VALUES {rows}) AS runs (series, start) USING (series)"
        )
    return (
        f"(SELECT * REPLACE ({time} AS time) FROM ({source}) "  # noqa: S608
        f"WHERE {is_one_of(list(starts))} AND (start IS NULL OR time >= start))"
    )


def _plain_query(points: str, columns: Iterable[str]) -> str:
    parts = [
        f"max({each})::DOUBLE, {mean(each)}::DOUBLE, min({each})::DOUBLE, count({each})"
        for each in columns
    ]
    return f"SELECT series, count(*), {', '.join(parts)} FROM {points} GROUP BY series"  # noqa: S608


def _time_query(points: str, columns: Iterable[str], dense: Iterable[bool]) -> str:
    """Return the SQL of totals and covered seconds.

    Each value covers the time since the previous value of its field. Fields with a value at
    each point share the times of the points.
    """
    values, parts = ["(time - coalesce(lag(time) OVER own, start)) / 1e9 AS s"], []
    for number, (column, is_dense) in enumerate(zip(columns, dense)):
        value, seconds = f"v{number}", "s" if is_dense else f"s{number}"
        values.append(f"{column} AS {value}")
        if not is_dense:
            own = f"CASE WHEN {column} IS NOT NULL THEN time END"
            before = f"coalesce(lag({own} IGNORE NULLS) OVER own, start)"
            values.append(f"(time - {before}) / 1e9 AS {seconds}")
        parts.append(f"sum({value} * {seconds})::DOUBLE")
        covered = "" if is_dense else f"FILTER ({value} IS NOT NULL)"
        parts.append(f"(sum({seconds}) {covered})::DOUBLE")
    return (
        f"SELECT series, {', '.join(parts)} FROM (SELECT series, {', '.join(values)} "  # noqa: S608
        f"FROM {points} WINDOW own AS (PARTITION BY series ORDER BY time)) GROUP BY series"
    )


def max_sum(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    factors: Mapping[str, float],
    start_ns: int | None,
) -> float | None:
    """Return the largest sum of fields at one time; see ``Store.max_sum``."""
    columns = _columns(measurement, factors)
    if not columns or not measurement.series:
        return None
    terms = [f"coalesce({c} * {factors[key]!r}::DOUBLE, 0)" for key, c in columns.items()]
    any_value = " OR ".join(f"{c} IS NOT NULL" for c in columns.values())
    start = "" if start_ns is None else f"AND time >= {start_ns}"
    cursor.execute(
        f"SELECT max({' + '.join(terms)})::DOUBLE FROM {measurement.table_name} "  # noqa: S608
        f"WHERE {one_of_all(measurement)} {start} AND ({any_value})"
    )
    ((largest,),) = cursor.fetchall()
    return None if largest is None else float(largest)


def _columns(measurement: StoredMeasurement, keys: Collection[str]) -> dict[str, str]:
    return {
        key: f"{each.column}::UTINYINT" if each.type == "boolean" else each.column
        for key, each in measurement.fields.items()
        if key in keys and each.type != "string"
    }


def _by_columns(
    measurements: Iterable[_Started], keys: Collection[str]
) -> dict[object, list[_Started]]:
    """Group the measurements that one query can read."""
    groups = defaultdict[object, list[_Started]](list)
    for each, start in measurements:
        columns = tuple(_columns(each, keys).items())
        groups[each.table, columns].append((each, start))
    return groups
