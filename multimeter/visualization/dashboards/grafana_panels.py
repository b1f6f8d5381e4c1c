"""The panels of Grafana: fields, units and colours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from multimeter.analysis.figures import (
    FIGURES,
    FigureDefinition,
    FigureSource,
    StatisticName,
    figure_named,
)
from multimeter.analysis.panel_definitions import PANELS, Axis, PanelDefinition, key_pattern
from multimeter.analysis.panels import stored_unit
from multimeter.analysis.units import METRIC_UNITS, UNITS, base_factor, grafana_name
from multimeter.data.identifiers import FIGURE_PREFIX
from multimeter.measure import Measure
from multimeter.probe import ResourceProbe
from multimeter.probes.process_metrics import process_measures
from multimeter.subject import SUBJECT_PROCESS, Subject
from multimeter.visualization.dashboards.user_defined import UserDashboard

__all__ = [
    "FigurePanel",
    "FluxSource",
    "GrafanaChart",
    "GrafanaDashboard",
    "GrafanaPanel",
    "Line",
    "charts",
    "charts_by_group",
    "dashboard_of",
    "defined",
    "figures",
    "stored_units",
    "units",
    "user_dashboard_uid",
]

_COLORS = ("green", "yellow", "blue", "purple", "orange", "red")
_FIRST_SUBJECT = SUBJECT_PROCESS.key


def _known_measures() -> dict[str, Measure]:
    """Return the process measures, some of which nearly every run has."""
    measures = [*ResourceProbe().measures]
    for subject in (SUBJECT_PROCESS, Subject("tree")):
        measures += process_measures(subject)
    return {measure.key: measure for measure in measures}


_KNOWN = _known_measures()


@dataclass(frozen=True)
class Line:
    """A line of a panel; a metric has the same hue for every subject.

    Attributes:
        field: The key of the measure.
        label: The text in the legend.
        color: Its colour, as Grafana names them.
        dashed: Whether its subject is not the first one.
        unit: The unit of the stored values, where it differs from the panel's.
    """

    field: str
    label: str
    color: str
    dashed: bool
    unit: str


@dataclass(frozen=True)
class GrafanaChart:
    """A panel with lines.

    Attributes:
        title: Its heading.
        unit: Grafana's unit of the values.
        pattern: Matches its fields.
        lines: The predefined fields.
    """

    title: str
    unit: str
    pattern: str
    lines: list[Line]


@dataclass(frozen=True)
class FluxSource:
    """Fields from which a figure is computed while its run is live.

    Attributes:
        statistic: The statistic of the fields; as in a ``FigureSource``.
        fields: Matches the fields.
        factors: Pairs of a pattern of fields and the factor of their values.
        factor: The factor of the figure.
        marks: The kernel's peaks among the metrics, each with the metric that it is a peak
            of.
    """

    statistic: StatisticName
    fields: str
    factors: list[tuple[str, float]]
    factor: float
    marks: list[tuple[str, str]]


@dataclass(frozen=True)
class FigurePanel:
    """A panel with one number.

    Attributes:
        title: Its heading.
        unit: Grafana's unit of the number.
        stored: The field of the run's entry that holds it, once the run has ended.
        sources: Its sources until then; the first one with values is used.
        per_second: Whether the value is divided by the duration.
        rare: Whether it is hidden where it is 0.
        digits: The digits behind the point that it is rounded to, before it is divided;
            None for all.
    """

    title: str
    unit: str
    stored: str
    sources: list[FluxSource]
    per_second: bool
    rare: bool
    digits: int | None


def defined() -> str:
    """Return a pattern of the fields of all defined panels."""
    return _pattern([metric for panel in PANELS for metric in panel.metrics])


def charts_by_group() -> dict[str, list[GrafanaChart]]:
    """Return the panels that only some runs fill, by the title of the group."""
    groups = dict.fromkeys(each.group for each in PANELS if each.group)
    return {group: charts(group) for group in groups}


def units() -> list[tuple[str, str]]:
    """Return patterns of names, each with the unit of the stored values.

    A name is the field followed by labels. Where several patterns match, the last one
    applies.
    """
    panel_units = [(_begins(panel.metrics), panel.unit) for panel in PANELS]
    stored: dict[str, list[str]] = {}
    for metric, unit in {each.metric.key: _unit(each) for each in _KNOWN.values()}.items():
        if unit:
            stored.setdefault(unit, []).append(metric)
    return panel_units + [(_begins(metrics), unit) for unit, metrics in stored.items()]


def _begins(metrics: Iterable[str]) -> str:
    return rf"\.({'|'.join(map(re.escape, metrics))})(?!\w)"


def charts(group: str = "") -> list[GrafanaChart]:
    """Return the panels of a group; by default those that nearly every run fills."""
    return [
        GrafanaChart(each.title, each.unit, _pattern(list(each.metrics)), _lines(each))
        for each in PANELS
        if each.group == group
    ]


def _lines(panel: PanelDefinition) -> list[Line]:
    metrics = list(panel.metrics)
    lines = []
    for key, measure in _KNOWN.items():
        subject, metric = measure.subject.key, measure.metric.key
        if metric not in metrics:
            continue
        other = subject != _FIRST_SUBJECT
        color = ("dark-" if other else "") + _COLORS[metrics.index(metric) % len(_COLORS)]
        label = f"{subject} {panel.metrics[metric]}".rstrip()
        lines.append(Line(key, label, color, dashed=other, unit=_unit(measure)))
    return lines


def stored_units() -> dict[str, str]:
    """Return Grafana's names of the units of metrics."""
    return {each.name: grafana_name(each.name) for each in UNITS if each.name}


