"""Line protocol to results: the way back of :mod:`multimeter.lines.result_encoder`."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multimeter.analysis.statistics import earlier_points
from multimeter.data.identifiers import MARKS, RESERVED_MEASUREMENTS, RUN_TAG, RUNS
from multimeter.data.record import Record, Unsigned
from multimeter.errors import FormatError
from multimeter.lines.protocol import format_tags, portable_key
from multimeter.lines.run_entry import stored_figures
from multimeter.lines.schema_json import schema_from_json
from multimeter.lines.series import Series, SeriesReader
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.result import Result
from multimeter.schema import Schema
from multimeter.subject import Subject
from multimeter.system.log import log

__all__ = ["Run", "decode_result", "decode_results"]

_ABOUT_RUNS = frozenset((MARKS, RUNS))
_MOST_NAMES = 5


@dataclass(frozen=True)
class Run:
    """One series of some lines.

    Attributes:
        result: Its points, and what is known of it.
        about: The records of marks and of the run itself that are about its measurement.
        is_whole: Whether it is all that its measurement has, and that measurement is one
            for runs. If not, a storage would give it an entry that is not its own.
    """

    result: Result
    about: Sequence[Record]
    is_whole: bool


def decode_result(records: Iterable[Record], now_ns: int | None = None) -> Result:
    """Return the one run that some records hold; they are read once, in any order.

    Of several runs of one name, each with an id of its own, it is the latest.

    Records that other programs wrote do as well: what they do not say of the run
    (its schema, its meta data) is taken from the points, or stays empty. The points are
    those that a server would have, see :mod:`multimeter.lines.series`; the log says which
    it would have refused.

    Args:
        records: The records.
        now_ns: The time of those that have none, in ns since the epoch; by default now.

    Raises:
        FormatError: They hold no run, or more than one.
    """
    # What is written about other runs is passed over where there are points.
    runs = _latest(_decode(records, now_ns, with_empty=False))
    if len(runs) != 1:
        names = [_name(run.result) for run in runs[:_MOST_NAMES]]
        more = ", ..." if len(runs) > _MOST_NAMES else ""
        listed = f": {', '.join(names)}{more}" if runs else ""
        raise FormatError(
            f"Expected one run, found {len(runs)}{listed}.",
            cause="A run is one measurement with one set of tags.",
            next_step="multimeter import takes a file of several runs; the page of the "
            "stack shows all sets of tags of a run."
            if runs
            else "",
        )
    return runs[0].result


def _latest(runs: list[Run]) -> list[Run]:
    """Return the latest of several runs of one name; ids sort by their starts."""
    names = {run.result.identifier for run in runs}
    with_id = [(run.result.id, run) for run in runs if run.result.id is not None]
    if len(names) != 1 or len(with_id) != len(runs):
        return runs
    return [max(with_id, key=lambda each: each[0])[1]]


def decode_results(records: Iterable[Record], now_ns: int | None = None) -> list[Run]:
    """Return all runs that some records hold, a run for each series.

    Args:
        records: The records; they are read once, in any order.
        now_ns: As of :func:`decode_result`.

    Raises:
        FormatError: What they say of a run is damaged.
    """
    return _decode(records, now_ns, with_empty=True)


def _decode(
    records: Iterable[Record], now_ns: int | None, *, with_empty: bool
) -> list[Run]:
    reader = SeriesReader(time.time_ns() if now_ns is None else now_ns)
    for record in records:
        reader.add(record)
    _warn(reader)
    about = _About(each for each in reader.series if each.measurement in _ABOUT_RUNS)
    series = [each for each in reader.series if each.measurement not in _ABOUT_RUNS]
    counts = Counter(map(about.key, series))
    if with_empty or not series:
        series += [_empty(key) for key in about.keys if key not in counts]
    runs, seen = [], set[_Key]()
    for each in series:
        key = about.key(each)
        is_whole = counts[key] <= 1 and each.measurement not in RESERVED_MEASUREMENTS
        records = () if key in seen else about.records(key)
        seen.add(key)
        runs.append(Run(_result(each, about, is_whole=is_whole), records, is_whole))
    return runs


def _empty(key: _Key) -> Series:
    name, run_id = key
    return Series(name, {} if run_id is None else {RUN_TAG: run_id})


def _warn(reader: SeriesReader) -> None:
    """Say what a server would say, or what its user might wonder about."""
    for reason, count in reader.refused.items():
        log().warning("%d points are left out: %s", count, reason)
    # The entry of a run without points has no time, either.
    counts = reader.without_time.items()
    if without_time := sum(n for name, n in counts if name not in _ABOUT_RUNS):
        log().warning("%d lines have no time; they get that of now.", without_time)


def _name(result: Result) -> str:
    tags = format_tags(result.tags)
    return f"{result.identifier}{tags}"


_Key = tuple[str, str | None]
"""The measurement of a run, and its id; None before version 2 of the data."""


class _About:
    """What is written about runs beside their points, by measurement and id of each."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._series: dict[_Key, list[Series]] = {}
        for each in series:
            name = each.tags.get("measurement")
            if name is not None:
                key = name, each.tags.get(RUN_TAG)
                self._series.setdefault(key, []).append(each)

    @property
    def keys(self) -> list[_Key]:
        """The runs that have an entry."""
        return [
            key
            for key, series in self._series.items()
            if any(each.measurement == RUNS for each in series)
        ]

    def key(self, series: Series) -> _Key:
        """Return the run of which a series is; a tag of others may have our tag's name."""
        key = series.measurement, series.tags.get(RUN_TAG)
        return key if key in self._series else (series.measurement, None)

    def records(self, key: _Key) -> list[Record]:
        """Return all that is written about a run."""
        return [
            Record(each.measurement, each.tags, point.values, time_ns)
            for each in self._series.get(key, ())
            for time_ns, point in zip(each.points().times_ns, each.points().points)
        ]

    def entry(self, key: _Key) -> Mapping[str, Any]:
        """Return the newest value of each field of the entry of a run."""
        rows = [r for r in self.records(key) if r.measurement == RUNS]
        rows.sort(key=lambda record: record.time_ns or 0)
        return {key: value for record in rows for key, value in record.fields.items()}

    def marks(self, key: _Key) -> list[tuple[int, str]]:
        """Return the marks of a run."""
        return [
            (record.time_ns or 0, str(record.fields["label"]))
            for record in self.records(key)
            if record.measurement == MARKS and "label" in record.fields
        ]


