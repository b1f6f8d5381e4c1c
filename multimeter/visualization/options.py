"""Options shared by several verbs of ``multimeter-visu``."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from multimeter.commands.options import Config, Json, Version, Yes
from multimeter.connection import default_config_file
from multimeter.errors import MultimeterError
from multimeter.visualization.stack_spec import (
    GRAFANA_PORT,
    HIGHEST_PORT,
    WRITE_PORT,
    require_usable_name,
)

__all__ = [
    "Browser",
    "Config",
    "EngineName",
    "GrafanaImage",
    "GrafanaPort",
    "InfluxdbImage",
    "Json",
    "Name",
    "Port",
    "Version",
    "Yes",
    "config_file_of",
]


def _usable_name(name: str) -> str:
    try:
        require_usable_name(name)
    except MultimeterError as error:
        raise typer.BadParameter(str(error)) from error
    return name


Name = Annotated[
    str,
    typer.Option(
        "-n",
        "--name",
        help="The name of the stack, if there are several.",
        metavar="NAME",
        callback=_usable_name,
    ),
]
Browser = Annotated[bool, typer.Option(help="Open a browser too.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="auto, docker or embedded.", metavar="ENGINE")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        "--influxdb-port",
        min=0,
        max=HIGHEST_PORT,
        help="The port of the write API; 0 for any free port. If the default is taken,"
        " the next free one is used.",
        show_default=str(WRITE_PORT),
    ),
]
GrafanaPort = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=HIGHEST_PORT,
        help="Docker: the port of Grafana; 0 for any free port. If the default is taken,"
        " the next free one is used.",
        show_default=str(GRAFANA_PORT),
    ),
]
InfluxdbImage = Annotated[
    str, typer.Option(help="Docker: the image of InfluxDB 2.", metavar="IMAGE")
]
GrafanaImage = Annotated[
    str, typer.Option(help="Docker: the image of Grafana.", metavar="IMAGE")
]


def config_file_of(
    context: typer.Context, config: pathlib.Path | None, name: str
) -> pathlib.Path:
    """Return the configuration file that the options select.

    Args:
        context: The context of the verb; its object is the file given before the verb.
        config: The file given after the verb.
        name: The name of the stack, used if no file was given.
    """
    chosen = config or context.obj or default_config_file(name)
    return pathlib.Path(chosen).expanduser().absolute()
