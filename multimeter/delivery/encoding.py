"""Encoding: a record as the line that is kept and sent."""

from __future__ import annotations

import functools

from multimeter.line_protocol import (
    escape_key,
    escape_measurement,
    format_field,
    format_tags,
)
from multimeter.record import Record

__all__ = ["encode_record"]


def encode_record(record: Record, time_ns: int) -> tuple[bytes | None, int]:
    """Encode a record.

    Args:
        record: The record.
        time_ns: Its time, where it has none of its own.

    Returns:
        The line, or None when no field has a form in a database; and how many fields
        have none (NaN, infinity).

    Raises:
        FormatError: Two of its tags cannot be told apart in line protocol.
    """
    texts = [(key, format_field(value)) for key, value in record.fields.items()]
    fields = ",".join(_prefix(key) + text for key, text in texts if text is not None)
    left_out = sum(text is None for _, text in texts)
    if not fields:
        return None, left_out
    time_ns = time_ns if record.time_ns is None else record.time_ns
    head = _head(record.measurement, tuple(record.tags.items()))
    return f"{head} {fields} {time_ns}".encode(), left_out


# The same few series and fields come again and again.
@functools.lru_cache(1_024)
def _head(measurement: str, tags: tuple[tuple[str, str], ...]) -> str:
    return escape_measurement(measurement) + format_tags(dict(tags))


@functools.lru_cache(4_096)
def _prefix(key: str) -> str:
    return f"{escape_key(key)}="
