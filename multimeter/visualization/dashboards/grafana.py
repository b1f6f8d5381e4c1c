"""The dashboards of Grafana: the one definition, as JSON in Grafana's classic model.

They name neither bucket nor organisation: the data source knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from multimeter.analysis.figures import FIGURES
from multimeter.analysis.series import GAP
from multimeter.analysis.units import grafana_name
from multimeter.connection import RUN_DASHBOARD
from multimeter.data.identifiers import CODENAMES, FIGURE_PREFIX, HEALTH, LOGS
from multimeter.visualization.dashboards import grafana_own, grafana_run
from multimeter.visualization.dashboards.definition import LOG_SERIES
from multimeter.visualization.dashboards.own import OwnDashboard

__all__ = ["DATA_SOURCE_UID", "RUNS_UID", "RUN_UID", "render_dashboards"]

DATA_SOURCE_UID = "multimeter-influxdb"
RUN_UID = RUN_DASHBOARD
"""The dashboard of one run. Links to it are kept by people: it stays as it is."""

RUNS_UID = "multimeter-runs"
"""The dashboard with the list of runs."""

_UIDS = {
    "runs": RUNS_UID,
    "run": RUN_UID,
    "compare": "multimeter-compare",
    "logging": "multimeter-logging",
    "health": "multimeter-health",
}

_START_OF_RUN = "(start of the run)"
"""What runs are aligned on when it is no mark."""

_MOST_PANELS = 45
"""How many panels a run has that are not folded away."""

_NO_PANELS = "nothing measured yet"


@dataclass(frozen=True)
class _RunFigure:
    """A column in a table of runs."""

    column: str
    title: str
    unit: str


def _run_figures() -> list[_RunFigure]:
    return [
        _RunFigure(
            f"{FIGURE_PREFIX}{each.id}",
            each.title,
            grafana_name(each.unit),
        )
        for each in FIGURES
        if each.id != "duration"  # it has a column of its own
    ]


def render_dashboards(own: Sequence[OwnDashboard] = ()) -> dict[str, str]:
    """Return the JSON of each dashboard, by the name of its file.

    Args:
        own: User-defined dashboards, beside the others.
    """
    environment = Environment(
        loader=PackageLoader(__package__),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - what is put in goes through tojson
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "uids": _UIDS,
        "data_source_uid": DATA_SOURCE_UID,
        "logs": LOGS,
        "health": HEALTH,
        "start_of_run": _START_OF_RUN,
        "run_figures": _run_figures(),
        "units": grafana_run.units(),
        "stored_units": grafana_run.stored_units(),
        "most_panels": _MOST_PANELS,
        "no_panels": _NO_PANELS,
        "codenames": CODENAMES,
        "log": LOG_SERIES,
        "gap": GAP,
    }
    content: dict[str, Any] = {
        "figures": grafana_run.figures(),
        "charts": grafana_run.charts(),
        "groups": grafana_run.charts_by_group(),
        "defined": grafana_run.defined(),
        "own": [grafana_own.dashboard_of(each) for each in own],
    }
    rendered = {
        f"{name}.json": environment.get_template(f"{name}.json.j2").render(
            name=name, **content
        )
        for name in _UIDS
    }
    template = environment.get_template("own.json.j2")
    for each in content["own"]:
        uids = {**_UIDS, "own": each.uid}
        text = template.render(name="own", uids=uids, dashboard=each, **content)
        rendered[f"{each.uid}.json"] = text
    return rendered
