"""Line protocol: records to text and back, without I/O.

The format and its escapes: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/

:func:`decode` refuses what InfluxDB 2 refuses, in its words, so that a server built on
it answers as InfluxDB does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from multimeter.errors import ConfigurationError, FormatError, LineProtocolError
from multimeter.record import FieldValue, Record, Unsigned
from multimeter.values import field_value, plain, text_of

__all__ = [
    "KEY_SEPARATOR_BYTES",
    "MAX_KEY_BYTES",
    "MAX_TIME_NS",
    "PRECISIONS",
    "RefusedError",
    "cannot_be_first",
    "comes_back",
    "decode",
    "decode_line",
    "encode",
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
    "skip_spaces",
    "time_of",
    "unit_of",
]

PRECISIONS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
"""Precision of a timestamp: its name and its length in nanoseconds."""

MAX_TIME_NS = 2**63 - 2
"""The last time (and, negated, the first) that InfluxDB stores, in ns."""

MAX_KEY_BYTES = 65_535
"""The most bytes of measurement and tags, and a field key, as they stand in a line."""

KEY_SEPARATOR_BYTES = 4
"""What InfluxDB counts between the tags and a field key."""

_INT64 = 2**63
_UINT64 = 2**64
_MOST_DIGITS = 20
_TRUE = frozenset(("t", "T", "true", "True", "TRUE"))
_FALSE = frozenset(("f", "F", "false", "False", "FALSE"))

# Control characters and lone surrogates have no place in a name. They are shown by
# their pictures (U+2400..), as terminals and editors do.
_UNPORTABLE = {code: chr(0x2400 + code) for code in range(32)} | {0x7F: "\u2421"}
_UNPORTABLE |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_NO_CHARACTER = "\udfff"
_BLANK = frozenset("\t\0\r")
_RESERVED_KEYS = frozenset(("time", "_measurement", "_field"))

_ESCAPE_MEASUREMENT = str.maketrans({",": "\\,", " ": "\\ "})
_ESCAPE_KEY = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})
_ESCAPE_STRING = str.maketrans({'"': '\\"', "\\": "\\\\"})


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
    """Return a measurement and tags that came from a line as they were there."""
    pairs = [f",{raw_key(key)}={raw_key(value)}" for key, value in tags.items()]
    return measurement.translate(_ESCAPE_MEASUREMENT) + "".join(pairs)


def raw_line(record: Record) -> str:
    """Return the line of a record that came from one; its names are as they were."""
    texts = {key: format_field(value) for key, value in record.fields.items()}
    fields = [f"{raw_key(k)}={texts[k]}" for k in sorted(texts, key=cannot_be_first)]
    line = f"{raw_series(record.measurement, record.tags)} {','.join(fields)}"
    return line if record.time_ns is None else f"{line} {record.time_ns}"


def comes_back(measurement: str, tags: Mapping[str, str], key: str = "v") -> bool:
    """Tell whether names that are written as they are would be read as the same ones."""
    try:
        # Behind another one, a key may begin with white space.
        (record,) = decode(f"{raw_series(measurement, tags)} _=1,{raw_key(key)}=2")
    except ValueError:
        return False
    names = record.measurement, dict(record.tags), list(record.fields)
    return names == (measurement, dict(tags), ["_", key])


def cannot_be_first(key: str) -> bool:
    """Tell whether a field key begins with white space that would be passed over."""
    return key[:1] in _BLANK


def format_field(value: Any) -> str | None:
    """Format a field value, or return None for a value that no field can hold.

    None, NaN and infinity have no form in line protocol, nor has an integer beyond the
    range of a float. One outside 64 bits becomes a float. A value of any other type is
    what :func:`~multimeter.values.field_value` makes of it.
    """
    form = _FORMS.get(type(value))
    return form(value) if form else format_field(field_value(value))


def _format_float(value: float) -> str | None:
    return repr(value) if math.isfinite(value) else None


def _format_integer(value: int) -> str | None:
    if -_INT64 <= value < _INT64:
        return f"{value}i"
    try:
        return repr(float(value))
    except OverflowError:
        return None


def _format_unsigned(value: Unsigned) -> str | None:
    number = int(value)
    return f"{number}u" if 0 <= number < _UINT64 else _format_integer(number)


def _format_text(value: str) -> str:
    text = value.translate(_ESCAPE_STRING)
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
        FormatError: Two keys cannot be told apart in line protocol.
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
    """Encode one record as one line without its newline.

    Returns:
        The line, or None when none of the fields can be expressed (an all-NaN point).

    Raises:
        FormatError: Two of its tags cannot be told apart in line protocol.
        ConfigurationError: Its time is no integer.
    """
    fields = ",".join(
        f"{escape_key(text_of(key))}={text}"
        for key, text in ((k, format_field(v)) for k, v in record.fields.items())
        if text is not None
    )
    if not fields:
        return None
    measurement = escape_measurement(text_of(record.measurement))
    line = f"{measurement}{format_tags(record.tags)} {fields}"
    return line if record.time_ns is None else f"{line} {time_of(record.time_ns)}"


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


# A backslash escapes only the separators; before anything else it stands for itself.
# The alternatives exclude each other, so that there is nothing to backtrack into. Each
# time that a group is repeated takes memory: so it is for each backslash, not for each
# character, and no more often than a key may have bytes.
_MEASUREMENT = re.compile(r"[^\\, \n]*(?:\\[, ]?[^\\, \n]*){0,65535}")
_KEY = re.compile(r"[^\\,= \n]*(?:\\[,= ]?[^\\,= \n]*){0,65535}")
_SKIP = re.compile(r"[ \t\0]*")
_BARE = re.compile(r"[^, \n]*")
_TIME = re.compile(r" *(?:(-?[0-9]+) *)?\r?(?=\n|\Z)")
_FLOAT = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"(-?[0-9]+)i")
_UNSIGNED = re.compile(r"([0-9]+)u")
_UNESCAPE_MEASUREMENT = re.compile(r"\\([, ])")
_UNESCAPE_KEY = re.compile(r"\\([,= ])")


def decode(text: str, *, precision: str = "ns") -> Iterator[Record]:
    """Decode lines to records.

    Args:
        text: Lines of line protocol; comments and empty lines are passed over.
        precision: What a timestamp counts: ``ns``, ``us``, ``ms`` or ``s``.

    Yields:
        One record for each line; ``time_ns`` is None where the line has no timestamp.

    Raises:
        LineProtocolError: A line is not line protocol; the records before it have
            been yielded.
        ConfigurationError: There is no such precision.
    """
    position, end, unit = 0, len(text), unit_of(precision)
    while position < end:
        start = skip_spaces(text, position)
        if start >= end or text[start] in "\r\n":
            position = start + 1
            continue
        if text[start] == "#":
            position = line_end(text, start) + 1
            continue
        try:
            record, position = decode_line(text, start, unit)
        except RefusedError as refused:
            line = text[start : line_end(text, start)].rstrip("\r")
            raise LineProtocolError(line, str(refused)) from None
        yield record


def unit_of(precision: str) -> int:
    """Return the length of what a timestamp counts, in ns.

    Raises:
        ConfigurationError: There is no such precision.
    """
    if precision not in PRECISIONS:
        raise ConfigurationError(
            "invalid precision; valid precision units are ns, us, ms, and s"
        )
    return PRECISIONS[precision]


class RefusedError(Exception):
    """Why a line was refused; who reads the lines adds the line."""


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def line_end(text: str, start: int) -> int:
    """Return where the newline is that ends a line, or the end of the text."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def skip_spaces(text: str, position: int) -> int:
    """Return where a line begins, whose spaces have no meaning."""
    return _end(_SKIP, text, position)


