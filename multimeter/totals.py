"""Totals: what a rate adds up to over a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from multimeter.peaks import BASELINE

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = ["total_of"]


def total_of(result: Result, key: str) -> float | None:
    """Return what a rate adds up to, from the start of the run to its last point.

    A rate is what was counted since the point before, divided by the time; times that
    time, it is the count again, as exact as the clock. Points that have no value add
    nothing, nor does the time before the first point where no start is known.

    Args:
        result: What was measured.
        key: The key of a measure that is a rate, in something a second.

    Returns:
        The sum, in the unit of the rate times a second; None without any value.
    """
    baseline = result.meta_data.get(BASELINE)
    before = baseline.get("time_ns") if isinstance(baseline, Mapping) else None
    total = None
    for time, value in zip(result.times_ns, result.values(key)):
        if isinstance(before, int) and isinstance(value, (int, float)):
            total = (total or 0.0) + value * (time - before) / 1e9
        before = time
    return total
