"""Line protocol: records to text and back, without I/O.

The format and its escapes: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/

How lines are read is in :mod:`multimeter.lines.decoder`, whose names are here, too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from multimeter.data.record import Record, Unsigned
from multimeter.data.values import field_value, plain, text_of
from multimeter.errors import ConfigurationError, FormatError
from multimeter.lines.decoder import (
    MAX_TIME_NS,
    PRECISIONS,
    RefusedError,
    decode,
    decode_line,
    line_end,
)

__all__ = [
    "MAX_TIME_NS",
    "PRECISIONS",
    "RefusedError",
    "cannot_be_first",
    "comes_back",
    "decode",
    "decode_line",
    "encode",
    "encode_record",
    "escape_key",
    "escape_measurement",
    "format_field",
    "format_tags",
    "line_end",
    "portable_key",
    "portable_measurement",
    "raw_key",
    "raw_line",
    "raw_series",
    "time_of",
]

# Control characters and lone surrogates have no place in a name. They are shown by
# their pictures (U+2400..), as terminals and editors do.
_UNPORTABLE = {code: chr(0x2400 + code) for code in range(32)} | {0x7F: "\u2421"}
_UNPORTABLE |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_BLANK = frozenset("\t\0\r")
_RESERVED_KEYS = frozenset(("time", "_measurement", "_field"))

_INT64 = 2**63
_UINT64 = 2**64

_ESCAPE_MEASUREMENT = str.maketrans({",": "\\,", " ": "\\ "})
_ESCAPE_KEY = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})


def _portable(name: str) -> str:
    name = name.translate(_UNPORTABLE)
    # A backslash at the end would escape the separator that follows it.
    return name[:-1] + "\u29f5" if name.endswith("\\") else name


def portable_measurement(name: str) -> str:
    """Return the nearest name that line protocol can carry as a measurement.

    Names without control characters, without a backslash and without ``#`` at their
    start are returned as they are.
    """
    # InfluxDB 2.9 stores a measurement that has a backslash before a space, a comma or a
    # quotation mark, and lists it, but no query finds its points.
    name = _portable(name).replace("\\", "\u29f5")
    # A line that starts with # is a comment: the point would be lost without a word.
    return "\uff03" + name[1:] if name.startswith("#") else name or "\u2205"


def portable_key(name: str) -> str:
    """Return the nearest name that line protocol can carry as a tag or field key.

    ``time``, ``_measurement`` and ``_field`` are reserved by InfluxDB and get an
    underscore at their end.
    """
    name = _portable(name)
    return f"{name}_" if name in _RESERVED_KEYS else name or "\u2205"


def escape_measurement(name: str) -> str:
    """Return a measurement as it is written: the nearest name that can be."""
    return portable_measurement(name).translate(_ESCAPE_MEASUREMENT)


def escape_key(name: str) -> str:
    """Return a tag key or field key as it is written: the nearest name that can be."""
    return raw_key(portable_key(name))


def _escape_tag_value(value: str) -> str:
    return raw_key(_portable(value))


def raw_key(name: str) -> str:
    """Return a tag key, tag value or field key that came from a line as it was there."""
    return name.translate(_ESCAPE_KEY)


def raw_series(measurement: str, tags: Mapping[str, str]) -> str:
    """Return a measurement and tags that came from a line; the tags are sorted by key."""
    pairs = [f",{raw_key(key)}={raw_key(tags[key])}" for key in sorted(tags)]
    return measurement.translate(_ESCAPE_MEASUREMENT) + "".join(pairs)


def raw_line(record: Record) -> str:
    """Return the line of a record that came from one; its names are as they were."""
    texts = {key: format_field(value) for key, value in record.fields.items()}
    fields = [f"{raw_key(k)}={texts[k]}" for k in sorted(texts, key=cannot_be_first)]
    line = f"{raw_series(record.measurement, record.tags)} {','.join(fields)}"
    return line if record.time_ns is None else f"{line} {record.time_ns}"


def comes_back(measurement: str, tags: Mapping[str, str], key: str = "v") -> bool:
    """Return whether names that are written as they are would be read as the same ones."""
    try:
        # Behind another one, a key may begin with white space.
        (record,) = decode(f"{raw_series(measurement, tags)} _=1,{raw_key(key)}=2")
    except ValueError:
        return False
    names = record.measurement, dict(record.tags), list(record.fields)
    return names == (measurement, dict(tags), ["_", key])


def cannot_be_first(key: str) -> bool:
    """Return whether a field key begins with white space that would be passed over."""
    return key[:1] in _BLANK


def format_field(value: Any) -> str | None:
    """Format a field value, or return None for a value that no field can hold.

    None, NaN and infinity have no form in line protocol, nor has an integer beyond the
    range of a float. One outside 64 bits becomes a float. A value of any other type is
    what :func:`~multimeter.data.values.field_value` makes of it.
    """
    form = _FORMS.get(type(value))
    return form(value) if form else format_field(field_value(value))


def _format_float(value: float) -> str | None:
    # The shortest text that gives the same float again, as repr(), in a sixth of the time.
    return orjson.dumps(value).decode() if math.isfinite(value) else None


def _format_integer(value: int) -> str | None:
    if -_INT64 <= value < _INT64:
        return f"{value}i"
    try:
        return _format_float(float(value))
    except OverflowError:
        return None


def _format_unsigned(value: Unsigned) -> str | None:
    number = int(value)
    return f"{number}u" if 0 <= number < _UINT64 else _format_integer(number)


def _format_text(value: str) -> str:
    # Long texts, such as a schema: several times as fast as str.translate.
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text.encode("utf-8", "replace").decode("utf-8")}"'


# All types that field_value gives.
_FORMS: Mapping[type, Callable[[Any], str | None]] = {
    float: _format_float,
    int: _format_integer,
    bool: lambda value: "true" if value else "false",
    str: _format_text,
    Unsigned: _format_unsigned,
    type(None): lambda _: None,
}


def format_tags(tags: Mapping[str, str]) -> str:
    """Format tags as they stand behind the measurement, each with its comma.

    They are sorted by key, as InfluxDB recommends. A tag with an empty value is left
    out: line protocol cannot express it. What is not text becomes text.

    Raises:
        FormatError: Two keys cannot be distinguished in line protocol.
    """
    texts = {key: text_of(value) for key, value in tags.items() if value is not None}
    ordered = sorted((text_of(key), text) for key, text in texts.items() if text)
    escaped = {escape_key(key): _escape_tag_value(text) for key, text in ordered}
    if len(escaped) < len(ordered):
        raise FormatError(
            f"Two of the tags {[key for key, _ in ordered]} have the same name in line "
            "protocol.",
            cause="Their keys differ only in characters that line protocol lacks.",
            next_step="Give one of them another key.",
        )
    return "".join(f",{key}={value}" for key, value in escaped.items())


def encode(record: Record) -> str | None:
    """Encode one record as one line without its newline; one without a time has none.

    Returns:
        The line, or None if none of the fields can be expressed (an all-NaN point).

    Raises:
        FormatError: Two of its tags cannot be distinguished in line protocol.
        ConfigurationError: Its time is not an integer.
    """
    return encode_record(record, None)[0]


def encode_record(record: Record, time_ns: int | None) -> tuple[str | None, int]:
    """Encode one record as one line without its newline.

    Args:
        record: The record.
        time_ns: The time to use if the record has none.

    Returns:
        The line, or None if none of the fields can be expressed; and how many of them
        cannot be (NaN, infinity).

    Raises:
        FormatError: Two of its tags cannot be distinguished in line protocol.
        ConfigurationError: Its time is not an integer.
    """
    texts = [(key, format_field(value)) for key, value in record.fields.items()]
    fields = ",".join([_prefix(key) + text for key, text in texts if text is not None])
    left_out = sum([text is None for _, text in texts])
    if not fields:
        return None, left_out
    if record.time_ns is not None:
        time_ns = time_of(record.time_ns)
    tags = record.tags
    try:
        head = _head(record.measurement, *tags, *tags.values())
    except FormatError:
        raise
    except Exception:  # noqa: BLE001 - a value that is not text may not be hashable
        head = _new_head(record.measurement, tags)
    line = f"{head} {fields}"
    return (line if time_ns is None else f"{line} {time_ns}"), left_out


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


def time_of(time_ns: Any) -> int:
    """Return the time of a record, which may be an integer of any type.

    Raises:
        ConfigurationError: It is no integer.
    """
    if type(time_ns) is int:
        return time_ns
    number = plain(time_ns)
    if type(number) is not int:
        raise ConfigurationError(
            f"{text_of(time_ns)} is not the time of a record.",
            next_step="Give ns since the epoch as an integer.",
        )
    return number
