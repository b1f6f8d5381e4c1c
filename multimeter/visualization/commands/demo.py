"""``multimeter-visu demo``: measure a small training live, and show the run."""

from __future__ import annotations

import pathlib
import shlex
import time
from collections.abc import Callable
from typing import Annotated

import typer

from multimeter.data.identifiers import checked_identifier, new_identifier
from multimeter.visualization import stack
from multimeter.visualization.browser import open_links, print_links
from multimeter.visualization.console import Console, exit_on_sigterm
from multimeter.visualization.engines.base import Engine
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.invocation import command_of
from multimeter.visualization.options import (
    Browser,
    Config,
    Json,
    Name,
    config_file_of,
)
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["demo"]

RunName = Annotated[
    str | None,
    typer.Argument(
        help="The name of the run; by default made from the time.",
        metavar="[RUN]",
        show_default=False,
    ),
]
Seconds = Annotated[
    float, typer.Option(min=1, max=3600, help="The duration of the demonstration.")
]

_LOOKS_FOR_RUN = 50
_LOOK_SECONDS = 0.1


def demo(
    context: typer.Context,
    run: RunName = None,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    seconds: Seconds = 10.0,
    browser: Browser = True,
    json: Json = False,
) -> None:
    """Measure a small training live, to see what a run looks like."""
    console = Console(as_json=json)
    config_file = config_file_of(context, config, name)
    exit_on_sigterm()
    with console.errors_reported():
        engine = installed_engine(config_file)
        _require_running(engine)
        _run_demo(engine, run, console, seconds=seconds, browser=browser)


def _run_demo(
    engine: Engine, run: str | None, console: Console, *, seconds: float, browser: bool
) -> None:
    identifier = checked_identifier(run or new_identifier("demo-"))
    if _has_run(engine, identifier):
        raise VisualizationError(
            f"A run '{identifier}' exists already.",
            next_step="Choose another name, or omit it.",
        )
    links = engine.links({"identifier": identifier, "start": None, "end": None})
    console.heading(f"A small training, live, for {seconds:g} seconds:")
    console.line()
    print_links(links, console)
    console.line()
    begun = time.monotonic()

    def show() -> None:
        if browser and console.is_terminal:
            _wait_for_run(engine, identifier)
            open_links(links, console)

    def print_mark(label: str) -> None:
        console.progress(f"  {time.monotonic() - begun:5.1f} s  {label}")

    complete = _demonstrate(engine.config_file, identifier, seconds, show, print_mark)
    console.line(
        "Done." if complete else "Interrupted; the data measured so far is stored."
    )
    verb = f"open {shlex.quote(identifier)}"
    again = command_of(verb, engine.config_file, engine.config.name)
    console.line(f"  Show it again: {again}")
    console.result(
        {
            "run": identifier,
            "page": links.page,
            "login": links.login,
            "complete": complete,
        }
    )


def _demonstrate(
    config_file: pathlib.Path,
    identifier: str,
    seconds: float,
    on_start: Callable[[], None],
    on_mark: Callable[[str], None],
) -> bool:
    """Run the demonstration; return whether it was completed."""
    from multimeter.visualization.examples.demo import demonstrate

    try:
        demonstrate(config_file, identifier, seconds, on_start=on_start, on_mark=on_mark)
    except KeyboardInterrupt:
        return False
    return True


def _require_running(engine: Engine) -> None:
    state = stack.status(engine).state
    if state != "running":
        start = command_of("start", engine.config_file, engine.config.name)
        raise VisualizationError(
            f"The stack is {state}.", next_step=f"{start}, then try again."
        )


def _wait_for_run(engine: Engine, identifier: str) -> None:
    """Wait until the page can show a run that has just started."""
    for _ in range(_LOOKS_FOR_RUN):
        if _has_run(engine, identifier):
            return
        time.sleep(_LOOK_SECONDS)


def _has_run(engine: Engine, identifier: str) -> bool:
    return any(run["identifier"] == identifier for run in engine.runs())
