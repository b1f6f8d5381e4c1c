"""The verbs of the tool: each does one thing to a stack and says what came of it.

Exit codes: 0 done, 3 ``status`` of a stack that does not run, 255 nothing that a stack
could run on, 254 already installed, 253 not installed, 252 a step failed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shlex
import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from multimeter.connection import default_config_file
from multimeter.data.identifiers import checked_identifier, new_identifier
from multimeter.errors import MultimeterError
from multimeter.runs.lookup import choose_run
from multimeter.runs.source import RunEntry
from multimeter.visualization import stack
from multimeter.visualization.config import (
    StackConfig,
    kept_file,
    read_config,
)
from multimeter.visualization.console import Console
from multimeter.visualization.doctor import diagnose
from multimeter.visualization.engines.base import Engine, Links, Request, Run
from multimeter.visualization.engines.factory import engine_of
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.extra import require_extra
from multimeter.visualization.invocation import command_of, typed
from multimeter.visualization.plan import describe
from multimeter.visualization.snippet import snippet
from multimeter.visualization.ssh import has_browser, tunnel_command

__all__ = [
    "install_stack",
    "open_page",
    "remove_stack",
    "reported",
    "run_demo",
    "serve_stack",
    "show_credentials",
    "show_doctor",
    "show_logs",
    "show_plan",
    "show_status",
    "start_stack",
    "stop_stack",
]

_NOT_RUNNING = 3
_LOOKS_FOR_RUN = 50
_LOOK_SECONDS = 0.1


@contextlib.contextmanager
def reported(console: Console) -> Iterator[None]:
    """Print an error of ours and end with its exit code.

    Raises:
        MissingExtraError: The extra ``visu`` is not installed.
    """
    require_extra()
    try:
        yield
    except MultimeterError as error:
        code = getattr(error, "exit_code", VisualizationError.exit_code)
        console.error(error, code)
        sys.exit(code)


def install_stack(request: Request, engine: str, console: Console) -> None:
    """Install a stack, and print where to look and how to send a run."""
    # Ended by a signal it takes back what it made, just as after an error.
    signal.signal(signal.SIGTERM, _end)
    with reported(console):
        installed = stack.install(request, engine, console)
        config = installed.config
        default = request.config_file == default_config_file()
        code = snippet(None if default else request.config_file)
        console.line()
        console.heading("Multimeter is ready. Look at the example:")
        console.line()
        _print_link(installed.links, console)
        console.line()
        console.heading(f"Send a run of your own, with {typed('python')}:")
        console.line()
        console.line("\n".join(f"    {line}" if line else "" for line in code.splitlines()))
        console.result(
            {
                "engine": config.engine,
                "config": str(request.config_file),
                "url": config.url,
                "org": config.org,
                "bucket": config.bucket,
                "page": installed.links.page,
                "login": installed.links.login,
                "notes": console.notes,
                "python": code,
            }
        )


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(VisualizationError.exit_code)


def _print_link(links: Links, console: Console) -> None:
    """Print one link, and how it gets a person in."""
    console.line(f"  {links.best}")
    if links.login_hint:
        console.line(f"  {links.login_hint}")
    if tunnel := tunnel_command(links.page, os.environ):
        console.line(f"  Over SSH, first run this on your own machine: {tunnel}")


def _can_show(console: Console) -> bool:
    """Whether a person is looking, and would see a browser that is opened here."""
    return console.is_terminal and has_browser(os.environ)


def show_plan(request: Request, engine: str, console: Console) -> None:
    """Print what an install would do, and do nothing."""
    with reported(console):
        steps = stack.plan(request, engine, console)
        for step in steps:
            console.line(f"  {describe([step])}")
        console.line("Nothing was done." if steps else "There is nothing to do.")
        notes = {"notes": console.notes} if console.notes else {}
        console.result({"steps": [describe([step]) for step in steps], **notes})


def start_stack(config_file: pathlib.Path, console: Console) -> None:
    """Start what does not run, and print where to look."""
    with reported(console):
        steps = stack.start(config_file, console)
        config = read_config(config_file)
        links = engine_of(config_file, config).links(config, None)
        console.line("Started." if steps else "It was running already.")
        _print_link(links, console)
        console.result(
            {
                "running": True,
                "changed": bool(steps),
                "page": links.page,
                "login": links.login,
            }
        )


def stop_stack(config_file: pathlib.Path, console: Console) -> None:
    """Stop what runs; all data stays."""
    with reported(console):
        steps = stack.stop(config_file, console)
        console.line("Stopped; all data stays." if steps else "It was not running.")
        console.result({"running": False, "changed": bool(steps)})


def remove_stack(
    config_file: pathlib.Path, console: Console, *, keep_data: bool = False
) -> None:
    """Remove the stack, with all its data where it is not to be kept."""
    with reported(console):
        left = stack.remove(config_file, console, keep_data=keep_data)
        kept = kept_file(config_file)
        if left:
            console.line("Removed. What Multimeter has not made stays:")
            for each in left:
                console.line(f"  left: {each}")
        elif not keep_data:
            console.line("Removed; nothing is left.")
        elif kept.exists():
            console.line(f"Removed; the data stays, and what opens it is in {kept}.")
        else:
            console.line("Removed; the data stays.")
        console.result(
            {
                "removed": str(config_file),
                "kept_data": keep_data,
                "left": [str(each) for each in left],
            }
        )


def show_status(config_file: pathlib.Path, console: Console) -> None:
    """Print how the stack is; exit code 3 where it does not run."""
    with reported(console):
        found = stack.status(config_file)
        shown = {
            "state": found.state,
            "engine": found.config.engine,
            "page": found.config.page,
            "org": found.config.org,
            "bucket": found.config.bucket,
            "runs": found.runs,
            **found.details,
        }
        console.table({k: str(v) for k, v in shown.items() if v is not None})
        if found.state == "stopped":
            console.line(f"Next: {command_of('start', config_file, found.config.name)}")
        console.result(shown)
    if found.state != "running":
        sys.exit(_NOT_RUNNING)


def open_page(
    config_file: pathlib.Path, run: str | None, console: Console, *, browser: bool
) -> None:
    """Print a login link, and open it where a person is looking."""
    with reported(console):
        config = read_config(config_file)
        parts = engine_of(config_file, config)
        shown = _find_run(parts, config, run) if run else None
        links = parts.links(config, shown)
        _print_link(links, console)
        console.result({"page": links.page, "login": links.login})
        if browser and _can_show(console):
            webbrowser.open(links.best)


def run_demo(
    config_file: pathlib.Path,
    run: str | None,
    console: Console,
    *,
    seconds: float,
    browser: bool,
) -> None:
    """Run the demonstration, and show it where a person is looking."""
    # Ended by a signal its run ends in order, just as after an error.
    signal.signal(signal.SIGTERM, _end)
    with reported(console):
        config = read_config(config_file)
        _require_running(config_file, config)
        parts = engine_of(config_file, config)
        identifier = checked_identifier(run or new_identifier("demo-"))
        if any(each["identifier"] == identifier for each in parts.runs(config)):
            raise VisualizationError(
                f"There is a run '{identifier}' already.",
                next_step="multimeter-visu demo, with another name or none",
            )
        links = parts.links(config, {"identifier": identifier, "start": None, "end": None})
        console.heading(f"A small training, live, for {seconds:g} seconds:")
        console.line()
        _print_link(links, console)
        console.line()
        begun = time.monotonic()

        def show() -> None:
            if browser and _can_show(console):
                _wait_for_run(parts, config, identifier)
                webbrowser.open(links.best)

        def tell(label: str) -> None:
            console.progress(f"  {time.monotonic() - begun:5.1f} s  {label}")

        complete = _demonstrate(config_file, identifier, seconds, show, tell)
        console.line("Done." if complete else "Interrupted; what was measured is stored.")
        verb = f"open {shlex.quote(identifier)}"
        again = command_of(verb, config_file, config.name)
        console.line(f"  See it again: {again}")
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
    from multimeter.visualization.examples.demo import demonstrate

    try:
        demonstrate(config_file, identifier, seconds, on_start=on_start, on_mark=on_mark)
    except KeyboardInterrupt:
        return False
    return True


def _require_running(config_file: pathlib.Path, config: StackConfig) -> None:
    state = stack.status(config_file).state
    if state != "running":
        start = command_of("start", config_file, config.name)
        raise VisualizationError(
            f"The stack is {state}.", next_step=f"{start}, then try again."
        )


def _wait_for_run(parts: Engine, config: StackConfig, identifier: str) -> None:
    """Return when the page can show a run that has just begun."""
    for _ in range(_LOOKS_FOR_RUN):
        if any(run["identifier"] == identifier for run in parts.runs(config)):
            return
        time.sleep(_LOOK_SECONDS)


def _find_run(parts: Engine, config: StackConfig, word: str) -> Run:
    runs = {str(run["identifier"]): run for run in reversed(parts.runs(config))}
    entries = [RunEntry(name, config.url, run["start"]) for name, run in runs.items()]
    return runs[choose_run(word, entries).identifier]


def show_logs(
    config_file: pathlib.Path,
    service: str | None,
    console: Console,
    *,
    lines: int,
    follow: bool,
) -> None:
    """Print the last lines of the logs, and those to come where one is followed."""
    with reported(console):
        parts = engine_of(config_file, read_config(config_file))
        known = parts.services()
        if service is not None and service not in known:
            raise VisualizationError(
                f"There is no service '{service}'.",
                next_step=f"Choose one of {', '.join(known)}.",
            )
        if follow and service is None and len(known) > 1:
            raise VisualizationError(
                "Only one log can be followed at a time.",
                next_step=f"Choose one of {', '.join(known)}.",
            )
        for each in [service] if service else known:
            if len(known) > 1 and service is None:
                console.heading(each)
            for line in parts.logs(each, lines, follow=follow):
                console.line(line)


def show_doctor(request: Request, engine: str, console: Console) -> None:
    """Print what was looked at and how it is; fails where something is wrong."""
    with reported(console):
        checks = []
        for each in diagnose(request, engine):
            checks.append(each)
            console.check(each)
        wrong = [each for each in checks if each.ok is False]
        console.line()
        console.line(f"{len(wrong)} to mend." if wrong else "All is well.")
        console.result({"checks": [dataclasses.asdict(each) for each in checks]})
    if wrong:
        sys.exit(VisualizationError.exit_code)


def show_credentials(config_file: pathlib.Path, console: Console) -> None:
    """Print every login and token of the stack."""
    with reported(console):
        config = read_config(config_file)
        shown = engine_of(config_file, config).credentials(config)
        console.table(shown)
        console.result(shown)


def serve_stack(config_file: pathlib.Path, console: Console) -> None:
    """Run the server of an embedded stack here, until it is interrupted."""
    with reported(console):
        config = read_config(config_file)
        if config.engine != "embedded":
            raise VisualizationError(
                f"A stack on the engine '{config.engine}' has no server to run here.",
                next_step="multimeter-visu start",
            )
        if stack.status(config_file).state != "stopped":
            raise VisualizationError(
                "The server runs in the background already.",
                next_step="multimeter-visu stop, then multimeter-visu serve",
            )
        from multimeter.visualization.embedded.launch import launch

        console.progress(f"Serving {config.page} until Ctrl+C; for a login, elsewhere:")
        console.progress(f"  {command_of('open', config_file, config.name)}")
        launch(config_file)
