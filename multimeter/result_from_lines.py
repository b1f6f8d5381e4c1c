"""Line protocol to a result: the way back of :mod:`multimeter.result_lines`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from multimeter.errors import FormatError
from multimeter.identifiers import MARKS, RUNS
from multimeter.line_protocol import portable_key
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.record import Record, Unsigned
from multimeter.result import Result
from multimeter.run_statistics import earlier_points
from multimeter.schema import Schema
from multimeter.schema_json import schema_from_json
from multimeter.subject import Subject

__all__ = ["decode_result"]


def decode_result(records: Iterable[Record]) -> Result:
    """Return the one run that some records hold; they are read once, in any order.

    Records that other programs wrote do as well: what they do not say of the run
    (its schema, its meta data) is taken from the points, or stays empty.

    Raises:
        FormatError: They hold no run, or more than one, or a point without a time.
    """
    result, points = Result(), _Points()
    runs: list[Record] = []
    marks: list[Record] = []
    for record in records:
        if record.measurement == RUNS:
            runs.append(record)
        elif record.measurement == MARKS:
            marks.append(record)
        else:
            points.note(record)
            values = {key: _plain(value) for key, value in record.fields.items()}
            result.append(_time(record), values)
    name, tags = _series(points, runs)
    _describe(result, name, points, tags, [r for r in runs if _is_of(r, name)])
    for mark in marks:
        if "label" in mark.fields and _is_of(mark, name):
            result.add_mark(_time(mark), str(mark.fields["label"]))
    return result


class _Points:
    """What the points tell of the run that they belong to."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, tuple[tuple[str, str], ...]], Mapping[str, str]] = {}
        self.types: dict[str, type] = {}

    def note(self, point: Record) -> None:
        """Take note of the series and the fields of a point."""
        series = (point.measurement, tuple(sorted(point.tags.items())))
        self.series.setdefault(series, point.tags)
        if len(self.series) == 1 and point.fields.keys() <= self.types.keys():
            return
        for key, value in point.fields.items():
            self.types.setdefault(key, type(_plain(value)))

    def schema(self) -> Schema:
        """Return what the field keys tell: the subject stands before the first dot.

        A key without a dot names no subject; it is kept, in no measure of the schema.
        """
        measures = [_measure(key, kind) for key, kind in self.types.items() if "." in key]
        return Schema(
            tuple({m.metric.key: m.metric for m in measures}.values()),
            tuple({m.subject.key: m.subject for m in measures}.values()),
            tuple(measures),
        )


def _series(points: _Points, runs: list[Record]) -> tuple[str, Mapping[str, str]]:
    """Return the measurement of the only run, and the tags of its points."""
    series = points.series or {(run.tags.get("measurement", ""), ()): {} for run in runs}
    if len(series) != 1:
        raise FormatError(
            f"Expected one run, found {len(series)}.",
            cause="A run is one measurement with one set of tags.",
            next_step="Give each run a file of its own.",
        )
    (((name, _), tags),) = series.items()
    return name, tags


def _is_of(record: Record, name: str) -> bool:
    return record.tags.get("measurement") == name


def _describe(
    result: Result,
    name: str,
    points: _Points,
    tags: Mapping[str, str],
    runs: list[Record],
) -> None:
    """Give a result what the entry of its run says, or else its points."""
    fields: Mapping[str, Any] = runs[-1].fields if runs else {}
    try:
        result.identifier = str(fields.get("identifier", name))
        own = json.loads(fields["tags"]) if "tags" in fields else tags
        result.tags = {str(key): str(value) for key, value in own.items()}
        result.meta_data.update(json.loads(fields.get("meta_data", "{}")))
        schema = (
            schema_from_json(json.loads(fields["schema"]))
            if "schema" in fields
            else points.schema()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"The entry of the run '{name}' in {RUNS} is damaged: {error!r}"
        ) from error
    keys = (measure.key for measure in schema.measures)
    result.describe(schema, {portable_key(key): key for key in keys})
    counted = fields.get("points")
    if isinstance(counted, int) and fields.get("state") != "running":
        own = len(result.times_ns) - earlier_points(result)
        result.surplus = max(0, own - counted)


def _measure(key: str, value_type: type) -> Measure:
    subject, _, metric = key.partition(".")
    return Measure(Subject(subject), Metric(metric, value_type=value_type, min_value=None))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Unsigned) else value


def _time(record: Record) -> int:
    if record.time_ns is None:
        raise FormatError(f"A line of '{record.measurement}' has no timestamp.")
    return record.time_ns