def decode_line(text: str, start: int, unit: int) -> tuple[Record, int]:
    """Decode one line; return its record, and where the next line begins.

    Raises:
        RefusedError: It is not line protocol.
    """
    position = _end(_MEASUREMENT, text, start)
    if position == start:
        raise RefusedError("missing measurement")
    _check_key(position - start)
    measurement = _UNESCAPE_MEASUREMENT.sub(r"\1", text[start:position])
    tags, position = _decode_tags(text, start, position)
    key_bytes = _bytes(text, start, position)
    _check_key(key_bytes)
    fields, position = _decode_fields(text, _end(_SKIP, text, position), key_bytes)
    match = _TIME.match(text, position)
    if match is None:
        raise RefusedError("bad timestamp")
    time_ns = None if match[1] is None else _decode_time(match[1], unit)
    return Record(measurement, tags, fields, time_ns), match.end() + 1


def _decode_time(digits: str, unit: int) -> int:
    # int() refuses numbers of thousands of digits, which never fit anyway.
    time_ns = int(digits) * unit if len(digits) <= _MOST_DIGITS else MAX_TIME_NS + 1
    if not -MAX_TIME_NS <= time_ns <= MAX_TIME_NS:
        raise RefusedError(f"time outside range -{MAX_TIME_NS} - {MAX_TIME_NS}")
    return time_ns


