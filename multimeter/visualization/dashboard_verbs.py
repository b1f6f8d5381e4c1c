"""The verbs of dashboards that somebody has made: keep them, list them, forget them."""

from __future__ import annotations

import pathlib

from multimeter.visualization import stack
from multimeter.visualization.config import StackConfig, read_config
from multimeter.visualization.console import Console
from multimeter.visualization.dashboards.grafana_own import own_uid
from multimeter.visualization.dashboards.own_files import (
    add_dashboard,
    broken_dashboards,
    dashboard_folder,
    own_dashboards,
    remove_dashboard,
)
from multimeter.visualization.verbs import reported

__all__ = ["add_own_dashboard", "remove_own_dashboard", "show_own_dashboards"]


def add_own_dashboard(
    config_file: pathlib.Path, file: pathlib.Path, console: Console
) -> None:
    """Keep a dashboard of one's own, and have the stack show it."""
    with reported(console):
        config = read_config(config_file)
        added, replaces = add_dashboard(config_file, file)
        _show_dashboards(config_file, console)
        done = "Replaced" if replaces else "Added"
        count = len(added.panels)
        panels = f"{count} panel{'s' if count > 1 else ''}"
        console.line(f"{done} '{added.title}' as {added.name}: {panels}.")
        where = _where_shown(config, added.name)
        console.table({"shown": where})
        console.result(
            {
                "name": added.name,
                "title": added.title,
                "panels": [each.title for each in added.panels],
                "replaced": replaces,
                "shown": where,
            }
        )


def _show_dashboards(config_file: pathlib.Path, console: Console) -> None:
    """Bring dashboards into a stack that runs: Grafana is made anew, with its data."""
    if stack.status(config_file).state != "stopped":
        stack.start(config_file, console)


def _where_shown(config: StackConfig, name: str) -> str:
    if config.engine == "docker":
        return f"{config.page}/d/{own_uid(name)}"
    return f"{config.page}, below the panels of each run that has such measures"


def show_own_dashboards(config_file: pathlib.Path, console: Console) -> None:
    """Print the dashboards that somebody has made."""
    with reported(console):
        config = read_config(config_file)
        found = own_dashboards(config_file)
        broken = broken_dashboards(config_file)
        rows = {each.name: f"{each.title}: {len(each.panels)} panels" for each in found}
        console.table(rows | {name: f"left out. {what}" for name, what in broken.items()})
        if not found and not broken:
            console.line(
                "There are no dashboards yet. Add one with: "
                "multimeter-visu dashboard add FILE"
            )
        console.result(
            {
                "folder": str(dashboard_folder(config_file)),
                "dashboards": [
                    {
                        "name": each.name,
                        "title": each.title,
                        "panels": [panel.title for panel in each.panels],
                        "shown": _where_shown(config, each.name),
                    }
                    for each in found
                ],
                "broken": broken,
            }
        )


def remove_own_dashboard(config_file: pathlib.Path, name: str, console: Console) -> None:
    """Forget a dashboard, and have the stack show it no more."""
    with reported(console):
        read_config(config_file)
        remove_dashboard(config_file, name)
        _show_dashboards(config_file, console)
        console.line(f"Removed {name}; the measures stay.")
        console.result({"removed": name})
