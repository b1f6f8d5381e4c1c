"""The embedded store: points in, charts out, one file."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from multimeter.analysis.statistics import Statistic
from multimeter.data.record import FieldValue, Record
from multimeter.visualization.embedded.store import lines, query
from multimeter.visualization.embedded.store.catalog import (
    Catalog,
    StoredMeasurement,
    create_catalog,
    load_catalog,
)
from multimeter.visualization.embedded.store.changes import Changes, Conflict, refuse_time
from multimeter.visualization.embedded.store.database import Database
from multimeter.visualization.embedded.store.export import (
    PageChoice,
    Part,
    page,
    parts,
)
from multimeter.visualization.embedded.store.ingest import Block, FieldType
from multimeter.visualization.embedded.store.interrupt import Interrupt
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
    "SeriesData",
    "Store",
    "Summary",
    "TagSetData",
    "TagSetInfo",
]


@dataclass(frozen=True)
class MeasurementInfo:
    """What the catalog says of a measurement.

    Attributes:
        name: Its name.
        start_ns: The time of its first point, in ns since the epoch.
        end_ns: The time of its last point.
        points: The number of its points: times, each counted once for a tag set.
        tag_sets: The tag sets of its points.
    """

    name: str
    start_ns: int
    end_ns: int
    points: int
    tag_sets: tuple[dict[str, str], ...]

    @classmethod
    def of(cls, measurement: StoredMeasurement) -> MeasurementInfo:
        """Return what the catalog says of one of its measurements."""
        return cls(
            measurement.name,
            measurement.start_ns,
            measurement.end_ns,
            measurement.points,
            tuple(dict(tags) for tags in measurement.series),
        )


@dataclass(frozen=True)
class TagSetInfo:
    """What the catalog says of one tag set of a measurement.

    Attributes:
        tags: The tag set.
        start_ns: The time of its first point, in ns since the epoch.
        end_ns: The time of its last point.
        points: The number of its points.
    """

    tags: dict[str, str]
    start_ns: int
    end_ns: int
    points: int


class Store:
    """Points of many measurements, in one DuckDB file that belongs to this process.

    Every method may be called from any thread. Writes wait for one another, reads wait
    for nothing and see whole writes only.

    Args:
        path: The file; it is made when there is none. Its folder must be there.

    Raises:
        StoreLockedError: It is open already, in this process or another one.
        StoreError: It is not a store, was written by a newer version, or may not be
            read and written.
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
        """Store points; they are on disk when this returns.

        A point that is there already (measurement, tags and time are equal) gets the
        new values; its other fields stay.

        Args:
            blocks: What
                :func:`~multimeter.visualization.embedded.store.ingest.decode_columns`
                made of one body.

        Returns:
            What was dropped because a field has another type in the store, or had
            another type on an earlier line, or because of a tag or field ``time``;
            everything else is stored.

        Raises:
            StoreFullError: There is no room on the disk. Nothing was stored, or, in
                rare cases, everything; to write it again is harmless.
            StoreError: DuckDB failed; the same holds.
        """
        lawful, conflicts = refuse_time(blocks)
        with self._writer:
            with self._database.writing() as cursor:
                # Not before: the catalog is read anew when the file is opened again.
                changes = Changes(self._catalog)
                parts = defaultdict[str, list[PointBuffer]](list)
                for block in lawful:
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

    def measurements(self) -> list[MeasurementInfo]:
        """Return what there is, the measurement with the newest point first."""
        found = list(self._catalog.measurements.values())
        found.sort(key=lambda each: (-each.end_ns, each.name))
        return [MeasurementInfo.of(each) for each in found]

    def measurement(self, name: str) -> MeasurementInfo | None:
        """Return what there is of one measurement."""
        found = self._catalog.measurements.get(name)
        return MeasurementInfo.of(found) if found else None

    def fields(self, name: str) -> dict[str, FieldType]:
        """Return the fields of a measurement with their types; none if there is none."""
        found = self._catalog.measurements.get(name)
        return {key: each.type for key, each in found.fields.items()} if found else {}

    def tag_sets(self, name: str) -> list[TagSetInfo]:
        """Return what there is of each tag set of a measurement."""
        found = self._catalog.measurements.get(name)
        if found is None:
            return []
        return [
            TagSetInfo(dict(tags), each.start_ns, each.end_ns, each.points)
            for tags, each in found.series.items()
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
        """Return fields of a measurement in buckets of time, each tag set by itself.

        Args:
            name: The measurement.
            keys: Fields; those of text, and those that are not there, are left out.
                A boolean counts as 0 or 1.
            start_ns: The first time, in ns since the epoch.
            stop_ns: The last time.
            buckets: At most how many buckets cover that, for each tag set; 1 is taken
                for 2.
            tags: Only tag sets that have one of these values for each of these keys.
            interrupt: Ends the query when nobody waits for it any more.

        Raises:
            QueryCancelledError: It was ended.
            StoreError: DuckDB failed.
        """
        with self._database.reading(interrupt) as cursor:
            found = self._catalog.measurements.get(name)
            width = query.bucket_width(start_ns, stop_ns, max(buckets, 2))
            if found is None:
                return SeriesData(width, [])
            return query.series(cursor, found, keys, start_ns, stop_ns, width, tags or {})

    def rows(
        self,
        name: str,
        *,
        tags: Mapping[str, str] | None = None,
        keys: Collection[str] | None = None,
    ) -> Iterator[Record]:
        """Return points of a measurement, in the order of time: all are read at once.

        Args:
            name: The measurement.
            tags: Only points with these tags, whatever tags they have beside them.
            keys: Only these fields; a point may be left with none.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            found = self._catalog.measurements.get(name)
            return iter(query.rows(cursor, found, tags or {}, keys) if found else [])

    def lines(self, name: str, start_ns: int, stop_ns: int) -> Iterator[list[str]]:
        """Return points of a measurement as line protocol, some thousand at once.

        Each part is read when it is asked for; what is written meanwhile may be in it.

        Args:
            name: The measurement.
            start_ns: The first time, in ns since the epoch.
            stop_ns: The last time.

        Yields:
            Lines without their newline, in the order of time.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            found = self._catalog.measurements.get(name)
            spans = lines.windows(cursor, found, start_ns, stop_ns) if found else []
        for first, last in spans:
            with self._database.reading() as cursor:
                found = self._catalog.measurements[name]
                part = lines.window_lines(cursor, found, first, last)
            yield part

    def last(
        self, name: str, keys: Iterable[str], tags: Mapping[str, str] | None = None
    ) -> dict[str, FieldValue]:
        """Return the newest value of each of some fields, of any type.

        Fields without a value are left out.

        Args:
            name: The measurement.
            keys: The fields.
            tags: The one tag set that counts; by default all do.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            found = self._catalog.measurements.get(name)
            return query.last(cursor, found, keys, tags) if found else {}

    def statistics(
        self, keys: Collection[str], starts: Mapping[str, int | None]
    ) -> dict[str, dict[str, Statistic]]:
        """Return what fields did over the last run of measurements, by the name of each.

        What is asked for again is not read again until points have come.

        Args:
            keys: Fields; those of text, and those without a value, are left out.
            starts: The measurements, with the start of the last run in ns since the
                epoch: earlier points do not count, and the first value covers the
                time since then. None where no start is known.

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
        """Return the largest sum of fields at one moment; None without a value.

        Args:
            name: The measurement.
            factors: Fields, with what their values are multiplied with.
            start_ns: As of :meth:`statistics`.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading() as cursor:
            found = self._catalog.measurements.get(name)
            return max_sum(cursor, found, factors, start_ns) if found else None

    def parts(
        self,
        name: str,
        keys: Collection[str],
        bounds: Sequence[int],
        begins: Sequence[int],
        interrupt: Interrupt | None = None,
    ) -> list[dict[str, Part]]:
        """Return what fields of numbers did from each bound to the next.

        A point at a bound counts for the part that ends there.

        Args:
            name: The measurement.
            keys: Fields; those that are not there are left out.
            bounds: Times in ns since the epoch, increasing.
            begins: When measuring began, each time: what the first point after that
                stands for begins there, too.
            interrupt: Ends the query when nobody waits for it any more.

        Raises:
            StoreError: DuckDB failed.
        """
        with self._database.reading(interrupt) as cursor:
            found = self._catalog.measurements.get(name)
            if found is None:
                return [{} for _ in bounds[1:]]
            return parts(cursor, found, keys, bounds, begins)

    def table(self, name: str, choice: PageChoice) -> Iterator[tuple[Any, ...]]:
        """Return points as rows of time, tags and values, in the order of time.

        They are read page by page, so that nobody waits for a reader who is slow.

        Raises:
            StoreError: DuckDB failed.
        """
        after: tuple[int, int] | None = None
        while True:
            with self._database.reading() as cursor:
                found = self._catalog.measurements.get(name)
                rows, after = page(cursor, found, choice, after) if found else ([], None)
            yield from rows
            if after is None:
                return

    def size_bytes(self) -> int:
        """Return what the store takes on the disk."""
        return self._database.size_bytes()

    def close(self) -> None:
        """Wait for those who read and write, and close the file.

        A second call does nothing; every other method that needs the file raises a
        :class:`StoreError` from now on.
        """
        with self._writer:
            self._database.close()
