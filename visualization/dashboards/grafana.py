"""The dashboards of Grafana: the one definition, as JSON in Grafana's classic model.

They name neither bucket nor organisation: the data source knows them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from multimeter.probe import ResourceProbe
from multimeter.subject import SUBJECT_PROCESS
from multimeter.visualization.dashboards.definition import FIGURES, PANELS, FigureDefinition
from multimeter.visualization.dashboards.panels import Panel, panels_of

__all__ = ["DATA_SOURCE_UID", "RUNS_UID", "RUN_UID", "render_dashboards"]

DATA_SOURCE_UID = "multimeter-influxdb"
RUN_UID = "6V5fU2t7r"
"""The dashboard of one run. Links to it are kept by people: it stays as it is."""

RUNS_UID = "multimeter-runs"
"""The dashboard with the list of runs."""

_COLORS = ("green", "yellow", "blue", "purple")
_FIRST_SUBJECT = SUBJECT_PROCESS.key

_KNOWN = [measure.key for measure in ResourceProbe().measures]
_METRICS = {key.rpartition(".")[2] for key in _KNOWN}
# A panel here is there for every run, so only those are that nearly every run fills;
# what else a run has measured stands in "Everything else".
_SHOWN = [panel for panel in PANELS if not _METRICS.isdisjoint(panel.metrics)]

_UNITS = {
    ("bytes", 1024.0): "kbytes",
    ("bytes", 1024.0**2): "mbytes",
    ("percentunit", 0.01): "percent",
    ("s", 1e-3): "ms",
    ("s", 1e-6): "µs",
    ("s", 1e-9): "ns",
}
"""Grafana's unit for a value that is to be scaled: so that no query has to."""


@dataclass(frozen=True)
class _Line:
    """A line of a panel; a metric has the same hue on every subject.

    Attributes:
        field: The key of the measure.
        label: What the legend says.
        color: Its colour, as Grafana names them.
        dashed: Whether it is of another subject than the first.
    """

    field: str
    label: str
    color: str
    dashed: bool


@dataclass(frozen=True)
class _Chart:
    """A panel with lines.

    Attributes:
        title: What stands above it.
        unit: Grafana's unit of the values as they are stored.
        pattern: Matches its fields.
        lines: The fields that are known.
    """

    title: str
    unit: str
    pattern: str
    lines: list[_Line]


@dataclass(frozen=True)
class _Figure:
    """A panel with one number; its fields are added."""

    title: str
    unit: str
    fields: str
    statistic: str


def render_dashboards() -> dict[str, str]:
    """Return the JSON of each dashboard, by the name of its file."""
    environment = Environment(
        loader=PackageLoader(__package__),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - what is put in goes through tojson
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "uid": RUN_UID,
        "runs_uid": RUNS_UID,
        "data_source_uid": DATA_SOURCE_UID,
    }
    run = environment.get_template("run.json.j2").render(
        figures=[_figure(each) for each in FIGURES if _is_known(each)],
        charts=_charts(),
        defined=_pattern([metric for panel in _SHOWN for metric in panel.metrics]),
    )
    runs = environment.get_template("runs.json.j2").render()
    return {"run.json": run, "runs.json": runs}


def _charts() -> list[_Chart]:
    panels = panels_of(None, _KNOWN)
    metrics = {each.id: list(each.metrics) for each in _SHOWN}
    return [
        _Chart(
            panel.title,
            _unit(panel),
            _pattern(metrics[panel.id]),
            _lines(panel, metrics[panel.id]),
        )
        for panel in panels
    ]


def _lines(panel: Panel, metrics: list[str]) -> list[_Line]:
    lines = []
    for each in panel.series:
        subject, _, metric = each.key.rpartition(".")
        other = subject != _FIRST_SUBJECT
        color = ("dark-" if other else "") + _COLORS[metrics.index(metric) % len(_COLORS)]
        lines.append(_Line(each.key, each.label, color, dashed=other))
    return lines


def _unit(panel: Panel) -> str:
    (scale,) = {each.scale for each in panel.series}
    return panel.unit if scale == 1.0 else _UNITS[panel.unit, scale]


def _pattern(metrics: list[str]) -> str:
    """Return what matches these metrics of any subject."""
    return rf"\.({'|'.join(map(re.escape, metrics))})$"


def _is_known(figure: FigureDefinition) -> bool:
    return set(figure.keys) <= set(_KNOWN)


def _figure(figure: FigureDefinition) -> _Figure:
    keys = figure.keys
    fields = f"^({'|'.join(map(re.escape, keys))})$"
    (unit,) = {_unit(panel) for panel in panels_of(None, keys)}
    return _Figure(figure.title, unit, fields, figure.statistic)
