"""``multimeter-visu open``: print a link to the page, and open it in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from multimeter.runs.lookup import choose_run
from multimeter.runs.source import RunEntry
from multimeter.visualization.browser import open_links, print_links
from multimeter.visualization.console import Console
from multimeter.visualization.engines.base import Engine, Run
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.options import (
    Browser,
    Config,
    Json,
    Name,
    config_file_of,
)
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["open_page"]

RunToShow = Annotated[
    str | None,
    typer.Argument(
        help="The run to show: its identifier, or a unique beginning of it;"
        " @latest, or @2 for the run before it.",
        metavar="[RUN]",
        show_default=False,
    ),
]


def open_page(
    context: typer.Context,
    run: RunToShow = None,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    browser: Browser = True,
    json: Json = False,
) -> None:
    """Print a link to the page, or to one run, and open it in the browser."""
    console = Console(as_json=json)
    with console.errors_reported():
        engine = installed_engine(config_file_of(context, config, name))
        links = engine.links(_find_run(engine, run) if run else None)
        print_links(links, console)
        console.result({"page": links.page, "login": links.login})
        if browser:
            open_links(links, console)


def _find_run(engine: Engine, argument: str) -> Run:
    runs = {str(run["identifier"]): run for run in reversed(engine.runs())}
    url = engine.config.url
    entries = [RunEntry(name, url, run["start"]) for name, run in runs.items()]
    return runs[choose_run(argument, entries).identifier]
