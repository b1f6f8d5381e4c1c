"""Remove points from the store, and from its catalog what has no points any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb

from multimeter.visualization.embedded.store.catalog import (
    Catalog,
    StoredMeasurement,
    StoredSeries,
    mark_gaps,
    remove_rows,
    update_series,
)
from multimeter.visualization.embedded.store.ingest import Tags

__all__ = ["Selection", "remove_points"]


@dataclass(frozen=True)
class Selection:
    """Which points are removed.

    Attributes:
        start_ns: The first time, in ns since the epoch.
        stop_ns: The last time.
        measurement: Only those of this measurement; None for all of them.
        tags: Only those with these tags, and any other tags.
    """

    start_ns: int
    stop_ns: int
    measurement: str | None
    tags: Mapping[str, str]

    def series_of(self, measurement: StoredMeasurement) -> dict[Tags, StoredSeries]:
        """Return the series that may have such points."""
        if self.measurement not in (None, measurement.name):
            return {}
        wanted = self.tags.items()
        return {
            tags: each
            for tags, each in measurement.series.items()
            if wanted <= dict(tags).items()
            and each.start_ns <= self.stop_ns
            and self.start_ns <= each.end_ns
        }


def remove_points(
    cursor: duckdb.DuckDBPyConnection, catalog: Catalog, selection: Selection
) -> Catalog:
    """Remove points.

    Args:
        cursor: A cursor in a transaction.
        catalog: The current catalog, which stays as it is.
        selection: The points.

    Returns:
        The catalog after the transaction.
    """
    measurements = dict(catalog.measurements)
    for name, measurement in catalog.measurements.items():
        chosen = selection.series_of(measurement)
        if not chosen:
            continue
        left = _remove(cursor, measurement, chosen, selection)
        if left:
            measurements[name] = replace(measurement, series=left)
        else:
            del measurements[name]
            remove_rows(cursor, "measurements", "number", [measurement.number])
            remove_rows(cursor, "fields", "measurement", [measurement.number])
    return replace(catalog, measurements=measurements)


def _remove(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    chosen: Mapping[Tags, StoredSeries],
    selection: Selection,
) -> dict[Tags, StoredSeries]:
    """Remove points of some series; return the series that the measurement has then."""
    table, span = measurement.table_name, (selection.start_ns, selection.stop_ns)
    numbers = [each.number for each in chosen.values()]
    cursor.execute(
        f"DELETE FROM {table} "  # noqa: S608 - a name that is made here
        "WHERE series IN (SELECT unnest(?)) AND time BETWEEN ? AND ?",
        [numbers, *span],
    )
    rest = cursor.execute(
        "SELECT series, min(time), max(time), count(*) "  # noqa: S608
        f"FROM {table} WHERE series IN (SELECT unnest(?)) GROUP BY series",
        [numbers],
    ).fetchall()
    kept = {number: StoredSeries(number, *counts) for number, *counts in rest}
    gone = [number for number in numbers if number not in kept]
    if gone:
        remove_rows(cursor, "series", "number", gone)
        mark_gaps(cursor)
    update_series(cursor, rest)
    return {
        tags: kept.get(each.number, each)
        for tags, each in measurement.series.items()
        if tags not in chosen or each.number in kept
    }
