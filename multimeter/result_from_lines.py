"""Line protocol to a result: the way back of :mod:`multimeter.result_lines`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from multimeter.errors import FormatError
from multimeter.identifiers import MARKS, RESERVED_MEASUREMENTS, RUNS
from multimeter.line_protocol import portable_key
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.record import Record, Unsigned
from multimeter.result import Result
from multimeter.schema import Schema
from multimeter.schema_json import schema_from_json
from multimeter.subject import Subject

__all__ = ["decode_result"]


def decode_result(records: Iterable[Record]) -> Result:
    """Return the one run that some records hold.

    Records that other programs wrote do as well: what they do not say of the run
    (its schema, its meta data) is taken from the points, or stays empty.

    Raises:
        FormatError: They hold no run, or more than one, or a point without a time.
    """
    everything = list(records)
    points = [r for r in everything if r.measurement not in RESERVED_MEASUREMENTS]
    runs = [r for r in everything if r.measurement == RUNS]
    name = _name(points, runs)
    result = _empty_result(name, points, [r for r in runs if _is_of(r, name)])
    keys = {portable_key(key): key for key in result.columns}
    for point in points:
        values = {keys.get(k, k): _plain(v) for k, v in point.fields.items()}
        result.append(_time(point), values)
    for record in everything:
        is_mark = record.measurement == MARKS and "label" in record.fields
        if is_mark and _is_of(record, name):
            result.add_mark(_time(record), str(record.fields["label"]))
    return result


def _name(points: list[Record], runs: list[Record]) -> str:
    """Return the measurement of the only run."""
    series = {(p.measurement, tuple(sorted(p.tags.items()))) for p in points} or {
        (run.tags.get("measurement", ""), ()) for run in runs
    }
    if len(series) != 1:
        raise FormatError(
            f"Expected one run, found {len(series)}.",
            cause="A run is one measurement with one set of tags.",
            next_step="Give each run a file of its own.",
        )
    return series.pop()[0]


def _is_of(record: Record, name: str) -> bool:
    return record.tags.get("measurement") == name


def _empty_result(name: str, points: list[Record], runs: list[Record]) -> Result:
    fields: Mapping[str, Any] = runs[-1].fields if runs else {}
    try:
        result = Result.of_schema(
            schema_from_json(json.loads(fields["schema"]))
            if "schema" in fields
            else _schema_of_fields(points),
            identifier=str(fields.get("identifier", name)),
            tags=json.loads(fields["tags"]) if "tags" in fields else _tags(points),
        )
        result.meta_data.update(json.loads(fields.get("meta_data", "{}")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"The entry of the run '{name}' in {RUNS} is damaged: {error!r}"
        ) from error
    return result


def _tags(points: list[Record]) -> Mapping[str, str]:
    return points[0].tags if points else {}


def _schema_of_fields(points: Iterable[Record]) -> Schema:
    """Return what the field keys tell: the subject stands before the first dot.

    A key without a dot names no subject; it is kept, in no measure of the schema.
    """
    types: dict[str, type] = {}
    for point in points:
        for key, value in point.fields.items():
            if "." in key:
                types.setdefault(key, type(_plain(value)))
    measures = [_measure(key, value_type) for key, value_type in types.items()]
    return Schema(
        tuple({m.metric.key: m.metric for m in measures}.values()),
        tuple({m.subject.key: m.subject for m in measures}.values()),
        tuple(measures),
    )


def _measure(key: str, value_type: type) -> Measure:
    subject, _, metric = key.partition(".")
    return Measure(Subject(subject), Metric(metric, value_type=value_type, min_value=None))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Unsigned) else value


def _time(record: Record) -> int:
    if record.time_ns is None:
        raise FormatError(f"A line of '{record.measurement}' has no timestamp.")
    return record.time_ns