def _unit(measure: Measure) -> str:
    """Return Grafana's unit of a stored value, where it differs from the panel's."""
    unit = measure.metric.unit
    return "" if base_factor(unit) == 1.0 else grafana_name(unit)


def _pattern(metrics: list[str]) -> str:
    """Return a pattern of these metrics for any subject."""
    return rf"\.({'|'.join(map(re.escape, metrics))})$"


def figures() -> list[FigurePanel]:
    """Return the figures that a run may have, except its duration."""
    return [_figure(each) for each in FIGURES if each.sources or each.per_second_of]


def _figure(figure: FigureDefinition) -> FigurePanel:
    of = figure_named(figure.per_second_of) if figure.per_second_of else figure
    return FigurePanel(
        figure.title,
        grafana_name(figure.unit),
        f"{FIGURE_PREFIX}{figure.id}",
        [_figure_source(each) for each in of.sources],
        figure is not of,
        figure.rare,
        of.digits,
    )


def _figure_source(source: FigureSource) -> FluxSource:
    metrics = [each.metric for each in _KNOWN.values()]
    units = {each.key: each.unit for each in metrics} | dict(METRIC_UNITS)
    factors = {key: base_factor(units.get(key, "")) for key in source.metrics}
    marks = {each.key: each.peak_of for each in metrics if each.peak_of}
    return FluxSource(
        source.statistic,
        source.pattern,
        [(_pattern([key]), each) for key, each in factors.items() if each != 1.0],
        source.factor,
        [(key, marks[key]) for key in source.metrics if key in marks],
    )


_RESOURCE_KEYS = [measure.key for measure in ResourceProbe().measures]


@dataclass(frozen=True)
class GrafanaPanel:
    """A panel.

    Attributes:
        title: Its heading.
        description: Its description.
        unit: Grafana's unit of its values.
        axis: The scale of its axis.
        pattern: Matches its fields.
        units: Grafana's units of fields stored in another unit.
    """

    title: str
    description: str
    unit: str
    axis: Axis
    pattern: str
    units: dict[str, str]


@dataclass(frozen=True)
class GrafanaDashboard:
    """A dashboard.

    Attributes:
        uid: Its identifier in links.
        title: Its heading.
        panels: Its panels.
    """

    uid: str
    title: str
    panels: list[GrafanaPanel]


def user_dashboard_uid(name: str) -> str:
    """Return the identifier of a user-defined dashboard in links."""
    return f"multimeter-own-{name}"


def dashboard_of(own: UserDashboard) -> GrafanaDashboard:
    """Return the Grafana dashboard of a user-defined one."""
    panels = [_panel_of(each) for each in own.panels]
    return GrafanaDashboard(user_dashboard_uid(own.name), own.title, panels)


def _panel_of(definition: PanelDefinition) -> GrafanaPanel:
    pattern = key_pattern(definition.measures)
    stored = {
        key: stored_unit(key, definition.unit)
        for key in _RESOURCE_KEYS
        if re.search(pattern, key)
    }
    return GrafanaPanel(
        definition.title,
        definition.description,
        grafana_name(definition.unit),
        definition.axis,
        pattern,
        {
            key: grafana_name(unit)
            for key, unit in stored.items()
            if unit != definition.unit
        },
    )
