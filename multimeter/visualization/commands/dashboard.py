"""``multimeter-visu dashboard``: add, list and remove user-defined dashboards."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from multimeter.visualization import stack
from multimeter.visualization.config import StackConfig, read_config
from multimeter.visualization.console import Console
from multimeter.visualization.dashboards import user_defined
from multimeter.visualization.dashboards.grafana_panels import user_dashboard_uid
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.options import Config, Json, Name, config_file_of
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["dashboards"]

File = Annotated[
    pathlib.Path, typer.Argument(help="A TOML file that describes it.", metavar="FILE")
]
Dashboard = Annotated[
    str, typer.Argument(help="Its name in the list.", metavar="DASHBOARD")
]

dashboards = typer.Typer(
    help="Panels of your own, for every run, from a TOML file.",
    no_args_is_help=True,
)


@dashboards.command("add")
def add_dashboard(
    context: typer.Context,
    file: File,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Add the panels that a file describes; replace a dashboard of the same name."""
    config_file, console = config_file_of(context, config, name), Console(as_json=json)
    with console.errors_reported():
        installed = read_config(config_file)
        added, replaces = user_defined.add_dashboard(config_file, file.expanduser())
        _update_stack(config_file, console)
        done = "Replaced" if replaces else "Added"
        count = len(added.panels)
        panels = f"{count} panel{'s' if count > 1 else ''}"
        console.line(f"{done} '{added.title}' as {added.name}: {panels}.")
        where = _where_shown(installed, added.name)
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


@dashboards.command("list")
def list_dashboards(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """List your dashboards."""
    config_file, console = config_file_of(context, config, name), Console(as_json=json)
    with console.errors_reported():
        installed = read_config(config_file)
        own = user_defined.user_dashboards(config_file)
        broken = user_defined.broken_dashboards(config_file)
        rows = {each.name: f"{each.title}: {len(each.panels)} panels" for each in own}
        console.table(rows | {name: f"ignored. {what}" for name, what in broken.items()})
        if not own and not broken:
            console.line(
                "There are no dashboards yet. Add one with: "
                "multimeter-visu dashboard add FILE"
            )
        console.result(
            {
                "folder": str(user_defined.dashboard_folder(config_file)),
                "dashboards": [
                    {
                        "name": each.name,
                        "title": each.title,
                        "panels": [panel.title for panel in each.panels],
                        "shown": _where_shown(installed, each.name),
                    }
                    for each in own
                ],
                "broken": broken,
            }
        )


@dashboards.command("remove")
def remove_dashboard(
    context: typer.Context,
    dashboard: Dashboard,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Remove a dashboard; the measures stay."""
    config_file, console = config_file_of(context, config, name), Console(as_json=json)
    with console.errors_reported():
        read_config(config_file)
        user_defined.remove_dashboard(config_file, dashboard)
        _update_stack(config_file, console)
        console.line(f"Removed {dashboard}; the measures stay.")
        console.result({"removed": dashboard})


def _update_stack(config_file: pathlib.Path, console: Console) -> None:
    """Update a running stack: Grafana's container is recreated, with its data."""
    engine = installed_engine(config_file)
    if stack.status(engine).state != "stopped":
        stack.start(engine, console)


def _where_shown(config: StackConfig, name: str) -> str:
    if config.engine == "docker":
        return f"{config.page}/d/{user_dashboard_uid(name)}"
    return f"{config.page}, below the panels of each run that has such measures"
