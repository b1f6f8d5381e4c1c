"""The panels of one run in Grafana: which fields, in which unit and which colour."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from multimeter.analysis.units import UNITS, base_factor, grafana_name
from multimeter.data.identifiers import FIGURE_PREFIX
from multimeter.measure import Measure
from multimeter.probe import ResourceProbe
from multimeter.probes.process_metrics import SubjectMeasures
from multimeter.probes.usage import COUNTERS
from multimeter.subject import SUBJECT_PROCESS, Subject
from multimeter.visualization.dashboards.definition import (
    FIGURES,
    PANELS,
    FigureDefinition,
    PanelDefinition,
)

__all__ = [
    "Chart",
    "Line",
    "RunFigure",
    "charts",
    "charts_by_group",
    "defined",
    "figures",
    "stored_units",
    "units",
]

_COLORS = ("green", "yellow", "blue", "purple", "orange", "red")
_FIRST_SUBJECT = SUBJECT_PROCESS.key

_GAUGES = ("rss_peak", "threads", "processes", "open_files", "uss", "pss")


def _known_measures() -> dict[str, Measure]:
    """Return the measures of processes, which nearly every run has some of."""
    served = {*COUNTERS, *_GAUGES}
    known = [*ResourceProbe().measures]
    for subject in (SUBJECT_PROCESS, Subject("tree")):
        known += SubjectMeasures(subject, served).measures
    return {measure.key: measure for measure in known}


_KNOWN = _known_measures()
_ALWAYS = {measure.key for measure in ResourceProbe().measures}


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
class Chart:
    """A panel with lines.

    Attributes:
        title: What stands above it.
        unit: Grafana's unit of the values.
        pattern: Matches its fields.
        lines: The fields that are known.
    """

    title: str
    unit: str
    pattern: str
    lines: list[Line]


@dataclass(frozen=True)
class RunFigure:
    """A panel with one number.

    Attributes:
        title: What stands above it.
        unit: Grafana's unit of the number.
        said: The field of the run's entry that holds it, once the run has ended.
        fields: Matches the fields that it follows from until then.
        factors: What the values of some fields are multiplied with, by their patterns.
        statistic: What is taken of each field; the numbers of a subject are added, and
            the largest counts.
    """

    title: str
    unit: str
    said: str
    fields: str
    factors: dict[str, float]
    statistic: str


def defined() -> str:
    """Return what matches the fields of all panels of the definition."""
    return _pattern([metric for panel in PANELS for metric in panel.metrics])


def charts_by_group() -> dict[str, list[Chart]]:
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


def charts(group: str = "") -> list[Chart]:
    """Return the panels of a group; by default those that nearly every run fills."""
    return [
        Chart(each.title, each.unit, _pattern(list(each.metrics)), _lines(each))
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


def figures() -> list[RunFigure]:
    """Return the figures that every run has, whichever probe has measured it."""
    sources: dict[str, list[FigureDefinition]] = {}
    for each in FIGURES:
        sources.setdefault(each.title, []).append(each)
    return [
        _figure(some)
        for some in sources.values()
        if any(_ALWAYS.issuperset(each.keys) for each in some)
    ]


def _figure(sources: list[FigureDefinition]) -> RunFigure:
    keys = [key for each in sources for key in each.keys]
    factors = {key: base_factor(_KNOWN[key].metric.unit) for key in keys}
    return RunFigure(
        sources[0].title,
        sources[0].unit,
        f"{FIGURE_PREFIX}{sources[0].id}",
        f"^({'|'.join(map(re.escape, keys))})$",
        {f"^{re.escape(key)}$": factor for key, factor in factors.items() if factor != 1.0},
        sources[0].statistic,
    )
