"""The catalog: the measurements, fields and series of the store, and their tables.

All of it is in memory, and in tables of the same file, which change in the same
transaction as the data::

    meta          version
    tables        number, signature           a data table, and its first set of fields
    measurements  number, name, table
    fields        measurement, name, type, column
    series        number, measurement, tags, start_ns, end_ns, points

Measurements whose first points have the same fields share a data table: with one table
for each run, each table would take a block of the file. A field is a column of its type
there; measurements may use the same column for different fields, so that a table has no
more columns than its widest measurement needs. Names of tables and columns are generated
here, and never taken from received data.

In version 1 no number is missing. Version 2 has gaps where something was removed: programs
that know version 1 alone would use numbers twice, and do not open it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from multimeter.visualization.embedded.store.ingest import Fields, FieldType, Tags
from multimeter.visualization.embedded.store.points import insert, lend
from multimeter.visualization.errors import StoreError

__all__ = [
    "SQL_TYPES",
    "VERSION",
    "Catalog",
    "Field",
    "MeasurementInfo",
    "StoredMeasurement",
    "StoredSeries",
    "StoredTable",
    "TagSetInfo",
    "add_rows",
    "create_catalog",
    "load_catalog",
    "mark_gaps",
    "remove_rows",
    "signature",
    "update_series",
]

VERSION = 1
"""The version of the layout described above, stored in each new file."""

_WITH_GAPS = 2

SQL_TYPES: Mapping[FieldType, str] = {
    "float": "DOUBLE",
    "integer": "BIGINT",
    "unsigned": "UBIGINT",
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
}

_TABLES: Mapping[str, Mapping[str, str]] = {
    "meta": {"version": "INTEGER"},
    "tables": {"number": "INTEGER", "signature": "VARCHAR"},
    "measurements": {"number": "INTEGER", "name": "VARCHAR", "table": "INTEGER"},
    "fields": {
        "measurement": "INTEGER",
        "name": "VARCHAR",
        "type": "VARCHAR",
        "column": "VARCHAR",
    },
    "series": {
        "number": "INTEGER",
        "measurement": "INTEGER",
        "tags": "VARCHAR",
        "start_ns": "BIGINT",
        "end_ns": "BIGINT",
        "points": "BIGINT",
    },
}


@dataclass(frozen=True)
class Field:
    """A field of a measurement, and its column in the measurement's table."""

    type: FieldType
    column: str


@dataclass(frozen=True)
class StoredSeries:
    """A tag set of a measurement: its number of points, its first and last time."""

    number: int
    start_ns: int = 2**63 - 1
    end_ns: int = -(2**63)
    points: int = 0


def _table_name(number: int) -> str:
    return f"data_{number}"


@dataclass(frozen=True)
class StoredMeasurement:
    """A measurement, with its fields by name and its series by tags."""

    number: int
    name: str
    table: int
    fields: Mapping[str, Field]
    series: Mapping[Tags, StoredSeries]

    @property
    def table_name(self) -> str:
        """The name of the data table in SQL."""
        return _table_name(self.table)

    @cached_property
    def start_ns(self) -> int:
        """The time of the first point."""
        return min(each.start_ns for each in self.series.values())

    @cached_property
    def end_ns(self) -> int:
        """The time of the last point."""
        return max(each.end_ns for each in self.series.values())

    @cached_property
    def points(self) -> int:
        """The number of points."""
        return sum(each.points for each in self.series.values())


@dataclass(frozen=True)
class StoredTable:
    """A data table and the columns of its fields."""

    number: int
    columns: Mapping[str, FieldType]

    @property
    def name(self) -> str:
        """The name of the table in SQL."""
        return _table_name(self.number)


@dataclass
class Catalog:
    """The catalog as of the last transaction.

    Measurements and tables are replaced, never changed: readers need no lock.

    Attributes:
        measurements: By name.
        tables: By number.
        signatures: The numbers of the tables, by the :func:`signature` of the fields that
            they were made for.
        next_measurement: The number of the next measurement.
        next_series: The number of the next series.
    """

    measurements: dict[str, StoredMeasurement] = field(default_factory=dict)
    tables: dict[int, StoredTable] = field(default_factory=dict)
    signatures: dict[str, int] = field(default_factory=dict)
    next_measurement: int = 0
    next_series: int = 0


@dataclass(frozen=True)
class MeasurementInfo:
    """A measurement, as the catalog describes it.

    Attributes:
        name: Its name.
        start_ns: The time of its first point, in ns since the epoch.
        end_ns: The time of its last point.
        points: The number of its points, which are distinct in time and tag set.
        tag_sets: The tag sets of its points.
    """

    name: str
    start_ns: int
    end_ns: int
    points: int
    tag_sets: tuple[dict[str, str], ...]

    @classmethod
    def of(cls, measurement: StoredMeasurement) -> MeasurementInfo:
        """Return the description of a measurement of the catalog."""
        return cls(
            measurement.name,
            measurement.start_ns,
            measurement.end_ns,
            measurement.points,
            tuple(dict(tags) for tags in measurement.series),
        )


