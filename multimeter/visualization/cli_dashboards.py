"""``multimeter-visu dashboard``: its verbs on the command line."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from multimeter.visualization.cli_options import (
    Config,
    Json,
    Name,
    config_file_of,
    console_for,
)
from multimeter.visualization.engines.base import DEFAULT_NAME

__all__ = ["dashboards"]

dashboards = typer.Typer(
    help="Panels of your own, for every run, from a TOML file.",
    no_args_is_help=True,
)


@dashboards.command("add")
def add_dashboard(
    context: typer.Context,
    file: Annotated[
        pathlib.Path, typer.Argument(help="A TOML file that describes it.", metavar="FILE")
    ],
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Show the panels that a file describes; one of the same name is replaced."""
    from multimeter.visualization.dashboard_verbs import add_own_dashboard

    config_file = config_file_of(context, config, name)
    add_own_dashboard(config_file, file.expanduser(), console_for(as_json=json))


@dashboards.command("list")
def list_dashboards(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """List your dashboards."""
    from multimeter.visualization.dashboard_verbs import show_own_dashboards

    show_own_dashboards(config_file_of(context, config, name), console_for(as_json=json))


@dashboards.command("remove")
def remove_dashboard(
    context: typer.Context,
    dashboard: Annotated[
        str, typer.Argument(help="What the list calls it.", metavar="DASHBOARD")
    ],
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Show its panels no more; measures stay."""
    from multimeter.visualization.dashboard_verbs import remove_own_dashboard

    config_file = config_file_of(context, config, name)
    remove_own_dashboard(config_file, dashboard, console_for(as_json=json))