def _decode_tags(text: str, start: int, position: int) -> tuple[dict[str, str], int]:
    tags: dict[str, str] = {}
    while text[position : position + 1] == ",":
        key_end = _end(_KEY, text, position + 1)
        if key_end == position + 1:
            raise RefusedError("missing tag key")
        value_end = _end(_KEY, text, key_end + 1)
        _check_key(value_end - start)
        if text[key_end : key_end + 1] != "=" or value_end == key_end + 1:
            raise RefusedError("missing tag value")
        key = _UNESCAPE_KEY.sub(r"\1", text[position + 1 : key_end])
        if key in tags:
            raise RefusedError("duplicate tags")
        tags[key] = _UNESCAPE_KEY.sub(r"\1", text[key_end + 1 : value_end])
        position = value_end
        if text[position : position + 1] == "=":
            raise RefusedError("invalid tag format")
    return tags, position


def _bytes(text: str, start: int, end: int) -> int:
    # No character takes more than four, so that short ones need not be encoded.
    size = end - start
    return size if 4 * size < MAX_KEY_BYTES else len(text[start:end].encode())


def _check_key(size: int) -> None:
    if size > MAX_KEY_BYTES:
        raise RefusedError(f"max key length exceeded: {size} > {MAX_KEY_BYTES}")


def _decode_fields(
    text: str, position: int, key_bytes: int
) -> tuple[dict[str, FieldValue], int]:
    fields: dict[str, FieldValue] = {}
    longest = 0
    if position >= len(text) or text[position] in "\r\n":
        raise RefusedError("missing fields")
    while True:
        key_end = _end(_KEY, text, position)
        if text[key_end : key_end + 1] != "=":
            _check_key(key_end - position)
            raise RefusedError("invalid field format")
        if key_end == position:
            raise RefusedError("missing field key")
        key = _UNESCAPE_KEY.sub(r"\1", text[position:key_end])
        longest = max(longest, _bytes(text, position, key_end))
        fields[key], position = _decode_value(text, key_end + 1)
        if text[position : position + 1] != ",":
            _check_key(key_bytes + KEY_SEPARATOR_BYTES + longest)
            return fields, position
        position += 1


def _decode_value(text: str, position: int) -> tuple[FieldValue, int]:
    if text[position : position + 1] == '"':
        end = _string_end(text, position + 1)
        return _unescape_string(text[position + 1 : end]), end + 1
    end = _end(_BARE, text, position)
    token = text[position:end].rstrip("\r")
    if not token:
        raise RefusedError("missing field value")
    return _decode_bare(token), position + len(token)


def _string_end(text: str, position: int) -> int:
    """Return where the quotation mark is that ends a string.

    It stands behind an even number of backslashes. A regular expression that counts them
    takes memory for each.
    """
    end = text.find('"', position)
    while end >= 0:
        run = end
        while text[run - 1] == "\\":
            run -= 1
        if (end - run) % 2 == 0:
            return end
        end = text.find('"', end + 1)
    raise RefusedError("unbalanced quotes")


def _unescape_string(text: str) -> str:
    if "\\" not in text:
        return text
    # In a row of backslashes, from the left, each pair is one. The pairs are set aside as
    # something that no text of UTF-8 holds.
    if _NO_CHARACTER in text:
        pieces = text.split("\\\\")
        return "\\".join([piece.replace('\\"', '"') for piece in pieces])
    text = text.replace("\\\\", _NO_CHARACTER).replace('\\"', '"')
    return text.replace(_NO_CHARACTER, "\\")


def _decode_bare(token: str) -> FieldValue:
    if _FLOAT.fullmatch(token):
        value = float(token)
        if math.isinf(value):
            raise RefusedError("invalid number")
        return value
    if match := _INTEGER.fullmatch(token):
        return _ranged(match[1], -_INT64, _INT64, "integer", "ParseInt")
    if match := _UNSIGNED.fullmatch(token):
        return Unsigned(_ranged(match[1], 0, _UINT64, "unsigned", "ParseUint"))
    if token in _TRUE:
        return True
    if token in _FALSE:
        return False
    raise RefusedError("invalid boolean" if token[0] in "tTfF" else "invalid number")


def _ranged(digits: str, first: int, end: int, kind: str, parser: str) -> int:
    # int() refuses numbers of thousands of digits, which never fit anyway.
    if len(digits) > _MOST_DIGITS or not first <= int(digits) < end:
        raise RefusedError(
            f"unable to parse {kind} {digits}: strconv.{parser}: "
            f'parsing "{digits}": value out of range'
        )
    return int(digits)
