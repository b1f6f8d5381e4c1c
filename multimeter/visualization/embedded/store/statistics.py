"""Statistics of whole measurements, kept until more points come.

A list of thousands of runs says the peak and the mean of each. Reading all points for
that each time would be slow; so what was found stays in memory for as long as the
measurement stays as it is, and what has to be found anew is read together.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import duckdb

from multimeter.visualization.dashboards.panels import Statistic
from multimeter.visualization.embedded.store.catalog import Measurement
from multimeter.visualization.embedded.store.query import is_one_of, mean

__all__ = ["Statistics"]

_Found = dict[str, Statistic]


class Statistics:
    """What is known of measurements, and how to find out the rest.

    A measurement is an object that never changes: once there is another one of the
    same name, what is known of it is found anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Measurement, _Found, set[str]]] = {}

    def of(
        self,
        cursor: duckdb.DuckDBPyConnection,
        measurements: Iterable[Measurement],
        keys: Collection[str],
    ) -> dict[str, _Found]:
        """Return, by the name of the measurement, the statistics of some fields.

        Args:
            cursor: A cursor that sees these measurements.
            measurements: Which.
            keys: Fields; those of text, and those that are not there, are left out, and
                so are those without a value.
        """
        wanted = list(measurements)
        missing = [each for each in wanted if not self._knows(each, keys)]
        for together in _by_columns(missing, keys).values():
            self._find(cursor, together, keys)
        with self._lock:
            found = {each.name: self._known[each.name][1] for each in wanted}
        return {
            name: {key: some[key] for key in keys if key in some}
            for name, some in found.items()
        }

    def _knows(self, measurement: Measurement, keys: Collection[str]) -> bool:
        known = self._known.get(measurement.name)
        return known is not None and known[0] is measurement and known[2].issuperset(keys)

    def _find(
        self,
        cursor: duckdb.DuckDBPyConnection,
        measurements: list[Measurement],
        keys: Collection[str],
    ) -> None:
        """Find statistics of measurements that have the same columns for these fields."""
        columns = _columns(measurements[0], keys)
        found: dict[str, _Found] = {each.name: {} for each in measurements}
        if columns:
            names = {
                series.number: each.name
                for each in measurements
                for series in each.series.values()
            }
            parts = [
                f"min({c})::DOUBLE, max({c})::DOUBLE, {mean(c)}::DOUBLE, count({c})"
                for c in columns.values()
            ]
            cursor.execute(
                f"SELECT series, {', '.join(parts)} "  # noqa: S608 - names of the catalog
                f"FROM {measurements[0].table_name} WHERE {is_one_of(list(names))} "
                "GROUP BY series"
            )
            for number, *values in cursor.fetchall():
                of_run = found[names[number]]
                for key, (least, most, middle, count) in zip(
                    columns, zip(*[iter(values)] * 4)
                ):
                    if count:
                        more = Statistic(most, middle, least, count)
                        of_run[key] = of_run[key] + more if key in of_run else more
        self._keep(measurements, found, keys)

    def _keep(
        self,
        measurements: Iterable[Measurement],
        found: Mapping[str, _Found],
        keys: Collection[str],
    ) -> None:
        with self._lock:
            for each in measurements:
                before = self._known.get(each.name)
                some, known = found[each.name], set(keys)
                if before and before[0] is each:
                    some, known = before[1] | some, before[2] | known
                self._known[each.name] = (each, some, known)


def _columns(measurement: Measurement, keys: Collection[str]) -> dict[str, str]:
    return {
        key: f"{field.column}::UTINYINT" if field.type == "boolean" else field.column
        for key, field in measurement.fields.items()
        if key in keys and field.type != "string"
    }


def _by_columns(
    measurements: Iterable[Measurement], keys: Collection[str]
) -> dict[object, list[Measurement]]:
    """Put those together that one query can read."""
    groups = defaultdict[object, list[Measurement]](list)
    for each in measurements:
        groups[each.table, tuple(_columns(each, keys).items())].append(each)
    return groups
