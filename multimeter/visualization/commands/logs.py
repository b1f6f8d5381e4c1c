"""``multimeter-visu logs``: print the logs of the servers of the stack."""

from __future__ import annotations

from typing import Annotated

import typer

from multimeter.visualization.console import Console
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.options import Config, Name, config_file_of
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["logs"]

Service = Annotated[
    str | None,
    typer.Argument(
        help="influxdb, grafana or server.", metavar="[SERVICE]", show_default=False
    ),
]
Lines = Annotated[
    int, typer.Option("--lines", min=1, help="The number of lines of each log.")
]
Follow = Annotated[
    bool, typer.Option("-f", "--follow", help="Print new lines as they come.")
]


def logs(
    context: typer.Context,
    service: Service = None,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    lines: Lines = 50,
    follow: Follow = False,
) -> None:
    """Print the logs of the servers."""
    console = Console()
    with console.errors_reported():
        engine = installed_engine(config_file_of(context, config, name))
        services = engine.services()
        if service is not None and service not in services:
            raise VisualizationError(
                f"There is no service '{service}'.",
                next_step=f"Choose one of {', '.join(services)}.",
            )
        if follow and service is None and len(services) > 1:
            raise VisualizationError(
                "Only one log can be followed at a time.",
                next_step=f"Choose one of {', '.join(services)}.",
            )
        for each in [service] if service else services:
            if len(services) > 1 and service is None:
                console.heading(each)
            for line in engine.logs(each, lines, follow=follow):
                console.line(line)
