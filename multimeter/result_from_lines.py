"""Line protocol to a result: the way back of :mod:`multimeter.result_lines`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from multimeter.errors import FormatError
from multimeter.line_protocol import portable_key
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.record import Record, Unsigned
from multimeter.result import Result
from multimeter.result_lines import MARKS, RESERVED_MEASUREMENTS, RUNS
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
    result = _empty_result(points, runs)
    keys = {portable_key(key): key for key in result.columns}
    for point in points:
        values = {keys.get(k, k): _plain(v) for k, v in point.fields.items()}
        result.append(_time(point), values)
    for record in everything:
        if record.measurement == MARKS and "label" in record.fields:
            result.add_mark(_time(record), str(record.fields["label"]))
    return result


def _empty_result(points: list[Record], runs: list[Record]) -> Result:
    names = {p.measurement for p in points} or {
        run.tags.get("measurement", "") for run in runs
    }
    if len(names) != 1:
        raise FormatError(
            f"Expected one run, found {len(names)}.",
            next_step="Give each run a file of its own.",
        )
    name = names.pop()
    fields: Mapping[str, Any] = runs[-1].fields if runs else {}
    try:
        schema = (
            schema_from_json(json.loads(fields["schema"])) if "schema" in fields else None
        )
        tags = json.loads(fields["tags"]) if "tags" in fields else None
        meta_data = json.loads(fields.get("meta_data", "{}"))
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"The entry of the run '{name}' in {RUNS} is damaged: {error!r}"
        ) from error
    result = Result.of_schema(
        _schema_of_fields(points) if schema is None else schema,
        identifier=fields.get("identifier", name),
        tags=dict(points[0].tags) if tags is None and points else tags,
    )
    result.add_meta_data(**meta_data)
    return result


def _schema_of_fields(points: Iterable[Record]) -> Schema:
    """Return what the field keys tell: the subject stands before the first dot."""
    types: dict[str, type] = {}
    for point in points:
        for key, value in point.fields.items():
            types.setdefault(key, type(_plain(value)))
    measures = [_measure(key, value_type) for key, value_type in types.items()]
    return Schema(
        tuple({m.metric.key: m.metric for m in measures}.values()),
        tuple({m.subject.key: m.subject for m in measures}.values()),
        tuple(measures),
    )


def _measure(key: str, value_type: type) -> Measure:
    subject, dot, metric = key.partition(".")
    if not dot:
        subject, metric = "", key
    return Measure(Subject(subject), Metric(metric, value_type=value_type, min_value=None))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Unsigned) else value


def _time(record: Record) -> int:
    if record.time_ns is None:
        raise FormatError(f"A line of '{record.measurement}' has no timestamp.")
    return record.time_ns
