"""``multimeter-visu stop``: stop the stack."""

from __future__ import annotations

import pathlib

import typer

from multimeter.visualization import stack
from multimeter.visualization.console import Console
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.options import Config, Json, Name, config_file_of
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["stop", "stop_stack"]


def stop(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Stop the stack; all data stays."""
    stop_stack(config_file_of(context, config, name), Console(as_json=json))


def stop_stack(config_file: pathlib.Path, console: Console) -> None:
    """Stop the running parts, and print whether there were any."""
    with console.errors_reported():
        steps = stack.stop(installed_engine(config_file), console)
        console.line("Stopped; all data stays." if steps else "It was not running.")
        console.result({"running": False, "changed": bool(steps)})
