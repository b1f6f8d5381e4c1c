"""A result as line protocol, and back.

A run is the measurement of its identifier, with one field for each measure and the
run's tags as tags. Beside it stand its marks (measurement ``multimeter_marks``, tag
``measurement``, field ``label``) and the run itself (measurement ``multimeter_runs``,
tag ``measurement``, at the time of the first point), whose fields hold, exactly, what
line protocol would have to bend: the identifier, tags, meta data and schema.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from multimeter.columns import ABSENT, Column
from multimeter.errors import FormatError
from multimeter.line_protocol import (
    encode,
    escape_key,
    escape_measurement,
    format_field,
    format_tags,
    portable_measurement,
)
from multimeter.record import Record
from multimeter.result import Result
from multimeter.schema_json import schema_to_json

__all__ = ["MARKS", "RESERVED_MEASUREMENTS", "RUNS", "encode_result"]

MARKS = "multimeter_marks"
RUNS = "multimeter_runs"
RESERVED_MEASUREMENTS = frozenset((MARKS, RUNS))

_FORMATS = {"d": "%r", "q": "%di"}
_ROWS_AT_ONCE = 256


def encode_result(result: Result) -> Iterator[str]:
    """Encode a result: its points, its marks, and last the run itself.

    Yields:
        Lines without their newline, in the order of time within each part. A point
        without any value has no line.

    Raises:
        FormatError: The result has no identifier, or two of its measures cannot be
            told apart in line protocol.
    """
    if not result.identifier:
        raise FormatError(
            "The result has no identifier, which line protocol needs.",
            next_step="Set result.identifier before it is stored.",
        )
    measurement = portable_measurement(result.identifier)
    yield from _encode_points(result)
    for time_ns, label in sorted(result.marks_ns):
        yield _line(Record(MARKS, {"measurement": measurement}, {"label": label}, time_ns))
    yield _line(_run_record(result, measurement))


def _line(record: Record) -> str:
    line = encode(record)
    assert line is not None, "text and integers always have a form"
    return line


def _run_record(result: Result, measurement: str) -> Record:
    times = result.times_ns
    fields: dict[str, Any] = {
        "identifier": result.identifier,
        "points": len(times),
        "tags": json.dumps(result.tags),
        "meta_data": json.dumps(result.meta_data, default=str),
        "schema": json.dumps(schema_to_json(result.schema), default=str),
    }
    if len(times):
        fields |= {"start": times[0], "end": times[-1], "duration": times[-1] - times[0]}
    start = times[0] if len(times) else None
    return Record(RUNS, {"measurement": measurement}, fields, start)


def _encode_points(result: Result) -> Iterator[str]:
    """Encode the points with one format string for all rows, filled by column.

    That is several times faster than to format value by value.
    """
    columns = dict(zip(_field_keys(result.columns), result.columns.values()))
    head = (escape_measurement(result.identifier or "") + format_tags(result.tags)).replace(
        "%", "%%"
    )
    rows = len(result.times_ns)
    if not columns or not all(_is_packed(each, rows) for each in columns.values()):
        yield from _encode_rows(head.replace("%%", "%"), columns, result)
        return
    arrays = [each.dense for each in columns.values()]
    template = ",".join(
        f"{key.replace('%', '%%')}={_FORMATS[values.typecode]}"  # type: ignore[union-attr]
        for key, values in zip(columns, arrays)
    )
    line = f"{head} {template} %d".__mod__
    cells = zip(*arrays, result.times_ns)  # type: ignore[arg-type]
    slow = _row_encoder(head.replace("%%", "%"), columns)
    for first in range(0, rows, _ROWS_AT_ONCE):
        lines = list(map(line, islice(cells, _ROWS_AT_ONCE)))
        # Looking for them in the text is far cheaper than to ask each number.
        for row, text in enumerate(lines, first):
            if "=nan" in text or "=inf" in text or "=-inf" in text:
                careful = slow(row, result.times_ns[row])
                if careful is not None:
                    yield careful
            else:
                yield text


def _is_packed(column: Column, rows: int) -> bool:
    return isinstance(column.dense, array) and len(column) >= rows


def _encode_rows(head: str, columns: Mapping[str, Column], result: Result) -> Iterator[str]:
    encode_row = _row_encoder(head, columns)
    for row, time_ns in enumerate(result.times_ns):
        line = encode_row(row, time_ns)
        if line is not None:
            yield line


def _row_encoder(
    head: str, columns: Mapping[str, Column]
) -> Callable[[int, int], str | None]:
    # A field keeps one type: integers beside floats become floats.
    as_float = {key for key, column in columns.items() if _mixes_numbers(column)}

    def encode_row(row: int, time_ns: int) -> str | None:
        cells = (
            (key, column.get(row)) for key, column in columns.items() if row < len(column)
        )
        fields = ",".join(
            f"{key}={text}"
            for key, text in (
                (key, format_field(float(value) if key in as_float else value))
                for key, value in cells
                if value is not ABSENT and value is not None
            )
            if text is not None
        )
        return f"{head} {fields} {time_ns}" if fields else None

    return encode_row


def _mixes_numbers(column: Column) -> bool:
    if isinstance(column.dense, array):
        return False
    types = {type(column.get(row)) for row in range(len(column))} - {
        type(None),
        type(ABSENT),
    }
    return len(types) > 1 and all(
        issubclass(t, (int, float)) and t is not bool for t in types
    )


def _field_keys(keys: Iterable[str]) -> list[str]:
    keys = list(keys)
    escaped = [escape_key(key) for key in keys]
    if len(set(escaped)) < len(keys):
        twice = next(k for k in escaped if escaped.count(k) > 1)
        raise FormatError(
            f"Two measures have the same name in line protocol: {twice}",
            cause="Their keys differ only in characters that line protocol lacks.",
            next_step="Give one of them another key, or store the result as JSON.",
        )
    return escaped
