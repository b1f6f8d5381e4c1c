"""Timestamps: integers in ns since the epoch, and how they look to people."""

from __future__ import annotations

import operator
import re
from datetime import datetime, timedelta, timezone

from multimeter.errors import ConfigurationError, FormatError

__all__ = ["EVER_ISO", "format_iso", "from_ns", "parse_iso", "to_ns"]

EVER_ISO = {"start": "1970-01-01T00:00:00Z", "stop": "2200-01-01T00:00:00Z"}
"""The range of all times that runs have, as a request to delete has it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ISO = r"(.+T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?"


def to_ns(time: datetime | int) -> int:
    """Return a time as ns since the epoch; a datetime without a zone is in UTC.

    Raises:
        ConfigurationError: It is neither a datetime nor an integer, or before the year
            1 or after the year 9999.
    """
    if isinstance(time, datetime):
        return _datetime_to_ns(time)
    try:
        time_ns = operator.index(time)
    except TypeError:
        raise ConfigurationError(
            f"{time!r} is not a time.",
            next_step="Give a datetime, or an integer: ns since the epoch.",
        ) from None
    if not _FIRST_NS <= time_ns <= _LAST_NS:
        raise ConfigurationError(
            f"{time_ns} ns since the epoch is not in the years 1 to 9999.",
            cause="It counts another unit than ns.",
        )
    return time_ns


def _datetime_to_ns(time: datetime) -> int:
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    # Integers only: datetime.timestamp() is a double and rounds to about 0.2 us.
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000


_FIRST_NS = _datetime_to_ns(datetime.min.replace(tzinfo=timezone.utc))
_LAST_NS = _datetime_to_ns(datetime.max.replace(tzinfo=timezone.utc))


def from_ns(time_ns: int) -> datetime:
    """Return the datetime in UTC, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1_000)


def format_iso(time_ns: int) -> str:
    """Return ISO 8601 in UTC with microseconds, or with ns where there are any."""
    text = from_ns(time_ns).replace(tzinfo=None).isoformat(timespec="microseconds")
    below_us = time_ns % 1_000
    return f"{text}{below_us:03d}+00:00" if below_us else f"{text}+00:00"


def parse_iso(text: str) -> int:
    """Return ns since the epoch from ISO 8601 with up to nine digits of a second.

    Raises:
        FormatError: It is not a time of that form.
    """
    match = re.fullmatch(_ISO, text)
    problem = FormatError(f"'{text}' is not a time in ISO 8601.")
    if match is None:
        raise problem
    zone = match[3] or "+00:00"
    try:
        whole = datetime.fromisoformat(match[1] + ("+00:00" if zone == "Z" else zone))
    except ValueError:
        raise problem from None
    return to_ns(whole) + int((match[2] or "0").ljust(9, "0"))
