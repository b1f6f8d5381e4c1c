"""Statistics of the measures of a whole run, in units that can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from operator import mul, sub
from typing import TYPE_CHECKING

from multimeter.data.baseline import Baseline
from multimeter.data.columns import ColumnView, is_number

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = ["RunStatistics", "earlier_points", "own_marks_ns", "start_ns"]

_FACTORS = {"kB": 1024.0, "KiB": 1024.0, "MiB": 1024.0**2, "%": 0.01}
# Of what other programs wrote, nobody says the unit.
_KNOWN_UNITS = {"memory_rss_max": "kB", "gpu_use": "%"}


def start_ns(result: Result) -> int:
    """Return when a run started, in ns since the epoch: its first point at the latest."""
    start = Baseline.of(result.meta_data).time_ns
    return int(result.times_ns[0]) if start is None else start


def earlier_points(result: Result) -> int:
    """Return how many points are older than the run: those of another one of its name.

    A database keeps runs of one name in one series, with the description of the last one.
    """
    start = Baseline.of(result.meta_data).time_ns
    if start is None or not len(result.times_ns) or result.times_ns[0] >= start:
        return 0
    return sum(time < start for time in result.times_ns)


def own_marks_ns(result: Result) -> list[tuple[int, str]]:
    """Return the marks of a run in the order of time, without those of earlier ones."""
    start = Baseline.of(result.meta_data).time_ns
    return sorted(each for each in result.marks_ns if start is None or each[0] >= start)


class RunStatistics:
    """What measures add up to, hold on average, and hold at most.

    A value holds for the time since the point before, the first one since the start of
    the run; where no start is known, for no time. Values in kB, KiB, MiB or % are turned
    into bytes or shares of 1. Points of an earlier run of the same name do not count.

    Args:
        result: What was measured; also one that was read back.
    """

    def __init__(self, result: Result) -> None:
        self._result = result
        # Those of an earlier run of the same name come first.
        self._skipped = earlier_points(result)
        times = list(result.times_ns)[self._skipped :]
        start = Baseline.of(result.meta_data).time_ns
        before = (times if start is None else [start, *times])[:-1]
        own = len(times) - len(before)
        self._first = self._skipped + own
        steps = map(sub, times[own:], before)
        # Where the clock went back, no time has passed.
        self._steps_ns = [float(step) if step > 0 else 0.0 for step in steps]

    @cached_property
    def _units(self) -> dict[str, str]:
        return {each.key: each.metric.unit for each in self._result.schema.measures}

    @cached_property
    def _peaks(self) -> dict[str, float]:
        if self._skipped:
            return {}  # the marks of all runs of this name are not its own
        return {each.measure.key: each.value for each in self._result.peaks}

    def total(self, keys: Iterable[str]) -> float | None:
        """Return what rates add up to, from the start of the run to its last point.

        A rate is what was counted since the point before, divided by the time; times
        that time, it is the count again, as exact as the clock.

        Args:
            keys: Measures that are rates, in something a second.

        Returns:
            The sum over time and measures; None without any value that held for a time.
        """
        totals = [t * self._factor(k) for k in keys if (t := self._total(k)) is not None]
        return sum(totals) if totals else None

    def mean(self, keys: Iterable[str]) -> float | None:
        """Return the mean over time and measures; None without any value."""
        means = [m * self._factor(k) for k in keys if (m := self._mean(k)) is not None]
        return sum(means) / len(means) if means else None

    def max(self, keys: Sequence[str]) -> float | None:
        """Return the largest sum of measures at one moment; None without any value."""
        if len(keys) == 1:
            largest = max(self._numbers(keys[0]), default=None)
            return None if largest is None else largest * self._factor(keys[0])
        scaled = [(self._result.values(key), self._factor(key)) for key in keys]
        sums: list[float] = []
        for row in range(self._skipped, len(self._result.times_ns)):
            known = [v * f for values, f in scaled if is_number(v := values[row])]
            if known:
                sums.append(sum(known))
        return max(sums, default=None)

    def peak(self, keys: Iterable[str]) -> float | None:
        """Return the largest that the kernel, or else a sample, tells of any measure."""
        found = []
        for key in keys:
            value = self._peaks.get(key)
            if value is None:
                value = max(self._numbers(key), default=None)
            if value is not None:
                found.append(value * self._factor(key))
        return max(found, default=None)

    def _factor(self, key: str) -> float:
        unit = self._units.get(key) or _KNOWN_UNITS.get(key.rpartition(".")[2], "")
        return _FACTORS.get(unit, 1.0)

    def _total(self, key: str) -> float | None:
        values = self._result.values(key)
        if self._steps_ns and values.is_dense:
            total = self._weighted(values) / 1e9
            if math.isfinite(total):
                return total
        known = [value * step for value, step in self._held(values)]
        return sum(known) / 1e9 if known else None

    def _mean(self, key: str) -> float | None:
        values = self._result.values(key)
        held = list(self._held(values))
        weights = sum(step for _, step in held)
        if weights > 0:
            return sum(value * step for value, step in held) / weights
        numbers = self._numbers(key)
        return sum(numbers) / len(numbers) if numbers else None

    def _weighted(self, values: ColumnView) -> float:
        """Return the sum of values, each times its ns: ten times as fast as a loop."""
        if not any(values):
            return 0.0  # most rates of most runs
        return float(sum(map(mul, islice(values, self._first, None), self._steps_ns)))

    def _held(self, values: ColumnView) -> Iterable[tuple[float, float]]:
        """Return the numbers, and for how many ns each held."""
        steps = zip(islice(values, self._first, None), self._steps_ns)
        return ((value, step) for value, step in steps if is_number(value))

    def _numbers(self, key: str) -> Sequence[float]:
        """Return the finite numbers among the values of a measure."""
        values = self._result.values(key)
        if self._skipped:
            return [v for v in islice(values, self._skipped, None) if is_number(v)]
        return values if _all_numbers(values) else [v for v in values if is_number(v)]


def _all_numbers(values: ColumnView) -> bool:
    # A sum is finite where all are: much sooner told than by looking at each.
    return values.is_dense and math.isfinite(sum(values))
