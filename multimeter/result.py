"""Result: what a measurement measured, in append-only columns and without I/O."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from multimeter.analysis.peaks import Peak, peaks_of
from multimeter.data.baseline import Baseline
from multimeter.data.columns import ABSENT, Column, ColumnView
from multimeter.data.estimate import Estimate
from multimeter.data.timestamps import from_ns, to_ns
from multimeter.data.values import text_of
from multimeter.errors import ConfigurationError
from multimeter.schema import HasMeasures, Schema

__all__ = ["Mark", "Point", "Points", "Result", "Schema"]

_NO_LABEL: Any = object()


@dataclass(frozen=True)
class Point:
    """The values of one moment.

    Attributes:
        datetime: When they were sampled, in UTC.
        values: Measure keys to values.
    """

    datetime: dt.datetime
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Mark:
    """A named moment.

    Attributes:
        datetime: The moment, in UTC.
        label: Its name.
    """

    datetime: dt.datetime
    label: str


class Result:
    """The points, marks and description of one series of measurement.

    Args:
        *probes: The probes whose measures make up the schema.
        identifier: The unique name of the measurement.
        tags: Tags that distinguish measurements; keys and values become text.

    Attributes:
        identifier: The unique name of the measurement, or None.
        id: The id of the run, which no other run has; None of a run of version 1 of the
            data, or of another program. See docs/decisions/data.md.
        tags: Tag keys to tag values.
        meta_data: More about the measurement, keys to values.
        known_figures: Figures, by their ids, that are known better than from the points:
            from the accounts of the kernel at the end of the run, or, of a run that was
            read back, as they were stored with it.
        schema: The metrics, subjects and measures.
        read_as: The measurement of the lines that it was read from, or None. Where that is
            the identifier, all names are written again as they were.
        surplus: How many points it has beyond those that its program has counted, where
            it was read back: they are of another run of its name, at the same time.
    """

    def __init__(
        self,
        *probes: HasMeasures,
        identifier: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.identifier = identifier
        self.id: str | None = None
        self.tags = {text_of(k): text_of(v) for k, v in (tags or {}).items()}
        self.meta_data: dict[str, Any] = {}
        self.known_figures: dict[str, Estimate] = {}
        self.read_as: str | None = None
        self.surplus = 0
        self.schema = Schema.of_probes(probes)
        self._times = Column(int)
        self._last_given: int | None = None
        self._marks: dict[int, str] = {}
        self._columns: Mapping[str, Column] = _empty_columns(self.schema)

    @classmethod
    def of_schema(
        cls,
        schema: Schema,
        *,
        identifier: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Result:
        """Return an empty result with a schema that is known already."""
        result = cls(identifier=identifier, tags=tags)
        result.schema = schema
        result._columns = _empty_columns(schema)
        return result

    def describe(self, schema: Schema, keys: Mapping[str, str] | None = None) -> None:
        """Give a schema to a result that has points already.

        Args:
            schema: The metrics, subjects and measures.
            keys: Keys under which values were appended, to those that they shall have.
        """
        keys = keys or {}
        columns = {keys.get(key, key): column for key, column in self._columns.items()}
        self.schema = schema
        self._columns = _empty_columns(schema) | columns

    def append(self, timestamp: dt.datetime | int, values: Mapping[str, Any]) -> None:
        """Append a point.

        Two points of a series must not share a time, or one would replace the other
        in a database: a point at the very time of the one before moves on by 1 ns.
        Times that go back are kept as they are.

        Args:
            timestamp: When the values were sampled: a datetime (without a zone: UTC),
                or ns since the epoch.
            values: Measure keys to values. Numbers and text become plain ones, see
                :func:`multimeter.data.values.plain`; any other type is kept. A key that is
                in no measure of the schema is kept, too; what is not text becomes text.

        Raises:
            ConfigurationError: The timestamp is neither a datetime nor an integer.
        """
        given = to_ns(timestamp)
        rows = len(self._times)
        if not values.keys() <= self._columns.keys():
            values = {text_of(key): value for key, value in values.items()}
            new = {k: Column(type(v)) for k, v in values.items() if k not in self._columns}
            # Readers in other threads go on with the mapping that they have.
            self._columns = {**self._columns, **new}
        for key, column in self._columns.items():
            if len(column) < rows:
                column.pad(rows - len(column))
            column.append(values.get(key, ABSENT))
        # The time comes last: readers in other threads see whole points only.
        self._times.append(self._unused_time(given))

    def _unused_time(self, given: int) -> int:
        last_given, self._last_given = self._last_given, given
        if last_given is not None and last_given <= given <= self._times.get(-1):
            given = self._times.get(-1) + 1
        return given

    @property
    def result(self) -> Result:
        """The result itself: in 0.1, ``with`` gave the measurement, which has a result.

        .. deprecated:: 1.0
        """
        return self

    def add_mark(self, timestamp: dt.datetime | int | str, label: Any = _NO_LABEL) -> None:
        """Add a mark; where there is one at the very same time, 1 ns after it.

        Args:
            timestamp: The moment: a datetime (without a zone: UTC), or ns since the
                epoch. A text alone is the label of a mark that is now; better call
                ``measurement.add_mark``, which has the clock of the points.
            label: Its name; what is not text becomes text.

        Raises:
            ConfigurationError: There is no label.
        """
        if isinstance(timestamp, str):
            if label is not _NO_LABEL:
                raise ConfigurationError(f"{timestamp!r} is not a time.")
            label, timestamp = timestamp, time.time_ns()
        if label is _NO_LABEL:
            raise ConfigurationError("A mark needs a label.")
        time_ns = to_ns(timestamp)
        while time_ns in self._marks:
            time_ns += 1
        self._marks[time_ns] = text_of(label)

    def add_meta_data(self, /, **meta_data: Any) -> None:
        """Add meta data; a value for a key that is there replaces the one before."""
        self.meta_data.update(meta_data)

    @property
    def points(self) -> Points:
        """The points, made when they are asked for."""
        return Points(self)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks in the order in which they were added."""
        return tuple(Mark(from_ns(time), label) for time, label in self.marks_ns)

    @property
    def marks_ns(self) -> tuple[tuple[int, str], ...]:
        """The marks as pairs of ns since the epoch and label."""
        return tuple(self._marks.items())

    @property
    def peaks(self) -> tuple[Peak, ...]:
        """The most that was held at one moment, as the kernel kept it."""
        return peaks_of(self)

    @property
    def times_ns(self) -> ColumnView:
        """The times of the points, in ns since the epoch."""
        return ColumnView(self._times, len(self._times))

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns by measure key; one may be shorter than the result has points."""
        return self._columns

    @property
    def start_ns(self) -> int | None:
        """The start of the run in ns since the epoch, or None when there is no point.

        Where the start is not known (a file of another program), the first point.
        """
        if not len(self._times):
            return None
        started_ns = Baseline.of(self.meta_data).time_ns
        return int(self._times.get(0)) if started_ns is None else started_ns

    @property
    def end_ns(self) -> int | None:
        """The time of the last point in ns since the epoch, or None without a point."""
        return int(self._times.get(-1)) if len(self._times) else None

    @property
    def start(self) -> dt.datetime | None:
        """The start of the run in UTC, or None when there is no point; see start_ns."""
        return None if self.start_ns is None else from_ns(self.start_ns)

    @property
    def end(self) -> dt.datetime | None:
        """The time of the last point in UTC, or None when there is none.

        The end of a measurement takes the last point.
        """
        return None if self.end_ns is None else from_ns(self.end_ns)

    @property
    def duration(self) -> dt.timedelta | None:
        """The time from the start of the run to its last point, or None without one."""
        start, end = self.start, self.end
        return None if start is None or end is None else end - start

    def values(self, key: str) -> ColumnView:
        """Return the values of one measure, None where there is none.

        Args:
            key: The key of the measure.

        Raises:
            KeyError: No such measure was measured.
        """
        return ColumnView(self._columns[key], len(self._times))

    def __eq__(self, other: object) -> bool:
        """Return whether all is equal; a value that is None equals one not given."""
        if not isinstance(other, Result):
            return NotImplemented
        return (
            self.identifier == other.identifier
            and self.id == other.id
            and self.tags == other.tags
            and self.meta_data == other.meta_data
            and self.schema == other.schema
            and self.marks_ns == other.marks_ns
            and self.times_ns == other.times_ns
            and all(
                _values_or_none(self, key) == _values_or_none(other, key)
                for key in self._columns.keys() | other._columns.keys()
            )
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Result {self.identifier!r}: {len(self._times)} points>"


def _values_or_none(result: Result, key: str) -> ColumnView:
    column = result.columns.get(key, Column(float))
    return ColumnView(column, len(result.times_ns))


def _empty_columns(schema: Schema) -> dict[str, Column]:
    return {each.key: Column(each.metric.value_type) for each in schema.measures}


class Points(Sequence[Point]):
    """The points of a result as a sequence, each made when it is asked for."""

    __slots__ = ("_columns", "_times")

    def __init__(self, result: Result) -> None:
        self._times = result.times_ns
        self._columns = result.columns

    def __len__(self) -> int:
        return len(self._times)

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, index: int | slice) -> Point | tuple[Point, ...]:
        rows = range(len(self))[index]
        if isinstance(rows, range):
            return tuple(self._point(row) for row in rows)
        return self._point(rows)

    def _point(self, row: int) -> Point:
        cells = (
            (key, column.get(row))
            for key, column in self._columns.items()
            if row < len(column)
        )
        values = {key: value for key, value in cells if value is not ABSENT}
        return Point(from_ns(self._times[row]), values)

    def __iter__(self) -> Iterator[Point]:
        return (self._point(row) for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} points>"
