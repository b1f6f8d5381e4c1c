"""Encode records to line protocol, with caches for repeated series and field names."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from multimeter.data.record import Record
from multimeter.data.values import text_of
from multimeter.errors import FormatError
from multimeter.lines.protocol import (
    escape_key,
    escape_measurement,
    format_field,
    format_tags,
    time_of,
)

__all__ = ["encode_record"]


def encode_record(record: Record, time_ns: int) -> tuple[bytes | None, int]:
    """Encode a record.

    Args:
        record: The record.
        time_ns: The time to use if the record has none.

    Returns:
        The line, or None if a database can store none of the fields; and how many
        fields it cannot store (NaN, infinity).

    Raises:
        FormatError: Two of its tags cannot be distinguished in line protocol.
        ConfigurationError: Its time is not an integer.
    """
    texts = [(key, format_field(value)) for key, value in record.fields.items()]
    fields = ",".join([_prefix(key) + text for key, text in texts if text is not None])
    left_out = sum([text is None for _, text in texts])
    if not fields:
        return None, left_out
    time_ns = time_ns if record.time_ns is None else time_of(record.time_ns)
    tags = record.tags
    try:
        head = _head(record.measurement, *tags, *tags.values())
    except FormatError:
        raise
    except Exception:  # noqa: BLE001 - a value that is not text may not be hashable
        head = _new_head(record.measurement, tags)
    return f"{head} {fields} {time_ns}".encode(), left_out


# A program writes few different series and fields. Typed, as True, 1.0 and 1 are equal
# keys otherwise.
@functools.lru_cache(1_024, typed=True)
def _head(measurement: str, *tags: str) -> str:
    half = len(tags) // 2
    return _new_head(measurement, dict(zip(tags[:half], tags[half:])))


def _new_head(measurement: str, tags: Mapping[str, str]) -> str:
    return escape_measurement(text_of(measurement)) + format_tags(tags)


@functools.lru_cache(4_096, typed=True)
def _prefix(key: str) -> str:
    return f"{escape_key(text_of(key))}="
