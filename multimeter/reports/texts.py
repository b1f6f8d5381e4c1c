"""Texts of reports: names that others chose, times, and differences."""

from __future__ import annotations

import datetime as dt
import unicodedata

from multimeter.analysis.units import format_value
from multimeter.data.estimate import Estimate
from multimeter.data.timestamps import from_ns

__all__ = [
    "NOISE",
    "NONE",
    "SAME",
    "difference",
    "local_time",
    "of_earlier_runs",
    "percent",
    "points",
    "printable",
    "range_text",
]

NOISE = "noise"
"""The percentage of a difference that may be none: runs of the same differ as much."""

SAME = "same"
"""The percentage of a difference that is surely below the smallest that matters."""

NONE = "-"
"""A value that is not known."""

_NOT_SHOWN = frozenset(("Cc", "Cs", "Zl", "Zp"))
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def printable(text: str) -> str:
    """Return a text in one line that cannot move a cursor, nor turn the text around it."""
    return "".join(_shown(c) for c in text)


def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:  # noqa: PLR2004 - the control characters have pictures
        return chr(0x2400 + code)
    if unicodedata.category(character) in _NOT_SHOWN or character in _TURNING:
        return "\ufffd"
    return character


def local_time(time_ns: int | None) -> str:
    """Return a time to the second, as the clock of this machine shows it."""
    if time_ns is None:
        return NONE
    try:
        local = from_ns(time_ns).astimezone()
    except (OverflowError, ValueError, OSError):
        local = from_ns(time_ns).astimezone(dt.timezone.utc)
    return local.strftime("%Y-%m-%d %H:%M:%S")


def points(number: int) -> str:
    """Return a number of points, for a sentence."""
    return "1 point" if number == 1 else f"{number} points"


def of_earlier_runs(number: int) -> str:
    """Say that some points of a series belong to earlier runs of the same name."""
    return (
        f"Earlier runs of this name: {points(number)}, which no figure counts. Give each "
        "run a name of its own."
    )


def range_text(estimate: Estimate | None, unit: str) -> str:
    """Return a number, or the bounds between which it lies."""
    if estimate is None or (estimate.value is None and estimate.high is None):
        return NONE
    low, high = estimate.low, estimate.high
    if estimate.is_exact or low is None or (high is None and estimate.value is None):
        return NONE if estimate.value is None else format_value(estimate.value, unit)
    if high is None:
        return f">= {format_value(low, unit)}"
    least, most = format_value(low, unit), format_value(high, unit)
    return least if least == most else f"{least} to {most}"


def difference(value: float | None, unit: str) -> str:
    """Return a difference with its sign."""
    if value is None:
        return NONE
    sign = "+" if value > 0 else "-" if value < 0 else "±"
    return sign + format_value(abs(value), unit)


def percent(value: float | None) -> str:
    """Return a difference in per cent with its sign."""
    return NONE if value is None else f"{value:+.1f} %"
