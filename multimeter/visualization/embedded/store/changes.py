"""The changes of one write to the catalog."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np
from numpy.typing import NDArray

from multimeter.lines.write_rules import (
    TIME,
    reserved_type,
    time_field,
    time_tag,
    type_conflict,
)
from multimeter.visualization.embedded.store.catalog import (
    SQL_TYPES,
    Catalog,
    Field,
    StoredMeasurement,
    StoredSeries,
    StoredTable,
    add_rows,
    signature,
    update_series,
)
from multimeter.visualization.embedded.store.ingest import (
    Block,
    Fields,
    FieldType,
    Tags,
)
from multimeter.visualization.embedded.store.points import PointBuffer

__all__ = ["Changes", "Conflict", "refuse_time"]


@dataclass(frozen=True)
class Conflict:
    """Points that were dropped because a field has another type in the store.

    Attributes:
        message: InfluxDB's message, with the field and both types.
        dropped: The number of dropped points.
    """

    message: str
    dropped: int


class Changes:
    """The additions of one write to a catalog, saved with the points and then adopted.

    Args:
        catalog: The current catalog; unchanged until :meth:`adopt`.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._measurements: dict[str, StoredMeasurement] = {}
        self._tables: dict[int, StoredTable] = {}
        self._signatures: dict[str, int] = {}
        self._places: dict[int, tuple[str, Tags]] = {}
        self._next_measurement = catalog.next_measurement
        self._next_series = catalog.next_series

    def admit(self, block: Block) -> tuple[str, PointBuffer] | Conflict:
        """Assign a data table and columns to the points of a block, or refuse them.

        The blocks of a body are in the order of their first lines. What holds for the
        first line of a block holds for all of them, as fields are never removed. So a
        block is accepted or refused as a whole, with the same result as InfluxDB's check
        of each line.
        """
        measurement = self._measurement(block.measurement)
        fields = measurement.fields if measurement else {}
        for name, kind in block.fields:
            field = fields.get(name)
            type_ = field.type if field else reserved_type(block.measurement, name)
            if type_ and type_ != kind:
                return _conflict(block, name, kind, type_)
        if measurement is None:
            measurement = self._add_measurement(block.measurement, block.fields)
        measurement = self._add_fields(measurement, block.fields)
        measurement, numbers = self._add_series(measurement, block.tag_sets)
        # A new object even if only values change: statistics cached for the old object
        # must not apply to it.
        measurement = replace(measurement)
        self._measurements[measurement.name] = measurement
        columns = {
            measurement.fields[name].column: values
            for (name, _), values in zip(block.fields, block.columns)
        }
        points = PointBuffer(numbers[block.series], block.times, block.lines, columns)
        return measurement.table_name, points

    def prepare(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Create the tables and columns that the accepted points need."""
        for number, table in self._tables.items():
            before = self._catalog.tables.get(number)
            existing = before.columns if before else {}
            new = [
                f"{column} {SQL_TYPES[kind]}"
                for column, kind in table.columns.items()
                if column not in existing
            ]
            if before is None:
                columns = ", ".join(("series INTEGER", "time BIGINT", *new))
                cursor.execute(f"CREATE TABLE {table.name} ({columns})")
                continue
            for column in new:
                cursor.execute(f"ALTER TABLE {table.name} ADD COLUMN {column}")

    def ends(self, series: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the time of the last point of the series of each point."""
        distinct, places = np.unique(series, return_inverse=True)
        ends = [self._series(number).end_ns for number in distinct.tolist()]
        return np.array(ends, np.int64)[places]

    def count(self, points: PointBuffer) -> None:
        """Update the series with points that were added."""
        order = np.argsort(points.series, kind="stable")
        times = points.times[order]
        distinct, first, counts = np.unique(
            points.series[order], return_index=True, return_counts=True
        )
        starts, ends = np.minimum.reduceat(times, first), np.maximum.reduceat(times, first)
        grown: dict[str, dict[Tags, StoredSeries]] = {}
        for number, start, end, more in zip(
            distinct.tolist(), starts.tolist(), ends.tolist(), counts.tolist()
        ):
            name, tags = self._places[number]
            old = self._series(number)
            grown.setdefault(name, {})[tags] = StoredSeries(
                number, min(old.start_ns, start), max(old.end_ns, end), old.points + more
            )
        for name, some in grown.items():
            before = self._measurements[name]
            self._measurements[name] = replace(before, series={**before.series, **some})

    def save(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Write the changes to the tables of the catalog."""
        tables = [(number, text) for text, number in self._signatures.items()]
        measurements, fields = [], []
        for name, measurement in self._measurements.items():
            before = self._catalog.measurements.get(name)
            if before is None:
                measurements.append((measurement.number, name, measurement.table))
            existing = before.fields if before else {}
            fields += [
                (measurement.number, key, each.type, each.column)
                for key, each in measurement.fields.items()
                if key not in existing
            ]
        series, grown = [], []
        for number, (name, tags) in self._places.items():
            each = self._series(number)
            counts = (each.start_ns, each.end_ns, each.points)
            if number < self._catalog.next_series:
                grown.append((number, *counts))
            else:
                text = json.dumps(dict(tags), ensure_ascii=False)
                series.append((number, self._measurements[name].number, text, *counts))
        add_rows(cursor, "tables", tables)
        add_rows(cursor, "measurements", measurements)
        add_rows(cursor, "fields", fields)
        add_rows(cursor, "series", series)
        update_series(cursor, grown)

    def adopt(self) -> None:
        """Apply the changes to the catalog, after the transaction."""
        self._catalog.tables.update(self._tables)
        self._catalog.signatures.update(self._signatures)
        self._catalog.measurements.update(self._measurements)
        self._catalog.next_measurement = self._next_measurement
        self._catalog.next_series = self._next_series

    def _measurement(self, name: str) -> StoredMeasurement | None:
        return self._measurements.get(name) or self._catalog.measurements.get(name)

    def _table(self, number: int) -> StoredTable:
        return self._tables.get(number) or self._catalog.tables[number]

    def _series(self, number: int) -> StoredSeries:
        name, tags = self._places[number]
        return self._measurements[name].series[tags]

    def _add_measurement(self, name: str, fields: Fields) -> StoredMeasurement:
        text = signature(fields)
        table = self._signatures.get(text, self._catalog.signatures.get(text))
        if table is None:
            table = len(self._catalog.tables) + len(self._signatures)
            self._signatures[text] = table
            self._tables[table] = StoredTable(table, {})
        number = self._next_measurement
        self._next_measurement += 1
        return StoredMeasurement(number, name, table, {}, {})

    def _add_fields(
        self, measurement: StoredMeasurement, fields: Fields
    ) -> StoredMeasurement:
        new = [each for each in fields if each[0] not in measurement.fields]
        if not new:
            return measurement
        table = self._table(measurement.table)
        columns, together = dict(table.columns), dict(measurement.fields)
        used = {each.column for each in together.values()}
        free = defaultdict[FieldType, list[str]](list)
        for column, kind in reversed(list(table.columns.items())):
            if column not in used:
                free[kind].append(column)
        for name, kind in new:
            column = free[kind].pop() if free[kind] else f"c{len(columns)}"
            columns[column] = kind
            together[name] = Field(kind, column)
        if len(columns) > len(table.columns):
            self._tables[table.number] = replace(table, columns=columns)
        return replace(measurement, fields=together)

    def _add_series(
        self, measurement: StoredMeasurement, tag_sets: Sequence[Tags]
    ) -> tuple[StoredMeasurement, NDArray[np.int64]]:
        """Return the measurement with these series, and their numbers."""
        new: dict[Tags, StoredSeries] = {}
        numbers = []
        for tags in tag_sets:
            each = measurement.series.get(tags)
            if each is None:
                each = new[tags] = StoredSeries(self._next_series)
                self._next_series += 1
            self._places[each.number] = (measurement.name, tags)
            numbers.append(each.number)
        if new:
            measurement = replace(measurement, series={**measurement.series, **new})
        return measurement, np.array(numbers, np.int64)


def _conflict(block: Block, field: str, kind: FieldType, stored: FieldType) -> Conflict:
    return Conflict(type_conflict(block.measurement, field, kind, stored), len(block))


def refuse_time(blocks: Iterable[Block]) -> tuple[list[Block], list[Conflict]]:
    """Remove fields named ``time``, and points with a tag of that name.

    Returns:
        The remaining blocks, in the order of their first remaining lines, and the refused
        points.
    """
    pairs = [_refuse_time(block) for block in blocks]
    remaining = [block for block, _ in pairs if block is not None]
    remaining.sort(key=lambda block: int(block.lines[0]))
    return remaining, [refused for _, refused in pairs if refused is not None]


def _refuse_time(block: Block) -> tuple[Block | None, Conflict | None]:
    allowed = np.array([TIME not in dict(tags) for tags in block.tag_sets], bool)
    keep = allowed[block.series]
    columns = [
        (each, column[keep])
        for each, column in zip(block.fields, block.columns)
        if each[0] != TIME
    ]
    if keep.all() and len(columns) == len(block.fields):
        return block, None
    dropped = int((~keep).sum()) if columns else len(block)
    why = (time_field if keep.all() else time_tag)(block.measurement)
    refused = Conflict(why, dropped) if dropped else None
    if dropped == len(block):
        return None, refused
    remaining = Block(
        block.measurement,
        tuple(each for each, _ in columns),
        tuple(tags for tags, good in zip(block.tag_sets, allowed) if good),
        (np.cumsum(allowed) - 1)[block.series[keep]],
        block.times[keep],
        block.lines[keep],
        tuple(column for _, column in columns),
    )
    return remaining, refused