def _result(series: Series, about: _About, *, is_whole: bool) -> Result:
    """Return a series with what its run's entry says, or else its points."""
    result, name, key = series.points(), series.measurement, about.key(series)
    fields = about.entry(key)
    written = {k: v for k, v in series.tags.items() if k != RUN_TAG or key[1] is None}
    try:
        identifier = str(fields.get("identifier", name))
        own = json.loads(fields["tags"]) if "tags" in fields and is_whole else written
        result.id = key[1]
        result.identifier = identifier
        result.tags = {str(key): str(value) for key, value in own.items()}
        result.meta_data.update(json.loads(fields.get("meta_data", "{}")))
        schema = (
            schema_from_json(json.loads(fields["schema"]))
            if "schema" in fields
            else _schema(result)
        )
        renamed = dict(json.loads(fields.get("names", "{}")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"The entry of the run '{name}' in {RUNS} is damaged.",
            cause="The file was cut off, or another program wrote it.",
        ) from error
    of_schema = {portable_key(each.key): each.key for each in schema.measures}
    names = {**renamed, **of_schema}
    if result.tags == written and all(names.get(k, k) == k for k in result.columns):
        # Who wrote the lines did not have to change a name.
        result.read_as = name
    result.describe(schema, names)
    result.surplus = _surplus(result, fields) if is_whole else 0
    if is_whole and _has_ended(result, fields):
        result.known_figures = stored_figures(fields)
    for time_ns, label in about.marks(key):
        result.add_mark(time_ns, label)
    return result


def _has_ended(result: Result, fields: Mapping[str, Any]) -> bool:
    """Return whether an entry is about these points, and no more came after it.

    An earlier run of the same name, and points that another client added, are in none of
    its figures.
    """
    end = fields.get("end")
    return (
        fields.get("state") != "running"
        and (result.end_ns is None or end == result.end_ns)
        and not result.surplus
    )


def _surplus(result: Result, fields: Mapping[str, Any]) -> int:
    """Return how many points a result has beyond those that its program has counted."""
    counted = fields.get("points")
    if not isinstance(counted, int) or fields.get("state") == "running":
        return 0
    return max(0, len(result.times_ns) - earlier_points(result) - counted)


def _schema(result: Result) -> Schema:
    """Return what the field keys say: the subject is before the first dot.

    A key without a dot names no subject; it is kept, in no measure of the schema.
    """
    measures = [
        _measure(
            key, type(next(value for value in result.values(key) if value is not None))
        )
        for key in result.columns
        if "." in key
    ]
    return Schema(
        tuple({m.metric.key: m.metric for m in measures}.values()),
        tuple({m.subject.key: m.subject for m in measures}.values()),
        tuple(measures),
    )


def _measure(key: str, value_type: type) -> Measure:
    subject, _, metric = key.partition(".")
    kind = int if value_type is Unsigned else value_type
    return Measure(Subject(subject), Metric(metric, value_type=kind, min_value=None))
