"""Panels: the measures of one run, put together as they belong into charts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from multimeter.analysis.panel_definitions import (
    PANELS,
    Axis,
    PanelDefinition,
    key_pattern,
)
from multimeter.analysis.units import METRIC_UNITS, base_factor, shown_unit
from multimeter.metric import Metric
from multimeter.probe import ResourceProbe
from multimeter.schema import Schema

__all__ = [
    "Panel",
    "PanelSeries",
    "known_metric",
    "panels_of",
    "scale_of",
    "stored_unit",
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
        title: Its heading.
        unit: The unit of the axis.
        series: What is drawn.
        group: The heading of its group; empty for the first panels.
        description: What it shows, in words; may be empty.
        axis: How the axis counts.
    """

    id: str
    title: str
    unit: str
    series: tuple[PanelSeries, ...]
    group: str = ""
    description: str = ""
    axis: Axis = "linear"


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


def panels_of(
    schema: Schema | None, keys: Iterable[str], own: Iterable[PanelDefinition] = ()
) -> list[Panel]:
    """Return the panels of a run.

    Metrics of the definition are in its panels. Any other metric has a panel of its own,
    in which each of its subjects is a series. Without a schema, what the keys of
    :class:`ResourceProbe` mean is known, and every other key is its own metric.

    Args:
        schema: What the run says of its measures, if it does.
        keys: The keys of the numeric measures that have been stored.
        own: User-defined panels; they come last.
    """
    measured = _measured(schema, keys)
    defined = {metric for panel in PANELS for metric in panel.metrics}
    panels = [_defined_panel(definition, measured) for definition in PANELS]
    others: dict[str, list[_Measured]] = {}
    for each in measured:
        if each.metric.key not in defined:
            others.setdefault(each.metric.key, []).append(each)
    panels += [_other_panel(metric, each) for metric, each in others.items()]
    panels += [_pattern_panel(definition, measured) for definition in own]
    return [panel for panel in panels if panel.series]


_KNOWN = {measure.key: measure for measure in ResourceProbe().measures}


def known_metric(key: str) -> Metric:
    """Return the metric of a measure of which nothing is known but its key."""
    if key in _KNOWN:
        return _KNOWN[key].metric
    return Metric(key, unit=METRIC_UNITS.get(key.rpartition(".")[2], ""))


def _measured(schema: Schema | None, keys: Iterable[str]) -> list[_Measured]:
    described = {measure.key: measure for measure in schema.measures} if schema else {}
    result = []
    for key in keys:
        measure = described.get(key) or _KNOWN.get(key)
        if measure:
            subject, scope = measure.subject.key, measure.scope
            result.append(_Measured(key, subject, measure.metric, scope))
        else:
            result.append(_Measured(key, "", known_metric(key)))
    return result


def stored_unit(key: str, unit: str) -> str:
    """Return the unit of a measure's values in a panel that names patterns.

    It is the panel's, but for well-known measures of a unit of the same kind: kB in a
    panel of bytes.
    """
    own = known_metric(key).unit
    return own if own and shown_unit(own)[0] == shown_unit(unit)[0] else unit


def scale_of(metric: Metric) -> float:
    """Return what a value is multiplied with to be in the unit in which it is shown."""
    return base_factor(metric.unit)


def _series(measured: _Measured, label: str) -> PanelSeries:
    return PanelSeries(measured.key, label, measured.about, scale_of(measured.metric))


def _defined_panel(definition: PanelDefinition, measured: list[_Measured]) -> Panel:
    labels = definition.metrics
    order = list(labels)
    inside = [each for each in measured if each.metric.key in labels]
    subjects = list(dict.fromkeys(each.subject for each in inside))
    inside.sort(key=lambda m: (subjects.index(m.subject), order.index(m.metric.key)))
    series = tuple(
        _series(m, f"{m.subject} {labels[m.metric.key]}".rstrip()) for m in inside
    )
    return Panel(definition.id, definition.title, definition.unit, series, definition.group)


def _other_panel(metric: str, measured: list[_Measured]) -> Panel:
    unit = measured[0].metric.unit
    shown, _ = shown_unit(unit)
    alone = len(measured) == 1
    series = tuple(_series(m, m.key if alone else m.subject) for m in measured)
    title = measured[0].key if alone else metric.replace("_", " ")
    return Panel(f"measure:{metric}", title, shown, series)


def _pattern_panel(definition: PanelDefinition, measured: list[_Measured]) -> Panel:
    matches = re.compile(key_pattern(definition.measures)).fullmatch
    inside = sorted((m for m in measured if matches(m.key)), key=lambda m: m.key)
    unit = definition.unit
    series = tuple(
        PanelSeries(m.key, m.key, m.about, shown_unit(stored_unit(m.key, unit))[1])
        for m in inside
    )
    return Panel(
        definition.id,
        definition.title,
        shown_unit(unit)[0],
        series,
        definition.group,
        definition.description,
        definition.axis,
    )
