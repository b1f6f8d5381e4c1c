"""``multimeter-visu status``: show the status of the stack, also as an exit code."""

from __future__ import annotations

import sys

import typer

from multimeter.visualization import stack
from multimeter.visualization.console import Console
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.invocation import command_of
from multimeter.visualization.options import Config, Json, Name, config_file_of
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["status"]

_NOT_RUNNING = 3


def status(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Show the status of the stack."""
    config_file, console = config_file_of(context, config, name), Console(as_json=json)
    with console.errors_reported():
        engine = installed_engine(config_file)
        current = stack.status(engine)
        rows = {
            "state": current.state,
            "engine": engine.config.engine,
            "page": engine.config.page,
            "org": engine.config.org,
            "bucket": engine.config.bucket,
            "runs": current.runs,
            **current.details,
        }
        console.table({k: str(v) for k, v in rows.items() if v is not None})
        if current.state == "stopped":
            console.line(f"Next: {command_of('start', config_file, engine.config.name)}")
        console.result(rows)
    if current.state != "running":
        sys.exit(_NOT_RUNNING)
