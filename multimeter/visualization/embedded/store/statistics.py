"""Statistics of whole runs in SQL, kept until more points come.

They are those of :mod:`multimeter.analysis.statistics`: a value stands for the time since
the value before it of the same field and series, the first one for that since the start of
the run. A list of thousands of runs shows the peak and the mean of each. Reading all points
each time would be slow, so the statistics of a measurement stay in memory for as long as it
stays as it is, and those of several are computed together.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

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
        found: By field, what was computed.
        sum_of: Returns the largest sum of fields at one moment, each times its factor.
    """

    found: Mapping[str, Statistic]
    sum_of: Callable[[Mapping[str, float]], float | None]

    def total(self, key: str) -> float | None:
        """Return what a field adds up to over time."""
        total = self.found[key].total if key in self.found else None
        return total if total is not None and math.isfinite(total) else None

    def mean(self, key: str) -> float | None:
        """Return the mean of a field over time."""
        return self.found[key].mean if key in self.found else None

    def max(self, key: str) -> float | None:
        """Return the largest value of a field."""
        return self.found[key].max if key in self.found else None

    def max_sum(self, factors: Mapping[str, float]) -> float | None:
        """Return the largest sum of fields at one moment, each times its factor."""
        return self.sum_of(factors)


@dataclass
class _Kept:
    """What is known of a measurement: an object that never changes."""

    measurement: StoredMeasurement
    start_ns: int | None
    found: dict[str, Statistic] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


class StatisticsCache:
    """Computes statistics of measurements, and keeps them.

    Once there is another object for a measurement of the same name, or its last run has
    another start, they are computed anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def of(
        self,
        cursor: duckdb.DuckDBPyConnection,
        measurements: Iterable[_Started],
        keys: Collection[str],
    ) -> dict[str, dict[str, Statistic]]:
        """Return, by the name of the measurement, the statistics of some fields.

        Args:
            cursor: A cursor that sees these measurements.
            measurements: Which, with the start of their last run in ns since the epoch:
                earlier points do not count. None where no start is known.
            keys: Fields; those of text, and those that are not there, are left out, and
                so are those without a value.
        """
        wanted = list(measurements)
        missing = [each for each in wanted if not self._knows(*each, keys)]
        for together in _by_columns(missing, keys).values():
            self._keep(together, _compute(cursor, together, keys), keys)
        with self._lock:
            found = {each.name: self._kept[each.name].found for each, _ in wanted}
        return {
            name: {key: some[key] for key in keys if key in some}
            for name, some in found.items()
        }

    def _knows(
        self, measurement: StoredMeasurement, start: int | None, keys: Collection[str]
    ) -> bool:
        kept = self._kept.get(measurement.name)
        return (
            kept is not None
            and kept.measurement is measurement
            and kept.start_ns == start
            and kept.keys.issuperset(keys)
        )

    def _keep(
        self,
        measurements: Iterable[_Started],
        found: Mapping[str, dict[str, Statistic]],
        keys: Collection[str],
    ) -> None:
        with self._lock:
            for each, start in measurements:
                kept = self._kept.get(each.name)
                if kept and kept.measurement is each and kept.start_ns == start:
                    before = kept
                else:
                    before = _Kept(each, start)
                # Readers hold the former dictionaries: they stay as they are.
                self._kept[each.name] = _Kept(
                    each, start, before.found | found[each.name], before.keys | set(keys)
                )


def _compute(
    cursor: duckdb.DuckDBPyConnection,
    measurements: Collection[_Started],
    keys: Collection[str],
) -> dict[str, dict[str, Statistic]]:
    """Compute statistics of measurements that have the same columns for these fields."""
    table = next(iter(measurements))[0]
    columns = _columns(table, keys)
    found: dict[str, dict[str, Statistic]] = {each.name: {} for each, _ in measurements}
    series = [(s, each, n) for each, n in measurements for s in each.series.values()]
    if not columns or not series:
        return found
    names = {each.number: of.name for each, of, _ in series}
    starts = {each.number: start for each, _, start in series}
    # The distance of two times can be more than 64 bits hold.
    times = [time for each, _, _ in series for time in (each.start_ns, each.end_ns)]
    times += [start for start in starts.values() if start is not None]
    wide = max(times) - min(times) > _LAST
    cursor.execute(
        _query(table.table_name, is_one_of(list(names)), columns.values(), wide=wide),
        {"series": list(starts), "starts": list(starts.values())},
    )
    for number, *values in cursor.fetchall():
        of_run = found[names[number]]
        for key, (largest, middle, smallest, count, total, seconds) in zip(
            columns, zip(*[iter(values)] * 6)
        ):
            if count:
                more = Statistic(largest, middle, smallest, count, total, seconds or 0.0)
                of_run[key] = of_run[key] + more if key in of_run else more
    return found


def _query(table: str, some: str, columns: Iterable[str], *, wide: bool) -> str:
    values, parts = [], []
    time = "time::HUGEINT" if wide else "time"
    for number, column in enumerate(columns):
        # The value, and the seconds for which it stands: since the value before it.
        before = (
            f"lag(CASE WHEN {column} IS NOT NULL THEN {time} END IGNORE NULLS) OVER own"
        )
        values += [
            f"{column} AS v{number}",
            f"({time} - coalesce({before}, start)) / 1e9 AS s{number}",
        ]
        value, seconds = f"v{number}", f"s{number}"
        covered = f"sum({seconds}) FILTER ({value} IS NOT NULL)"
        total = f"sum({value} * {seconds})::DOUBLE"
        middle = (
            f"CASE WHEN {covered} > 0 THEN least(greatest({total} / {covered}, "
            f"min({value})), max({value})) ELSE {mean(value)} END"
        )
        parts += [
            f"max({value})::DOUBLE",
            f"({middle})::DOUBLE",
            f"min({value})::DOUBLE",
            f"count({value})",
            total,
            f"{covered}::DOUBLE",
        ]
    return (
        "WITH runs AS (SELECT unnest($series) AS series, "  # noqa: S608 - names of the catalog
        "unnest($starts::BIGINT[]) AS start), "
        f"points AS (SELECT series, {', '.join(values)} FROM {table} "
        f"JOIN runs USING (series) WHERE {some} AND (start IS NULL OR time >= start) "
        "WINDOW own AS (PARTITION BY series ORDER BY time)) "
        f"SELECT series, {', '.join(parts)} FROM points GROUP BY series"
    )


def max_sum(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    factors: Mapping[str, float],
    start_ns: int | None,
) -> float | None:
    """Return the largest sum of fields at one moment; see ``Store.max_sum``."""
    columns = _columns(measurement, factors)
    if not columns or not measurement.series:
        return None
    terms = [f"coalesce({c} * {factors[key]!r}::DOUBLE, 0)" for key, c in columns.items()]
    known = " OR ".join(f"{c} IS NOT NULL" for c in columns.values())
    start = "" if start_ns is None else f"AND time >= {start_ns}"
    cursor.execute(
        f"SELECT max({' + '.join(terms)})::DOUBLE FROM {measurement.table_name} "  # noqa: S608
        f"WHERE {one_of_all(measurement)} {start} AND ({known})"
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
    """Put those together that one query can read."""
    groups = defaultdict[object, list[_Started]](list)
    for each, start in measurements:
        columns = tuple(_columns(each, keys).items())
        groups[each.table, columns].append((each, start))
    return groups
