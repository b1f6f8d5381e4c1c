"""Panels: the definition of the dashboard, applied to one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from multimeter.metric import Metric
from multimeter.peaks import BASELINE, Peak
from multimeter.probe import ResourceProbe
from multimeter.schema import Schema
from multimeter.visualization.dashboards.definition import (
    DURATION,
    FIGURES,
    PANELS,
    UNITS,
    PanelDefinition,
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
    "shown_unit",
]


@dataclass(frozen=True)
class PanelSeries:
    """One measure in a panel.

    Attributes:
        key: The key of the measure.
        label: What the legend says.
        description: What the measure is; may be empty.
        scale: What a value is multiplied with to be in the panel's unit.
    """

    key: str
    label: str
    description: str
    scale: float


@dataclass(frozen=True)
class Panel:
    """Some measures of a run that share an axis.

    Attributes:
        id: The name of the panel, unique in a run.
        title: What stands above it.
        unit: The unit of the axis.
        series: What is drawn.
    """

    id: str
    title: str
    unit: str
    series: tuple[PanelSeries, ...]


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


@dataclass(frozen=True)
class _Measured:
    """A measure of the run, as far as it is known."""

    key: str
    subject: str
    metric: Metric
    scope: str = ""

    @property
    def about(self) -> str:
        """What it is, how far it reaches, and whether the truth may be less."""
        bound = "An upper bound." if self.metric.upper_bound else ""
        parts = self.metric.description, _SCOPES.get(self.scope, ""), bound
        return " ".join(part for part in parts if part)


_SCOPES = {
    "process": "Of one process.",
    "tree": "Of a process and those that descend from it.",
    "container": "Of the whole container.",
    "host": "Of the whole machine.",
}


def panels_of(schema: Schema | None, keys: Iterable[str]) -> list[Panel]:
    """Return the panels of a run.

    Metrics of the definition stand in its panels. Any other metric has a panel of its
    own, in which each of its subjects is a series. Without a schema, what the keys of
    :class:`ResourceProbe` mean is known, and every other key stands for itself.

    Args:
        schema: What the run says of its measures, if it does.
        keys: The keys of the numeric measures that have been stored.
    """
    measured = _measured(schema, keys)
    defined = {metric for panel in PANELS for metric in panel.metrics}
    panels = [_defined_panel(definition, measured) for definition in PANELS]
    others: dict[str, list[_Measured]] = {}
    for each in measured:
        if each.metric.key not in defined:
            others.setdefault(each.metric.key, []).append(each)
    panels += [_own_panel(metric, each) for metric, each in others.items()]
    return [panel for panel in panels if panel.series]


def figures_of(
    keys: Iterable[str], statistics: Mapping[str, Statistic], duration_ns: int | None
) -> list[Figure]:
    """Return the figures of a run: its duration, and those for which it has measures.

    Args:
        keys: The keys of the numeric measures.
        statistics: What they did over the run.
        duration_ns: From the first to the last point, in ns; None without points.
    """
    if duration_ns is None:
        return []
    found = {DURATION.id: Figure(**vars(DURATION), value=duration_ns / 1e9)}
    known = set(keys) & set(statistics)
    for figure in FIGURES:
        measures = figure.keys
        if figure.id not in found and known.issuperset(measures):
            value = sum(
                getattr(statistics[key], figure.statistic) * _scale(_known_metric(key))
                for key in measures
            )
            if value or not figure.rare:
                found[figure.id] = Figure(figure.id, figure.title, figure.unit, value)
    return list(found.values())


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
    found = []
    for each in measures.values():
        curve = measures.get(f"{each.subject.key}.{each.metric.peak_of}")
        if (
            not each.metric.peak_of
            or curve is None
            or not {each.key, curve.key} <= set(statistics)
        ):
            continue
        scale, mark = _scale(each.metric), statistics[each.key].max
        sampled = statistics[curve.key].max * _scale(curve.metric)
        before = _baseline(meta_data, each.key)
        in_run = None if before is None else mark > before
        peak = Peak(each, mark, sampled / scale, None, in_run)
        if peak.between_samples:
            found.append(MissedPeak(each.key, curve.key, mark * scale, sampled))
    return found


def _baseline(meta_data: Mapping[str, Any], key: str) -> float | None:
    baseline = meta_data.get(BASELINE)
    values = baseline.get("values") if isinstance(baseline, Mapping) else None
    value = values.get(key) if isinstance(values, Mapping) else None
    return value if isinstance(value, (int, float)) else None


def peak_keys(schema: Schema | None) -> set[str]:
    """Return the measures of which :func:`missed_peaks` needs statistics."""
    marks = [each for each in schema.measures if each.metric.peak_of] if schema else []
    curves = {f"{each.subject.key}.{each.metric.peak_of}" for each in marks}
    return {each.key for each in marks} | curves


_KNOWN = {measure.key: measure for measure in ResourceProbe().measures}


def _known_metric(key: str) -> Metric:
    return _KNOWN[key].metric if key in _KNOWN else Metric(key)


def _measured(schema: Schema | None, keys: Iterable[str]) -> list[_Measured]:
    described = {measure.key: measure for measure in schema.measures} if schema else {}
    result = []
    for key in keys:
        measure = described.get(key) or _KNOWN.get(key)
        if measure:
            subject, scope = measure.subject.key, measure.scope
            result.append(_Measured(key, subject, measure.metric, scope))
        else:
            result.append(_Measured(key, "", Metric(key)))
    return result


def shown_unit(unit: str) -> tuple[str, float]:
    """Return the unit in which values of a unit are shown, and what to multiply with."""
    return UNITS.get(unit, (unit, 1.0))


def scale_of(key: str) -> float:
    """Return what a value of a well-known measure is multiplied with to be shown."""
    return _scale(_known_metric(key))


def _scale(metric: Metric) -> float:
    return shown_unit(metric.unit)[1]


def _series(measured: _Measured, label: str) -> PanelSeries:
    return PanelSeries(measured.key, label, measured.about, _scale(measured.metric))


def _defined_panel(definition: PanelDefinition, measured: list[_Measured]) -> Panel:
    labels = definition.metrics
    order = list(labels)
    inside = [each for each in measured if each.metric.key in labels]
    subjects = list(dict.fromkeys(each.subject for each in inside))
    inside.sort(key=lambda m: (subjects.index(m.subject), order.index(m.metric.key)))
    series = tuple(
        _series(m, f"{m.subject} {labels[m.metric.key]}".rstrip()) for m in inside
    )
    return Panel(definition.id, definition.title, definition.unit, series)


def _own_panel(metric: str, measured: list[_Measured]) -> Panel:
    unit = measured[0].metric.unit
    shown, _ = shown_unit(unit)
    alone = len(measured) == 1
    series = tuple(_series(m, m.key if alone else m.subject) for m in measured)
    title = measured[0].key if alone else metric.replace("_", " ")
    return Panel(f"measure:{metric}", title, shown, series)
