"""Queries of the store: buckets for a chart, whole points, last values.

The text of a query contains nothing that was received: names of tables and columns are from
the catalog, and numbers are integers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from multimeter.analysis.series import GAP
from multimeter.data.record import FieldValue, Record, Unsigned
from multimeter.visualization.embedded.store.catalog import Field, StoredMeasurement
from multimeter.visualization.embedded.store.ingest import FieldType, Tags

__all__ = [
    "SeriesData",
    "Summary",
    "TagChoice",
    "TagSetData",
    "breaks",
    "bucket_width",
    "chosen",
    "is_one_of",
    "last",
    "mean",
    "one_of_all",
    "rows",
    "series",
]

TagChoice = Mapping[str, Collection[str]]
"""The allowed values by tag key; a point needs one of them."""

_LAST = 2**63 - 1
_PLACE = ("series", "min(time)", "max(time)", "count(*)")
_READERS: Mapping[FieldType, Callable[[Any], FieldValue]] = {
    "float": float,
    "integer": int,
    "unsigned": Unsigned,
    "string": str,
    "boolean": bool,
}


@dataclass(frozen=True)
class Summary:
    """One field in the buckets of one tag set; None for a bucket without a value.

    Attributes:
        min: The smallest value of each bucket.
        max: The largest value of each bucket.
        mean: The mean of the values of each bucket.
    """

    min: list[float | None]
    max: list[float | None]
    mean: list[float | None]


@dataclass(frozen=True)
class TagSetData:
    """One tag set in buckets, without empty ones.

    Attributes:
        tags: The tag set.
        times: The time of the first point of each bucket, in ns since the epoch.
        values: By field key, lists as long as ``times``.
        breaks: The indices of the buckets that follow a gap; see :func:`breaks`.
    """

    tags: dict[str, str]
    times: list[int]
    values: dict[str, Summary]
    breaks: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class SeriesData:
    """Fields of a measurement in buckets of time, for a chart.

    Attributes:
        bucket_ns: The width of a bucket; each starts at a multiple of it.
        series: The tag sets that have points in the range.
    """

    bucket_ns: int
    series: list[TagSetData]


def bucket_width(start_ns: int, stop_ns: int, buckets: int) -> int:
    """Return a bucket width with which at most ``buckets`` buckets cover a range.

    It has two significant digits, so that the buckets stay the same while a range moves
    or grows a little.

    Args:
        start_ns: The first time of the range.
        stop_ns: The last time of the range.
        buckets: At least 2, as a short range can contain a bucket boundary.
    """
    least = -(-max(stop_ns - start_ns + 1, 1) // (buckets - 1))
    unit: int = 10 ** max(len(str(least)) - 2, 0)
    return -(-least // unit) * unit


def series(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    keys: Iterable[str],
    start_ns: int,
    stop_ns: int,
    width: int,
    tags: TagChoice,
) -> SeriesData:
    """Return numeric fields of a measurement in buckets; see ``Store.series``."""
    fields = {
        key: measurement.fields[key]
        for key in dict.fromkeys(keys)
        if key in measurement.fields and measurement.fields[key].type != "string"
    }
    tag_sets = {
        each.number: dict(own)
        for own, each in measurement.series.items()
        if each.start_ns <= stop_ns and each.end_ns >= start_ns and chosen(own, tags)
    }
    if not tag_sets:
        return SeriesData(width, [])
    start_ns, stop_ns = max(start_ns, -_LAST), min(stop_ns, _LAST)
    base = start_ns // width * width
    # The distance of two times may exceed 64 bits.
    time = "time" if stop_ns - base <= _LAST else "time::HUGEINT"
    summaries = [_summary(each) for each in fields.values()]
    columns = cursor.execute(
        f"SELECT {', '.join((*_PLACE, *summaries))} "  # noqa: S608
        f"FROM {measurement.table_name} WHERE {is_one_of(list(tag_sets))} "
        f"AND time BETWEEN {start_ns} AND {stop_ns} "
        f"GROUP BY series, ({time} - {base}) // {width} ORDER BY ALL"
    ).fetchnumpy()
    numbers, times, lasts, counts, *values = columns.values()
    cuts = np.flatnonzero(np.diff(numbers)) + 1
    return SeriesData(
        width,
        [
            TagSetData(
                tag_sets[int(numbers[first])],
                times[first:stop].tolist(),
                {
                    key: Summary(*(part[first:stop].tolist() for part in parts))
                    for key, parts in zip(fields, zip(*[iter(values)] * 3))
                },
                breaks(times[first:stop], lasts[first:stop], counts[first:stop]),
            )
            for first, stop in zip((0, *cuts), (*cuts, len(numbers)))
            if stop
        ],
    )


def chosen(own: Tags, tags: TagChoice) -> bool:
    """Whether a tag set is selected."""
    if not tags:
        return True
    values = dict(own)
    return all(values.get(key) in some for key, some in tags.items())


def _summary(of: Field) -> str:
    value = f"{of.column}::UTINYINT" if of.type == "boolean" else of.column
    return f"min({value}), max({value}), {mean(value)}"


def mean(value: str) -> str:
    """Return the SQL of a mean.

    The sum of large values can be infinite, which JSON lacks; a mean never is.
    """
    return f"least(greatest(avg({value}), min({value})), max({value}))"


def rows(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    tags: Mapping[str, str],
    keys: Collection[str] | None,
) -> list[Record]:
    """Return whole points of a measurement; see ``Store.rows``."""
    tag_sets = {
        each.number: dict(own)
        for own, each in measurement.series.items()
        if tags.items() <= dict(own).items()
    }
    fields = {
        key: each for key, each in measurement.fields.items() if keys is None or key in keys
    }
    if not tag_sets:
        return []
    columns = ", ".join(("series", "time", *(each.column for each in fields.values())))
    cursor.execute(
        f"SELECT {columns} FROM {measurement.table_name} "  # noqa: S608
        f"WHERE {is_one_of(list(tag_sets))} ORDER BY time, series"
    )
    readers = [(key, _READERS[each.type]) for key, each in fields.items()]
    return [
        Record(
            measurement.name,
            tag_sets[number],
            {
                key: read(value)
                for (key, read), value in zip(readers, values)
                if value is not None
            },
            time,
        )
        for number, time, *values in cursor.fetchall()
    ]


def last(
    cursor: duckdb.DuckDBPyConnection,
    measurement: StoredMeasurement,
    keys: Iterable[str],
    tags: Mapping[str, str] | None = None,
) -> dict[str, FieldValue]:
    """Return the last value of each field; see ``Store.last``."""
    fields = {key: measurement.fields[key] for key in keys if key in measurement.fields}
    numbers = [
        each.number
        for own, each in measurement.series.items()
        if tags is None or dict(own) == tags
    ]
    if not fields or not numbers:
        return {}
    columns = ", ".join(f"arg_max({f.column}, time)" for f in fields.values())
    some = is_one_of(numbers)
    values = cursor.execute(
        f"SELECT {columns} FROM {measurement.table_name} "  # noqa: S608
        f"WHERE {some}"
    ).fetchall()[0]
    return {
        key: _READERS[each.type](value)
        for (key, each), value in zip(fields.items(), values)
        if value is not None
    }


def one_of_all(measurement: StoredMeasurement) -> str:
    """Return the SQL condition for all series of a measurement."""
    return is_one_of([each.number for each in measurement.series.values()])


def is_one_of(series: list[int]) -> str:
    """Return the SQL condition for some series; with bounds, DuckDB can skip blocks."""
    first, final = min(series), max(series)
    between = f"series BETWEEN {first} AND {final}"
    if final - first + 1 == len(series):
        return between
    return f"{between} AND series IN ({', '.join(map(str, series))})"


_USUAL_SHARE = 0.8
"""The share of all distances that are no longer than the usual distance."""


def breaks(first: NDArray[Any], last: NDArray[Any], counts: NDArray[Any]) -> list[int]:
    """Return the indices of the buckets that follow a gap.

    A gap is much longer than the usual distance of points. Four of five distances do not
    exceed the usual one, so that a few gaps in a short curve do not count as usual. The
    distances follow from the first time, the last time and the number of points of each
    bucket.

    Args:
        first: The time of the first point of each bucket, in ns; increasing.
        last: The time of its last point.
        counts: The number of its points, at least 1.
    """
    # As floats: the distance of two times may exceed 64 bits.
    first, last = first.astype(np.float64), last.astype(np.float64)
    between = first[1:] - last[:-1]
    if not len(between):
        return []
    crowded = counts > 1
    within = (last[crowded] - first[crowded]) / (counts[crowded] - 1)
    distances = np.concatenate([between, within])
    weights = np.concatenate([np.ones(len(between)), counts[crowded] - 1.0])
    order = np.argsort(distances)
    ranks = np.cumsum(weights[order])
    place = np.searchsorted(ranks, np.floor(_USUAL_SHARE * (ranks[-1] - 1)) + 1)
    usual = distances[order][place]
    return [int(place) + 1 for place in np.flatnonzero(between > GAP * usual)]
