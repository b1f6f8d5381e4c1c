"""A result as line protocol, and back.

A run is the measurement of its identifier, with one field for each measure; its tags are
those of the run, and ``run``: its id. Beside it are its marks (measurement
``multimeter_marks``, field ``label``) and its entry (measurement ``multimeter_runs``), both
with the tags ``measurement`` and ``run``. The fields of the entry hold, exactly, what line
protocol would have to bend: the identifier, tags, meta data and schema; and its figures,
so that a list of runs need not read their points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from multimeter.data.baseline import Baseline
from multimeter.data.identifiers import MARKS, RUN_TAG, RUNS
from multimeter.data.record import Record
from multimeter.errors import FormatError
from multimeter.lines.point_encoder import encode_blocks, encode_points, is_as_read
from multimeter.lines.protocol import (
    portable_measurement,
    raw_line,
)
from multimeter.lines.run_entry import entry_fields
from multimeter.result import Result

__all__ = [
    "AFTER_NS",
    "check_identifier",
    "encode_batches",
    "encode_result",
    "encode_series",
    "entry_tags",
    "run_record",
]


AFTER_NS = 1_000
"""How long after its last point the entry of a run says that it has ended, in ns."""


def encode_batches(result: Result) -> Iterator[bytes]:
    """Encode a result as batches of some hundred lines, see :func:`encode_result`.

    This is faster than line by line.

    Args:
        result: What was measured; it needs an identifier.

    Returns:
        Lines in UTF-8, each with its newline.

    Raises:
        FormatError: As :func:`encode_result`.
    """
    check_identifier(result)
    about = (line + b"\n" for line in _encode_marks_and_run(result))
    return chain(encode_blocks(result), about)


def encode_series(result: Result, about: Iterable[Record]) -> Iterator[bytes]:
    """Encode the points of a result, and records beside them, one line each.

    Args:
        result: A series that is not all of its measurement, or of one that is no run.
        about: Records of marks and of the run that are written with it.

    Raises:
        FormatError: As :func:`encode_result`.
    """
    tags = entry_tags(result)
    beside = (Record(r.measurement, tags, r.fields, r.time_ns) for r in about)
    return chain(encode_points(result), map(_line, beside))


def encode_result(result: Result) -> Iterator[bytes]:
    """Encode a result: its points, its marks, and last the run itself.

    Returns:
        Lines in UTF-8 without their newline, in the order of time within each part. A
        point without any value has no line.

    Raises:
        FormatError: The result has no identifier, or two of its measures cannot be
            distinguished in line protocol.
    """
    check_identifier(result)
    return chain(encode_points(result), _encode_marks_and_run(result))


def check_identifier(result: Result) -> None:
    """Refuse a result without an identifier.

    Raises:
        FormatError: It has none.
    """
    if not result.identifier:
        raise FormatError(
            "The result has no identifier, which line protocol needs.",
            next_step="Set result.identifier before it is stored.",
        )


def _encode_marks_and_run(result: Result) -> Iterator[bytes]:
    tags = entry_tags(result)
    for time_ns, label in sorted(result.marks_ns):
        yield _line(Record(MARKS, tags, {"label": label}, time_ns))
    yield _line(run_record(result))


def _line(record: Record) -> bytes:
    return raw_line(record).encode("utf-8", "replace")


def _measurement(result: Result) -> str:
    """Return the name under which a result is written."""
    name = result.identifier or ""
    return name if is_as_read(result) else portable_measurement(name)


def run_record(result: Result) -> Record:
    """Return the last row of the entry of a run: it has ended.

    Its time is after that of the last point, so that no other row has it.
    """
    last = result.end_ns
    if last is None:  # without a point, the start
        last = Baseline.of(result.meta_data).time_ns
    fields = {**entry_fields(result), "state": "finished"}
    return Record(
        RUNS, entry_tags(result), fields, None if last is None else last + AFTER_NS
    )


def entry_tags(result: Result) -> dict[str, str]:
    """Return the tags of the entry and of the marks of a run."""
    tags = {"measurement": _measurement(result)}
    return tags if result.id is None else {**tags, RUN_TAG: result.id}
