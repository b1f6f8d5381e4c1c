"""``multimeter-visu start``: start the stack."""

from __future__ import annotations

import pathlib

import typer

from multimeter.visualization import stack
from multimeter.visualization.browser import print_links
from multimeter.visualization.console import Console
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.options import Config, Json, Name, config_file_of
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["start", "start_stack"]


def start(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Start the stack."""
    start_stack(config_file_of(context, config, name), Console(as_json=json))


def start_stack(config_file: pathlib.Path, console: Console) -> None:
    """Start the stopped parts, and print the link to the page."""
    with console.errors_reported():
        engine = installed_engine(config_file)
        steps = stack.start(engine, console)
        links = engine.links(None)
        console.line("Started." if steps else "It was already running.")
        print_links(links, console)
        console.result(
            {
                "running": True,
                "changed": bool(steps),
                "page": links.page,
                "login": links.login,
            }
        )
