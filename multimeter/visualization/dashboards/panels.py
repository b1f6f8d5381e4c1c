"""Panels: the definition of the dashboard, applied to one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multimeter.analysis.panels import (
    Panel,
    PanelSeries,
    known_metric,
    panels_of,
)
from multimeter.analysis.panels import scale_of as metric_scale
from multimeter.analysis.peaks import Peak
from multimeter.data.baseline import Baseline
from multimeter.schema import Schema
from multimeter.visualization.dashboards.definition import (
    DURATION,
    FIGURES,
    FigureDefinition,
)

__all__ = [
    "Figure",
    "MissedPeak",
    "Panel",
    "PanelSeries",
    "Statistic",
    "figures_of",
    "missed_peaks",
    "panels_of",
    "peak_keys",
    "scale_of",
]


@dataclass(frozen=True)
class Statistic:
    """What a numeric measure did over a whole run, or a part of it.

    Attributes:
        max: The largest value.
        mean: The mean of the values.
        min: The smallest value.
        count: The number of values.
    """

    max: float
    mean: float
    min: float = 0.0
    count: int = 1

    def __add__(self, other: Statistic) -> Statistic:
        """Return the statistic of both together."""
        count = self.count + other.count
        # Not the sum of all, which could be infinite.
        mean = self.mean * (self.count / count) + other.mean * (other.count / count)
        return Statistic(max(self.max, other.max), mean, min(self.min, other.min), count)


@dataclass(frozen=True)
class Figure:
    """One number about a run, in its unit."""

    id: str
    title: str
    unit: str
    value: float


def figures_of(
    statistics: Mapping[str, Statistic],
    duration_ns: int | None,
    said: Mapping[str, float] | None = None,
) -> list[Figure]:
    """Return the figures of a run: its duration, and those for which it has measures.

    Args:
        statistics: What the numeric measures did over the run.
        duration_ns: From the first to the last point, in ns; None without points.
        said: What the run's own entry says, by the keys of
        :mod:`multimeter.analysis.figures`.
    """
    if duration_ns is None:
        return []
    said = said or {}
    duration = said.get(DURATION.id, duration_ns / 1e9)
    found = {DURATION.id: Figure(**vars(DURATION), value=duration)}
    for figure in FIGURES:
        value = said.get(figure.id, _value(figure, statistics))
        if figure.id not in found and value is not None and (value or not figure.rare):
            found[figure.id] = Figure(figure.id, figure.title, figure.unit, value)
    return list(found.values())


def _value(figure: FigureDefinition, statistics: Mapping[str, Statistic]) -> float | None:
    if not statistics.keys() >= set(figure.keys):
        return None
    values = (
        float(getattr(statistics[key], figure.statistic)) * metric_scale(known_metric(key))
        for key in figure.keys
    )
    return sum(values)


@dataclass(frozen=True)
class MissedPeak:
    """A peak that fell between two samples, as the kernel's own mark says.

    Attributes:
        key: The measure of the mark.
        curve: The measure of the sampled curve that misses it.
        value: What the mark says, in the unit of the panel.
        sampled: The largest value of the curve, in the same unit.
    """

    key: str
    curve: str
    value: float
    sampled: float


def missed_peaks(
    schema: Schema | None,
    statistics: Mapping[str, Statistic],
    meta_data: Mapping[str, Any],
) -> list[MissedPeak]:
    """Return the peaks of a run that its curves do not show.

    Args:
        schema: What the run says of its measures.
        statistics: What they did over the run.
        meta_data: Of the run; they may say what a mark was before.
    """
    measures = {each.key: each for each in schema.measures} if schema else {}
    known_before = Baseline.of(meta_data).values
    found = []
    for each in measures.values():
        curve = measures.get(f"{each.subject.key}.{each.metric.peak_of}")
        if (
            not each.metric.peak_of
            or curve is None
            or not {each.key, curve.key} <= set(statistics)
        ):
            continue
        scale, mark = metric_scale(each.metric), statistics[each.key].max
        sampled = statistics[curve.key].max * metric_scale(curve.metric)
        before = known_before.get(each.key)
        in_run = None if before is None else mark > before
        peak = Peak(each, mark, sampled / scale, None, in_run)
        if peak.between_samples:
            found.append(MissedPeak(each.key, curve.key, mark * scale, sampled))
    return found


def peak_keys(schema: Schema | None) -> set[str]:
    """Return the measures of which :func:`missed_peaks` needs statistics."""
    marks = [each for each in schema.measures if each.metric.peak_of] if schema else []
    curves = {f"{each.subject.key}.{each.metric.peak_of}" for each in marks}
    return {each.key for each in marks} | curves


def scale_of(key: str) -> float:
    """Return what a value of a well-known measure is multiplied with to be shown."""
    return metric_scale(known_metric(key))
