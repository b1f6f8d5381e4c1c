"""Line protocol to records, strictly and without I/O.

What InfluxDB 2 refuses is refused in its words, so that a server built on this answers
as InfluxDB does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from multimeter.data.record import FieldValue, Record, Unsigned
from multimeter.errors import ConfigurationError, LineProtocolError

__all__ = [
    "KEY_SEPARATOR_BYTES",
    "MAX_KEY_BYTES",
    "MAX_TIME_NS",
    "PRECISIONS",
    "RefusedError",
    "decode",
    "decode_line",
    "line_end",
    "skip_blank",
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

_NO_CHARACTER = "\udfff"

# A backslash escapes only the separators; before anything else it represents itself.
# The alternatives exclude each other, so that there is nothing to backtrack into. Each
# time that a group is repeated takes memory: so it is for each backslash, not for each
# character, and no more often than a key may have bytes.
_MEASUREMENT = re.compile(r"[^\\, \n]*(?:\\[, ]?[^\\, \n]*){0,65535}")
_KEY = re.compile(r"[^\\,= \n]*(?:\\[,= ]?[^\\,= \n]*){0,65535}")
_SKIP = re.compile(r"[ \t\0]*")
_BLANK = re.compile(r"[ \t\0\r\n]*")
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
        start = skip_blank(text, position)
        if start >= end:
            return
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


def skip_blank(text: str, position: int) -> int:
    """Return where a line begins, behind empty lines and spaces without a meaning."""
    return _end(_BLANK, text, position)


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

    It follows an even number of backslashes. A regular expression that counts them
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
