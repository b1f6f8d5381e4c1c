"""Quantities and curves as short texts, for terminals and logs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

__all__ = ["quantity", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"
_MINUTE, _HOUR = 60.0, 3600.0


def quantity(value: float, unit: str) -> str:
    """Return a number with its unit, as people write it: three digits that count.

    Args:
        value: The number.
        unit: Its unit, as figures have it: ``s``, ``bytes``, ``share``, ``cores``, ``J``,
            or none.
    """
    if unit == "s":
        return _duration(value)
    if unit == "bytes":
        return _scaled(value, 1024.0, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))
    if unit == "share":
        return f"{_digits(value * 100)} %"
    if unit == "J":
        return _scaled(value, 1000.0, ("J", "kJ", "MJ", "GJ"))
    number = f"{value:,.0f}" if value == round(value) or value >= 1000 else _digits(value)  # noqa: PLR2004 - from there on, digits enough
    return f"{number} {unit}".rstrip()


def _duration(seconds: float) -> str:
    if abs(seconds) < 1:
        return f"{_digits(seconds * 1e3)} ms"
    if seconds < _MINUTE:
        return f"{_digits(seconds)} s"
    whole = round(seconds)
    if seconds < _HOUR:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _scaled(value: float, step: float, units: Sequence[str]) -> str:
    for unit in units[:-1]:
        if abs(value) < step - 0.5:
            return f"{_digits(value)} {unit}"
        value /= step
    return f"{_digits(value)} {units[-1]}"


def _digits(value: float) -> str:
    """Return a number with three digits that count, and none after a round number."""
    size = abs(value)
    places = 0 if size >= 99.95 or value == round(value) else 1 if size >= 9.995 else 2  # noqa: PLR2004 - 100 and 10, rounded
    return f"{value:,.{places}f}"


def sparkline(
    points: Iterable[tuple[float, float]], start: float, end: float, width: int = 32
) -> str:
    """Return a curve as a row of bars, from zero up to its largest value.

    A bar is the largest value of its time; one without a value goes on as before.

    Args:
        points: Pairs of time and value; what is no finite number is left out.
        start: When the row begins.
        end: When it ends.
        width: How many bars it has.
    """
    bars: list[float | None] = [None] * width
    seconds = (end - start) or 1
    for time, value in points:
        if math.isfinite(value):
            place = min(width - 1, max(0, math.ceil((time - start) / seconds * width) - 1))
            before = bars[place]
            bars[place] = value if before is None else max(before, value)
    return _row(bars)


def _row(bars: Sequence[float | None]) -> str:
    known = [bar for bar in bars if bar is not None]
    most = max(known, default=0.0)
    if not known or most <= 0:
        return _BARS[0] * len(bars) if known else ""
    # A rate holds for the time before its point: what is missing is that of the next.
    last, texts = known[-1], []
    for bar in reversed(bars):
        last = last if bar is None else bar
        texts.append(_BARS[min(len(_BARS) - 1, max(0, int(last / most * len(_BARS))))])
    return "".join(reversed(texts))
