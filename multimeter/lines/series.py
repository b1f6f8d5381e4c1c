"""Series: what a server makes of the points that are written to it, without a server.

- The same point (measurement, tags and time) written again replaces the fields that it
  names; the others stay.
- Points are in the order of time, whatever the order of their lines.
- A field keeps the type of its first value in its measurement; a point with another one
  is refused, as is what :mod:`multimeter.lines.write_rules` says.
- A point without a time has that of its arrival.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from multimeter.data.columns import ABSENT
from multimeter.data.record import FieldValue, Record
from multimeter.lines.write_rules import (
    FIELD_TYPES,
    TIME,
    time_field,
    time_tag,
    type_conflict,
)
from multimeter.result import Result

__all__ = ["Series", "SeriesReader"]


class Series:
    """The points of one measurement with one set of tags.

    Args:
        measurement: The measurement.
        tags: The tags, in the order in which the first line has them.
    """

    def __init__(self, measurement: str, tags: Mapping[str, str]) -> None:
        self.measurement = measurement
        self.tags = tags
        self._sorted = Result()
        self._last_ns: int | None = None
        # By field: the times and values of points that did not come in order.
        self._strays: dict[str, tuple[array[int], list[FieldValue]]] = {}

    def add(self, time_ns: int, fields: Mapping[str, FieldValue]) -> None:
        """Add a point."""
        if self._last_ns is None or time_ns > self._last_ns:
            self._last_ns = time_ns
            self._sorted.append(time_ns, fields)
            return
        for key, value in fields.items():
            if key not in self._strays:
                self._strays[key] = array("q"), []
            times, values = self._strays[key]
            times.append(time_ns)
            values.append(value)

    def points(self) -> Result:
        """Return a result with the points, each once, in the order of time."""
        if self._strays:
            self._merge()
        return self._sorted

    def _merge(self) -> None:
        before, strays = self._sorted, self._strays
        times = sorted({*before.times_ns, *(t for own, _ in strays.values() for t in own)})
        rows = {time_ns: row for row, time_ns in enumerate(times)}
        columns: dict[str, list[Any]] = {}
        for key in (*before.columns, *strays):
            if key not in columns:
                columns[key] = [ABSENT] * len(times)
        for key, column in before.columns.items():
            for place, time_ns in zip(range(len(column)), before.times_ns):
                columns[key][rows[time_ns]] = column.get(place)
        # A stray came after the point in order that has its time.
        for key, (own, values) in strays.items():
            for time_ns, value in zip(own, values):
                columns[key][rows[time_ns]] = value
        self._sorted, self._strays = Result(), {}
        for time_ns, *cells in zip(times, *columns.values()):
            point = {k: cell for k, cell in zip(columns, cells) if cell is not ABSENT}
            self._sorted.append(time_ns, point)


class SeriesReader:
    """Takes records as a server does, and sorts them into series.

    Args:
        now_ns: The time of the records that have none, in ns since the epoch.

    Attributes:
        refused: Why points were refused, and how many.
        without_time: How many points had no time, by their measurement.
    """

    def __init__(self, now_ns: int) -> None:
        self.refused: Counter[str] = Counter()
        self.without_time: Counter[str] = Counter()
        self._now_ns = now_ns
        self._series: dict[tuple[str, frozenset[tuple[str, str]]], Series] = {}
        self._types: defaultdict[str, dict[str, type]] = defaultdict(dict)
        self._last: Series | None = None

    @property
    def series(self) -> list[Series]:
        """The series in the order of their first points."""
        return list(self._series.values())

    def add(self, record: Record) -> None:
        """Take a record, or refuse it."""
        fields = self._admitted(record)
        if fields:
            time_ns = record.time_ns
            if time_ns is None:
                self.without_time[record.measurement] += 1
                time_ns = self._now_ns
            self._of(record).add(time_ns, fields)

    def _of(self, record: Record) -> Series:
        last, tags = self._last, record.tags
        # Lines that are alike share their tags.
        if last and last.tags is tags and last.measurement == record.measurement:
            return last
        name = record.measurement, frozenset(tags.items())
        if name not in self._series:
            self._series[name] = Series(record.measurement, tags)
        self._last = self._series[name]
        return self._last

    def _admitted(self, record: Record) -> Mapping[str, FieldValue] | None:
        """Return the fields of a record, or None where it is refused."""
        measurement, fields = record.measurement, record.fields
        if TIME in record.tags:
            self.refused[time_tag(measurement)] += 1
            return None
        if TIME in fields:
            fields = {key: value for key, value in fields.items() if key != TIME}
            if not fields:
                self.refused[time_field(measurement)] += 1
                return None
        known = self._types[measurement]
        for key, value in fields.items():
            there = known.get(key)
            if there is not type(value) and there is not None:
                kinds = FIELD_TYPES[type(value)], FIELD_TYPES[there]
                self.refused[type_conflict(measurement, key, *kinds)] += 1
                return None
        if not fields.keys() <= known.keys():
            known.update((key, type(value)) for key, value in fields.items())
        return fields
