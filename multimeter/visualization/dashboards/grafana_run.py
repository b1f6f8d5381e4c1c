"""The panels of one run in Grafana: which fields, in which unit and which colour."""

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
from multimeter.analysis.panel_definitions import PANELS, PanelDefinition
from multimeter.analysis.units import METRIC_UNITS, UNITS, base_factor, grafana_name
from multimeter.data.identifiers import FIGURE_PREFIX
from multimeter.measure import Measure
from multimeter.probe import ResourceProbe
from multimeter.probes.process_metrics import process_measures
from multimeter.subject import SUBJECT_PROCESS, Subject

__all__ = [
    "FigurePanel",
    "FluxSource",
    "GrafanaChart",
    "Line",
    "charts",
    "charts_by_group",
    "defined",
    "figures",
    "stored_units",
    "units",
]

_COLORS = ("green", "yellow", "blue", "purple", "orange", "red")
_FIRST_SUBJECT = SUBJECT_PROCESS.key


def _known_measures() -> dict[str, Measure]:
    """Return the measures of processes, which nearly every run has some of."""
    known = [*ResourceProbe().measures]
    for subject in (SUBJECT_PROCESS, Subject("tree")):
        known += process_measures(subject)
    return {measure.key: measure for measure in known}


_KNOWN = _known_measures()


@dataclass(frozen=True)
class Line:
    """A line of a panel; a metric has the same hue on every subject.

    Attributes:
        field: The key of the measure.
        label: What the legend says.
        color: Its colour, as Grafana names them.
        dashed: Whether it is of another subject than the first.
        unit: The unit of its values as they are stored, where it is not the panel's.
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
        lines: The fields that are known.
    """

    title: str
    unit: str
    pattern: str
    lines: list[Line]


@dataclass(frozen=True)
class FluxSource:
    """Fields from which a figure follows, while its run goes on.

    Attributes:
        statistic: What is taken of them; as in a ``FigureSource``.
        fields: Matches the fields.
        factors: Pairs of a pattern of fields and what their values are multiplied with.
        factor: What the figure is multiplied with.
        marks: Marks of the kernel among the metrics, with the metrics they are peaks of.
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
        sources: What it follows from until then; the first one with values counts.
        per_second: Whether that is divided by the duration.
        rare: Whether there is none where it is 0.
        whole: Whether it is rounded.
    """

    title: str
    unit: str
    stored: str
    sources: list[FluxSource]
    per_second: bool
    rare: bool
    whole: bool


def defined() -> str:
    """Return what matches the fields of all panels of the definition."""
    return _pattern([metric for panel in PANELS for metric in panel.metrics])


def charts_by_group() -> dict[str, list[GrafanaChart]]:
    """Return the panels that only some runs fill, under the titles of their groups."""
    groups = dict.fromkeys(each.group for each in PANELS if each.group)
    return {group: charts(group) for group in groups}


def units() -> list[tuple[str, str]]:
    """Return patterns of names with the unit in which their values are stored.

    A name is the field, and behind it labels. Where several match, the last one holds.
    """
    shown = [(_begins(panel.metrics), panel.unit) for panel in PANELS]
    stored: dict[str, list[str]] = {}
    for metric, unit in {each.metric.key: _unit(each) for each in _KNOWN.values()}.items():
        if unit:
            stored.setdefault(unit, []).append(metric)
    return shown + [(_begins(metrics), unit) for unit, metrics in stored.items()]


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
    """Return Grafana's unit for a value that is stored in another one than its panel's."""
    unit = measure.metric.unit
    return "" if base_factor(unit) == 1.0 else grafana_name(unit)


def _pattern(metrics: list[str]) -> str:
    """Return what matches these metrics of any subject."""
    return rf"\.({'|'.join(map(re.escape, metrics))})$"


def figures() -> list[FigurePanel]:
    """Return the figures that a run may have, but its duration."""
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
        figure.is_whole,
    )


def _figure_source(source: FigureSource) -> FluxSource:
    known = [each.metric for each in _KNOWN.values()]
    units = {each.key: each.unit for each in known} | dict(METRIC_UNITS)
    factors = {key: base_factor(units.get(key, "")) for key in source.metrics}
    marks = {each.key: each.peak_of for each in known if each.peak_of}
    return FluxSource(
        source.statistic,
        source.pattern,
        [(_pattern([key]), each) for key, each in factors.items() if each != 1.0],
        source.factor,
        [(key, marks[key]) for key in source.metrics if key in marks],
    )
