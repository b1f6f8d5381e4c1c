"""The dashboards of Grafana, rendered as JSON in Grafana's classic model.

They name neither the bucket nor the organisation: the data source has both.
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
from multimeter.visualization.dashboards import grafana_panels
from multimeter.visualization.dashboards.definition import LOG_SERIES
from multimeter.visualization.dashboards.user_defined import UserDashboard

__all__ = ["DATA_SOURCE_UID", "RUNS_UID", "RUN_UID", "render_dashboards"]

DATA_SOURCE_UID = "multimeter-influxdb"
RUN_UID = RUN_DASHBOARD
"""The dashboard of one run. It must not change: people bookmark its links."""

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
"""The alignment of compared runs where no mark is chosen."""

_MOST_PANELS = 45
"""The maximum number of panels of a run outside collapsed rows."""

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
        if each.id != "duration"  # it has a separate column
    ]


def render_dashboards(own: Sequence[UserDashboard] = ()) -> dict[str, str]:
    """Return the JSON of each dashboard, by file name.

    Args:
        own: User-defined dashboards, in addition to the predefined ones.
    """
    environment = Environment(
        loader=PackageLoader(__package__),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - every value passes through tojson
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
        "units": grafana_panels.units(),
        "stored_units": grafana_panels.stored_units(),
        "most_panels": _MOST_PANELS,
        "no_panels": _NO_PANELS,
        "codenames": CODENAMES,
        "log": LOG_SERIES,
        "gap": GAP,
    }
    content: dict[str, Any] = {
        "figures": grafana_panels.figures(),
        "charts": grafana_panels.charts(),
        "groups": grafana_panels.charts_by_group(),
        "defined": grafana_panels.defined(),
        "own": [grafana_panels.dashboard_of(each) for each in own],
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