@dataclass(frozen=True)
class TagSetInfo:
    """A tag set of a measurement, as the catalog describes it.

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


def signature(fields: Fields) -> str:
    """Return a text that identifies a set of fields, in any order."""
    return json.dumps(sorted(fields), ensure_ascii=False)


def create_catalog(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the catalog of an empty store."""
    for table, columns in _TABLES.items():
        form = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        cursor.execute(f"CREATE TABLE {table} ({form})")
    add_rows(cursor, "meta", [(VERSION,)])


def add_rows(
    cursor: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Add rows to a table of the catalog."""
    if rows:
        insert(cursor, table, _arrays(_TABLES[table], rows))


def remove_rows(
    cursor: duckdb.DuckDBPyConnection, table: str, key: str, numbers: Sequence[int]
) -> None:
    """Remove the rows with some numbers from a table of the catalog."""
    cursor.execute(
        f"DELETE FROM {table} WHERE {key} IN (SELECT unnest(?))",  # noqa: S608 - ours
        [list(numbers)],
    )


def mark_gaps(cursor: duckdb.DuckDBPyConnection) -> None:
    """Record that numbers are missing: older programs would use them again."""
    cursor.execute("UPDATE meta SET version = ?", [_WITH_GAPS])


def update_series(
    cursor: duckdb.DuckDBPyConnection, rows: Sequence[tuple[int, int, int, int]]
) -> None:
    """Update series from rows of number, start, end and points."""
    if not rows:
        return
    with lend(cursor, _arrays(("number", "start_ns", "end_ns", "points"), rows)) as grown:
        cursor.execute(
            "UPDATE series SET start_ns = grown.start_ns, "  # noqa: S608
            f"end_ns = grown.end_ns, points = grown.points FROM {grown} AS grown "
            "WHERE series.number = grown.number"
        )


def _arrays(
    names: Iterable[str], rows: Sequence[tuple[Any, ...]]
) -> dict[str, NDArray[Any]]:
    return {
        name: np.array(column, object if isinstance(column[0], str) else np.int64)
        for name, column in zip(names, zip(*rows))
    }


def load_catalog(cursor: duckdb.DuckDBPyConnection) -> Catalog:
    """Read the catalog of a store.

    Raises:
        StoreError: The file has another layout.
    """
    _check_version(cursor)
    fields: dict[int, dict[str, Field]] = {}
    for number, name, kind, column in cursor.execute("FROM fields").fetchall():
        fields.setdefault(number, {})[name] = Field(kind, column)
    series: dict[int, dict[Tags, StoredSeries]] = {}
    for each, number, tags, *rest in cursor.execute("FROM series").fetchall():
        key = tuple(sorted(json.loads(tags).items()))
        series.setdefault(number, {})[key] = StoredSeries(each, *rest)
    measurements = {
        name: StoredMeasurement(number, name, table, fields[number], series[number])
        for number, name, table in cursor.execute("FROM measurements").fetchall()
    }
    signatures = {text: number for number, text in cursor.execute("FROM tables").fetchall()}
    columns = _columns_of_tables(cursor)
    tables = {n: StoredTable(n, columns[_table_name(n)]) for n in signatures.values()}
    return Catalog(
        measurements,
        tables,
        signatures,
        _next(cursor, "measurements"),
        _next(cursor, "series"),
    )


def _columns_of_tables(
    cursor: duckdb.DuckDBPyConnection,
) -> dict[str, dict[str, FieldType]]:
    """Return the columns of fields by table, also those that no measurement uses."""
    kinds = {sql: kind for kind, sql in SQL_TYPES.items()}
    columns: dict[str, dict[str, FieldType]] = {}
    for table, column, kind in cursor.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE starts_with(table_name, 'data_') ORDER BY table_name, column_index"
    ).fetchall():
        own = columns.setdefault(table, {})
        if column not in ("series", "time"):
            own[column] = kinds[kind]
    return columns


def _next(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return the next number of a table of the catalog."""
    ((largest,),) = cursor.execute(f"SELECT max(number) FROM {table}").fetchall()  # noqa: S608 - ours
    return 0 if largest is None else int(largest) + 1


def _check_version(cursor: duckdb.DuckDBPyConnection) -> None:
    names = {name for (name,) in cursor.execute("SHOW TABLES").fetchall()}
    if "meta" not in names:
        raise StoreError(
            "The database is not a store of Multimeter.",
            cause="Another program made it.",
            next_step="Choose another path, or move the file away.",
        )
    rows = cursor.execute("SELECT version FROM meta").fetchall()
    if rows not in ([(VERSION,)], [(_WITH_GAPS,)]):
        raise StoreError(
            f"The store has version {rows}; this program reads up to {_WITH_GAPS}.",
            cause="A newer version of Multimeter wrote it.",
            next_step="pip install --upgrade 'multimeter[visu]'",
        )
