"""Options that several verbs of ``multimeter-visu`` have, and what they stand for."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Annotated

import typer

from multimeter.connection import default_config_file
from multimeter.errors import MultimeterError
from multimeter.visualization.names import require_usable_name

if TYPE_CHECKING:
    from multimeter.visualization.console import Console

__all__ = [
    "Config",
    "EngineName",
    "GrafanaImage",
    "GrafanaPort",
    "InfluxdbImage",
    "Json",
    "Name",
    "Port",
    "Yes",
    "config_file_of",
    "console_for",
]

# typer reads these annotations when the module runs, on every Python from 3.10 on.
Config = Annotated[
    pathlib.Path | None,
    typer.Option(
        "-c", "--config", help="The file that describes the stack.", metavar="FILE"
    ),
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
        help="The name of the stack, where there are several.",
        metavar="NAME",
        callback=_usable_name,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


EngineName = Annotated[
    str, typer.Option("--engine", help="auto, docker or embedded.", metavar="ENGINE")
]
Port = Annotated[
    int,
    typer.Option(
        "--port",
        "--influxdb-port",
        min=0,
        max=65535,
        help="The port of the write API; 0 takes any that is free. Where the usual one"
        " is taken, the next free one is used.",
    ),
]
GrafanaPort = Annotated[
    int,
    typer.Option(
        min=0,
        max=65535,
        help="Docker: the port of Grafana; 0 takes any that is free. Where the usual one is"
        " taken, the next free one is used.",
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
    """Return the file that describes the stack that is meant."""
    chosen = config or context.obj or default_config_file(name)
    return pathlib.Path(chosen).expanduser().absolute()


def console_for(*, as_json: bool) -> Console:
    """Return what the verbs speak through."""
    from multimeter.visualization.console import Console

    return Console(as_json=as_json)
