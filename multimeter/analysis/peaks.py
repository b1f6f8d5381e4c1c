"""Peaks: the most that was held, as the kernel kept it, beside the sampled curve.

A sampled curve shows what there was at the moments of the samples. What was taken and
given back between two of them is in no sample, but in the kernel's high-water marks:
``VmHWM`` (proc_pid_status(5)), ``ru_maxrss`` (getrusage(2)) and ``memory.peak`` of a
control group. Such a mark is a measure as well, whose metric says of what it is the peak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from multimeter.analysis.units import base_factor, unit_named
from multimeter.data.baseline import Baseline
from multimeter.data.columns import Column, ColumnView, is_number
from multimeter.measure import Measure
from multimeter.schema import Schema

__all__ = [
    "MissedPeak",
    "Peak",
    "ResultView",
    "best_known",
    "marked_curves",
    "missed_peaks",
    "peaks_of",
]

# Kernels count pages in batches, so that curve and mark differ a little at any time.
_BETWEEN = 1.02
_BETWEEN_BYTES = 2 * 1024**2


class ResultView(Protocol):
    """What is looked at of a result."""

    @property
    def schema(self) -> Schema:
        """The metrics, subjects and measures."""

    @property
    def meta_data(self) -> Mapping[str, Any]:
        """More about the measurement."""

    @property
    def times_ns(self) -> ColumnView:
        """The times of the points, in ns since the epoch."""

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns by measure key."""

    def values(self, key: str) -> ColumnView:
        """Return the values of one measure."""


@dataclass(frozen=True)
class Peak:
    """The most that was held at one moment of a run.

    Attributes:
        measure: The measure of the kernel's mark; all values here are in its unit.
        mark: What the kernel had at the end.
        sampled: The largest value of the sampled curve; None where there is no curve.
        rose: When the mark rose for the last time: the ns since the epoch of the
            samples before and after. None when it did not rise in the run.
        in_run: Whether the mark was reached in this run. If not, the process held that
            much before, and the run at most that much. None where that is not known.
    """

    measure: Measure
    mark: float
    sampled: float | None
    rose: tuple[int, int] | None
    in_run: bool | None

    @property
    def value(self) -> float:
        """The best that is known of the run: the mark, or the curve if that was before."""
        if self.sampled is None:
            return self.mark
        before = self.mark if self.in_run is False else None
        return best_known(self.mark, self.sampled, before)

    @property
    def between_samples(self) -> bool:
        """Whether the peak fell between two samples, so that the curve misses it.

        The difference must be more than 2 %, and for memory more than 2 MiB.
        """
        if self.sampled is None or self.in_run is False:
            return False
        if self.mark <= self.sampled * _BETWEEN:
            return False
        unit = unit_named(self.measure.metric.unit)
        more = (self.mark - self.sampled) * unit.factor
        return unit.dimension != unit_named("bytes").dimension or more > _BETWEEN_BYTES


def best_known(mark: float, sampled: float, before: float | None) -> float:
    """Return the most that was held in a run, as far as it is known.

    Args:
        mark: What the kernel had as the most at the end.
        sampled: The largest value of the sampled curve.
        before: What the kernel had before the run; None where that is not known.
    """
    rose = before is None or mark > before
    return max(mark, sampled) if rose else sampled


@dataclass(frozen=True)
class MissedPeak:
    """A peak that fell between two samples, as the kernel's own mark shows.

    Attributes:
        key: The measure of the mark.
        curve: The measure of the sampled curve that misses it.
        value: The mark, in the base unit.
        sampled: The largest value of the curve, in the same unit.
    """

    key: str
    curve: str
    value: float
    sampled: float


def missed_peaks(
    schema: Schema | None,
    largest: Callable[[str], float | None],
    before: Mapping[str, float],
) -> list[MissedPeak]:
    """Return the peaks of a run that its curves do not show.

    Args:
        schema: Which measures the run has, if that is known.
        largest: Returns the largest value of a measure, or None without one.
        before: What marks were before the run, by measure key.
    """
    found = []
    for mark_measure, curve in marked_curves(schema):
        mark, sampled = largest(mark_measure.key), largest(curve.key)
        if mark is None or sampled is None:
            continue
        scale, of_curve = (base_factor(m.metric.unit) for m in (mark_measure, curve))
        known = before.get(mark_measure.key)
        in_run = None if known is None else mark > known
        peak = Peak(mark_measure, mark, sampled * of_curve / scale, None, in_run)
        if peak.between_samples:
            value, most = mark * scale, sampled * of_curve
            found.append(MissedPeak(mark_measure.key, curve.key, value, most))
    return found


def marked_curves(schema: Schema | None) -> list[tuple[Measure, Measure]]:
    """Return the measures that are marks of the kernel, with the curves they are of."""
    measures = {each.key: each for each in schema.measures} if schema else {}
    pairs = (
        (each, measures.get(f"{each.subject.key}.{each.metric.peak_of}"))
        for each in measures.values()
        if each.metric.peak_of
    )
    return [(mark, curve) for mark, curve in pairs if curve is not None]


def peaks_of(result: ResultView) -> tuple[Peak, ...]:
    """Return the peaks of a run, one for each mark that has been measured.

    Args:
        result: What was measured; also one that was read back from a file.
    """
    curves = {each.key: each for each in result.schema.measures}
    baseline = Baseline.of(result.meta_data)
    peaks = []
    for measure in result.schema.measures:
        if measure.metric.peak_of:
            curve = curves.get(f"{measure.subject.key}.{measure.metric.peak_of}")
            peak = _peak(result, baseline, measure, curve)
            if peak is not None:
                peaks.append(peak)
    return tuple(peaks)


def _peak(
    result: ResultView, baseline: Baseline, measure: Measure, curve: Measure | None
) -> Peak | None:
    times, values = _known(result, measure)
    if not values:
        return None
    before = baseline.values.get(measure.key)
    mark = max(values)
    sampled = None
    if curve is not None:
        _, samples = _known(result, curve)
        factor = base_factor(curve.metric.unit) / base_factor(measure.metric.unit)
        sampled = max(samples) * factor if samples else None
    in_run = None if before is None else mark > before
    rose = None if in_run is False else _rose(times, values, mark, baseline.time_ns)
    return Peak(measure, mark, sampled, rose, in_run)


def _rose(
    times: Sequence[int], values: Sequence[float], mark: float, start_ns: int | None
) -> tuple[int, int] | None:
    """Return the samples between which a mark was reached."""
    place = values.index(mark)
    before = times[place - 1] if place else start_ns
    return None if before is None else (before, times[place])


def _known(result: ResultView, measure: Measure) -> tuple[Sequence[int], Sequence[float]]:
    """Return the points that have a number: their times, and the numbers."""
    if measure.key not in result.columns:
        return (), ()
    values = result.values(measure.key)
    if values.is_dense:
        return result.times_ns, list(values)
    points = [(t, v) for t, v in zip(result.times_ns, values) if is_number(v)]
    return [time for time, _ in points], [value for _, value in points]
