"""The embedded store: points of many measurements in one DuckDB file."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from multimeter.analysis.statistics import Statistic
from multimeter.data.record import FieldValue, Record
from multimeter.visualization.embedded.store import query
from multimeter.visualization.embedded.store.catalog import (
    Catalog,
    MeasurementInfo,
    TagSetInfo,
    create_catalog,
    load_catalog,
)
from multimeter.visualization.embedded.store.changes import Changes, Conflict, refuse_time
from multimeter.visualization.embedded.store.database import Database, Interrupt
from multimeter.visualization.embedded.store.deletion import Selection, remove_points
from multimeter.visualization.embedded.store.export import (
    PageChoice,
    Part,
    page,
    parts,
    window_lines,
    windows,
)
from multimeter.visualization.embedded.store.ingest import Block, FieldType
from multimeter.visualization.embedded.store.points import PointBuffer, merge, store_points
from multimeter.visualization.embedded.store.query import (
    SeriesData,
    Summary,
    TagChoice,
    TagSetData,
)
from multimeter.visualization.embedded.store.statistics import StatisticsCache, max_sum

__all__ = [
    "Conflict",
    "MeasurementInfo",
    "PageChoice",
    "Selection",
    "SeriesData",
    "Store",
    "Summary",
    "TagSetData",
    "TagSetInfo",
]


class Store:
    """Points of many measurements, in one DuckDB file that belongs to this process.

    Every method may be called from any thread. Writes wait for one another; reads do not
    wait, and see only complete writes.

    Args:
        path: The file; it is created if it does not exist. Its folder must exist.

    Raises:
        StoreLockedError: It is already open, in this process or another one.
        StoreError: It is not a store, was written by a newer version, or there is no
            permission.
        StoreFullError: There is no room on the disk.
    """

    def __init__(self, path: Path) -> None:
        self._catalog = Catalog()
        self._writer = threading.Lock()
        self._statistics = StatisticsCache()
        self._database = Database(path, create_catalog, self._load)

    def _load(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._catalog = load_catalog(cursor)

    def write(self, blocks: Sequence[Block]) -> list[Conflict]:
        """Store points; they are on disk when this method returns.

        An existing point (with equal measurement, tags and time) gets the new values; its
        other fields stay.

        Args:
            blocks: The points of one body, from
                :func:`~multimeter.visualization.embedded.store.ingest.decode_columns`.

        Returns:
            The points dropped because a field has another type in the store or on an
            earlier line, or because of a tag or field ``time``; everything else is
            stored.

        Raises:
            StoreFullError: There is no room on the disk. Nothing was stored, or in rare
                cases everything; writing again is harmless.
            StoreError: DuckDB failed; the same applies.
        """
        valid, conflicts = refuse_time(blocks)
        with self._writer:
            with self._database.writing() as cursor:
                # Only now: opening the file again replaces the catalog.
                changes = Changes(self._catalog)
                parts = defaultdict[str, list[PointBuffer]](list)
                for block in valid:
                    admitted = changes.admit(block)
                    if isinstance(admitted, Conflict):
                        conflicts.append(admitted)
                    else:
                        table, points = admitted
                        parts[table].append(points)
                changes.prepare(cursor)
                for table, some in parts.items():
                    points = merge(some)
                    ends = changes.ends(points.series)
                    new = store_points(cursor, table, points, ends)
                    changes.count(points[new])
                changes.save(cursor)
            changes.adopt()
        return conflicts

    def remove(self, selections: Sequence[Selection]) -> None:
        """Remove points; all of them are gone when this method returns, or none is.

        Args:
            selections: Which points.

        Raises:
            StoreFullError: There is no room on the disk.
            StoreError: DuckDB failed.
        """
        with self._writer:
            with self._database.writing() as cursor:
                catalog = self._catalog
                for each in selections:
                    catalog = remove_points(cursor, catalog, each)
            self._catalog = catalog

    def measurements(self) -> list[MeasurementInfo]:
        """Return all measurements, the one with the newest point first."""
        measurements = list(self._catalog.measurements.values())
        measurements.sort(key=lambda each: (-each.end_ns, each.name))
        return [MeasurementInfo.of(each) for each in measurements]

    def measurement(self, name: str) -> MeasurementInfo | None:
        """Return one measurement, or None."""
        measurement = self._catalog.measurements.get(name)
        return MeasurementInfo.of(measurement) if measurement else None

    def fields(self, name: str) -> dict[str, FieldType]:
        """Return the fields of a measurement with their types; empty if there is none."""
        measurement = self._catalog.measurements.get(name)
        return (
            {key: each.type for key, each in measurement.fields.items()}
            if measurement
            else {}
        )

    def tag_sets(self, name: str) -> list[TagSetInfo]:
        """Return the tag sets of a measurement."""
        measurement = self._catalog.measurements.get(name)
        if measurement is None:
            return []
        return [
            TagSetInfo(dict(tags), each.start_ns, each.end_ns, each.points)
            for tags, each in measurement.series.items()
        ]

    def series(
        self,
        name: str,
        keys: Iterable[str],
        start_ns: int,
        stop_ns: int,
        buckets: int,
        *,
        tags: TagChoice | None = None,
        interrupt: Interrupt | None = None,
    ) -> SeriesData:
        """Return fields of a measurement in buckets of time, separately for each tag set.

        Args:
            name: The measurement.
            keys: Fields; text and unknown fields are left out. A boolean counts as 0 or
                1.
            start_ns: The first time, in ns since the epoch.
            stop_ns: The last time.
            buckets: The maximum number of buckets in that range, for each tag set; 1
                counts as 2.
            tags: Only tag sets that have one of these values for each of these keys.
            interrupt: Cancels the query when the client disconnects.

        Raises:
            QueryCancelledError: It was cancelled.
            StoreError: DuckDB failed.
        """
        with self._database.reading(interrupt) as cursor:
            measurement = self._catalog.measurements.get(name)
            width = query.bucket_width(start_ns, stop_ns, max(buckets, 2))
            if measurement is None:
                return SeriesData(width, [])
            return query.series(
                cursor, measurement, keys, start_ns, stop_ns, width, tags or {}
            )

    def rows(
        self,
        name: str,
        *,
        tags: Mapping[str, str] | None = None,
        keys: Collection[str] | None = None,
    ) -> Iterator[Record]:
        """Return points of a measurement, sorted by time; all are read at once.

        Args:
            name: The measurement.
            tags: Only points with these tags, and any other tags.
            keys: Only these fields; a point may have none of them.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            measurement = self._catalog.measurements.get(name)
            return iter(
                query.rows(cursor, measurement, tags or {}, keys) if measurement else []
            )

    def lines(self, name: str, start_ns: int, stop_ns: int) -> Iterator[list[str]]:
        """Return points of a measurement as line protocol, a few thousand at a time.

        Each part is read when it is requested, and may include points written meanwhile.

        Args:
            name: The measurement.
            start_ns: The first time, in ns since the epoch.
            stop_ns: The last time.

        Yields:
            Lines without newline, sorted by time.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            measurement = self._catalog.measurements.get(name)
            spans = windows(cursor, measurement, start_ns, stop_ns) if measurement else []
        for first, last in spans:
            with self._database.reading() as cursor:
                measurement = self._catalog.measurements.get(name)
                if measurement is None:
                    return  # it was removed meanwhile
                part = window_lines(cursor, measurement, first, last)
            yield part

    def last(
        self, name: str, keys: Iterable[str], tags: Mapping[str, str] | None = None
    ) -> dict[str, FieldValue]:
        """Return the newest value of each field, of any type.

        Fields without a value are left out.

        Args:
            name: The measurement.
            keys: The fields.
            tags: Only this tag set; by default all of them.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            measurement = self._catalog.measurements.get(name)
            return query.last(cursor, measurement, keys, tags) if measurement else {}

    def statistics(
        self, keys: Collection[str], starts: Mapping[str, int | None]
    ) -> dict[str, dict[str, Statistic]]:
        """Return statistics of fields over the last run of measurements, by measurement.

        They are cached until points are added.

        Args:
            keys: Fields; text fields and fields without a value are left out.
            starts: The measurements, with the start of the last run in ns since the
                epoch: earlier points are ignored, and the first value covers the time
                since the start. None for an unknown start.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            all_ = self._catalog.measurements
            some = [(all_[name], n) for name, n in starts.items() if name in all_]
            return self._statistics.of(cursor, some, keys)

    def max_sum(
        self, name: str, factors: Mapping[str, float], start_ns: int | None
    ) -> float | None:
        """Return the largest sum of fields at one time; None without a value.

        Args:
            name: The measurement.
            factors: The factors of the fields.
            start_ns: As in :meth:`statistics`.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            measurement = self._catalog.measurements.get(name)
            return max_sum(cursor, measurement, factors, start_ns) if measurement else None

    def parts(
        self,
        name: str,
        keys: Collection[str],
        bounds: Sequence[int],
        begins: Sequence[int],
        interrupt: Interrupt | None = None,
    ) -> list[dict[str, Part]]:
        """Return statistics of numeric fields from each bound to the next.

        A point at a bound belongs to the part that ends there.

        Args:
            name: The measurement.
            keys: Fields; unknown ones are left out.
            bounds: Times in ns since the epoch, increasing.
            begins: The starts of the runs; the first point of a run covers the time since
                its start.
            interrupt: Cancels the query when the client disconnects.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading(interrupt) as cursor:
            measurement = self._catalog.measurements.get(name)
            if measurement is None:
                return [{} for _ in bounds[1:]]
            return parts(cursor, measurement, keys, bounds, begins)

    def table(self, name: str, choice: PageChoice) -> Iterator[tuple[Any, ...]]:
        """Return points as rows of time, tags and values, sorted by time.

        They are read page by page, so that a slow client blocks nothing.

        Raises:
            StoreError: DuckDB failed.
        """
        after: tuple[int, int] | None = None
        while True:
            with self._database.reading() as cursor:
                measurement = self._catalog.measurements.get(name)
                rows, after = (
                    page(cursor, measurement, choice, after) if measurement else ([], None)
                )
            yield from rows
            if after is None:
                return

    def size_bytes(self) -> int:
        """Return the size of the store on disk."""
        return self._database.size_bytes()

    def close(self) -> None:
        """Wait for reads and writes, and close the file.

        A second call does nothing; every other method that needs the file then raises
        :class:`StoreError`.
        """
        with self._writer:
            self._database.close()
