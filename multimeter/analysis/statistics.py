"""Statistics of the measures of a run: there is one way to compute them.

A value covers the time since the value before it of the same measure in the same run; the
first one covers that since the start of the run, where the start is known, else no time. A
total is the sum of values, each times its seconds; a mean is that divided by the seconds
that are covered. The embedded store computes the same in SQL
(:mod:`multimeter.visualization.embedded.store.statistics`), Grafana in Flux
(``dashboards/templates/figures.flux.j2``).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import mul, sub
from typing import TYPE_CHECKING, Protocol

from multimeter.analysis.peaks import best_known
from multimeter.analysis.units import METRIC_UNITS, base_factor
from multimeter.data.baseline import Baseline
from multimeter.data.columns import ColumnView, is_number
from multimeter.schema import Schema

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = [
    "ColumnStatistics",
    "MeasureStatistics",
    "RunStatistics",
    "Statistic",
    "SummedStatistics",
    "TimedColumns",
    "earlier_points",
    "own_marks_ns",
]


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


@dataclass(frozen=True)
class Statistic:
    """What one measure did over a run, in the unit of its values.

    Attributes:
        max: The largest value.
        mean: The mean over the time that is covered; where no time is, that of the values.
        min: The smallest value.
        count: The number of values.
        total: The values, each times the seconds that it covers, added; None where
            no value covers a time.
        seconds: The time that is covered.
    """

    max: float
    mean: float
    min: float = 0.0
    count: int = 1
    total: float | None = None
    seconds: float = 0.0

    def __add__(self, other: Statistic) -> Statistic:
        """Return the statistic of two series of the same measure together."""
        mine, others = self.seconds, other.seconds
        if not mine + others:
            mine, others = self.count, other.count
        # Not the sum of all, which could be infinite.
        share = mine / (mine + others)
        totals = [each for each in (self.total, other.total) if each is not None]
        return Statistic(
            max(self.max, other.max),
            self.mean * share + other.mean * (1 - share),
            min(self.min, other.min),
            self.count + other.count,
            sum(totals) if totals else None,
            self.seconds + other.seconds,
        )


class MeasureStatistics(Protocol):
    """Computes statistics of single measures of one run, in the units of their values.

    All return None without a value.
    """

    def total(self, key: str) -> float | None:
        """Return what a measure adds up to over time."""

    def mean(self, key: str) -> float | None:
        """Return the mean of a measure over time."""

    def max(self, key: str) -> float | None:
        """Return the largest value of a measure."""

    def max_sum(self, factors: Mapping[str, float]) -> float | None:
        """Return the largest sum of measures at one moment, each times its factor."""


class SummedStatistics:
    """Statistics of several measures of a run together, in base units.

    Args:
        measured: The statistics of each.
        schema: Which measures there are; None where that is not known.
        before: What marks of the kernel were before the run, by measure key.
    """

    def __init__(
        self,
        measured: MeasureStatistics,
        schema: Schema | None,
        before: Mapping[str, float],
    ) -> None:
        self._measured = measured
        self._metrics = {m.key: m.metric for m in schema.measures} if schema else {}
        self._before = before

    def total(self, keys: Iterable[str]) -> float | None:
        """Return what rates add up to, from the start of the run to its last point.

        A rate is what was counted since the point before, divided by the time; times
        that time, it is the count again. Counts are whole: what the floats lost is
        made good when the total is rounded, see docs/decisions/data.md.

        Args:
            keys: Measures that are rates, in something a second.

        Returns:
            The sum over time and measures; None where no value covers a time.
        """
        found = [
            t * self.factor(k) for k in keys if (t := self._measured.total(k)) is not None
        ]
        return sum(found) if found else None

    def mean(self, keys: Iterable[str]) -> float | None:
        """Return the mean over time and measures; None without any value."""
        found = [
            m * self.factor(k) for k in keys if (m := self._measured.mean(k)) is not None
        ]
        return sum(found) / len(found) if found else None

    def max(self, keys: Sequence[str]) -> float | None:
        """Return the largest sum of measures at one moment; None without any value."""
        if len(keys) == 1:
            largest = self._measured.max(keys[0])
            return None if largest is None else largest * self.factor(keys[0])
        return self._measured.max_sum({key: self.factor(key) for key in keys})

    def peak(self, keys: Iterable[str]) -> float | None:
        """Return the largest that the kernel, or else a sample, knows of any measure."""
        peaks = [self._peak(key) for key in keys]
        return max((each for each in peaks if each is not None), default=None)

    def _peak(self, key: str) -> float | None:
        mark = self._measured.max(key)
        if mark is None:
            return None
        mark *= self.factor(key)
        curve = self.curve_of(key)
        sampled = self._measured.max(curve) if curve else None
        if curve is None or sampled is None:
            return mark
        before = self._before.get(key)
        return best_known(
            mark,
            sampled * self.factor(curve),
            None if before is None else before * self.factor(key),
        )

    def curve_of(self, key: str) -> str | None:
        """Return the measure whose peak so far a mark is; None for other measures."""
        metric = self._metrics.get(key)
        if metric is None or not metric.peak_of:
            return None
        curve = f"{key.removesuffix(metric.key)}{metric.peak_of}"
        return curve if curve in self._metrics else None

    def factor(self, key: str) -> float:
        """Return what the values of a measure are multiplied with to be in base units."""
        metric = self._metrics.get(key)
        unit = metric.unit if metric else ""
        return base_factor(unit or METRIC_UNITS.get(key.rpartition(".")[2], ""))


class RunStatistics(SummedStatistics):
    """What measures add up to, hold on average, and hold at most, in base units.

    Points of an earlier run of the same name do not count.

    Args:
        result: What was measured; also one that was read back.
    """

    def __init__(self, result: Result) -> None:
        baseline = Baseline.of(result.meta_data)
        columns = ColumnStatistics(result, baseline.time_ns)
        super().__init__(columns, result.schema, baseline.values)


class TimedColumns(Protocol):
    """Values of measures, each at one of the same times."""

    @property
    def times_ns(self) -> ColumnView:
        """The times of the points, in ns since the epoch."""

    def values(self, key: str) -> ColumnView:
        """Return the values of one measure, None where there is none."""


class ColumnStatistics:
    """Computes the statistics of measures from their columns.

    Args:
        columns: The columns.
        start_ns: When the run started, in ns since the epoch; None where that is not
            known. Earlier points do not count.
    """

    def __init__(self, columns: TimedColumns, start_ns: int | None) -> None:
        self._columns = columns
        self._start = start_ns
        times = list(columns.times_ns)
        # Points of an earlier run come first.
        self._first = 0
        if start_ns is not None and times and times[0] < start_ns:
            self._first = sum(time < start_ns for time in times)
        self._times = times[self._first :]
        before = (self._times if start_ns is None else [start_ns, *self._times])[:-1]
        # Of a measure with a value at each point: none for the first without a start.
        self._without_step = len(self._times) - len(before)
        steps = list(map(float, map(sub, self._times[self._without_step :], before)))
        # Where the clock went back, no time has passed.
        goes_back = min(steps, default=0.0) < 0
        self._steps_ns = [max(step, 0.0) for step in steps] if goes_back else steps

    def total(self, key: str) -> float | None:
        """Return what a measure adds up to over time."""
        values = self._columns.values(key)
        if self._steps_ns and values.is_dense:
            total = self._weighted(values)
            if math.isfinite(total):
                return total
        held = [value * seconds for value, seconds in self._held(values)]
        return _sum(held) if held else None

    def mean(self, key: str) -> float | None:
        """Return the mean of a measure over time."""
        values = self._columns.values(key)
        held = list(self._held(values))
        covered = sum(seconds for _, seconds in held)
        if covered > 0:
            return sum(value * seconds for value, seconds in held) / covered
        numbers = self._numbers(values)
        return sum(numbers) / len(numbers) if numbers else None

    def max(self, key: str) -> float | None:
        """Return the largest value of a measure."""
        return max(self._numbers(self._columns.values(key)), default=None)

    def max_sum(self, factors: Mapping[str, float]) -> float | None:
        """Return the largest sum of measures at one moment, each times its factor."""
        scaled = [(self._columns.values(key), factor) for key, factor in factors.items()]
        sums: list[float] = []
        for row in range(self._first, self._first + len(self._times)):
            known = [v * f for values, f in scaled if is_number(v := values[row])]
            if known:
                sums.append(sum(known))
        return max(sums, default=None)

    def statistic(self, key: str) -> Statistic | None:
        """Return all that a measure did; None without a value."""
        values = self._columns.values(key)
        numbers, mean = self._numbers(values), self.mean(key)
        if not numbers or mean is None:
            return None
        covered = sum(seconds for _, seconds in self._held(values))
        return Statistic(
            max(numbers), mean, min(numbers), len(numbers), self.total(key), covered
        )

    def _weighted(self, values: ColumnView) -> float:
        """Return the sum of values, each times its seconds: ten times as fast as a loop."""
        if values.is_zero:
            return 0.0  # most rates of most runs
        own = islice(values, self._first + self._without_step, None)
        return _product_sum(own, self._steps_ns) / 1e9

    def _held(self, values: ColumnView) -> Iterator[tuple[float, float]]:
        """Return the numbers, and how many seconds each covers."""
        before = self._start
        for time, value in zip(self._times, islice(values, self._first, None)):
            if is_number(value):
                if before is not None:
                    yield value, max(time - before, 0) / 1e9
                before = time

    def _numbers(self, values: ColumnView) -> Sequence[float]:
        """Return the finite numbers among the values of a measure."""
        if self._first:
            return [v for v in islice(values, self._first, None) if is_number(v)]
        return values if _all_numbers(values) else [v for v in values if is_number(v)]


def _product_sum(values: Iterable[float], steps: Sequence[float]) -> float:
    # Both are exact but for the products: a sum of counts can be rounded to the count.
    if sys.version_info >= (3, 12):
        return math.sumprod(list(values), steps)  # several times as fast
    try:
        return math.fsum(map(mul, values, steps))
    except (OverflowError, ValueError):  # infinite, or no number
        return math.nan


def _sum(values: Sequence[float]) -> float:
    try:
        return math.fsum(values)
    except OverflowError:
        return sum(values)


def _all_numbers(values: ColumnView) -> bool:
    # A sum is finite where all are, which is much faster than a look at each.
    return values.is_dense and math.isfinite(sum(values))
