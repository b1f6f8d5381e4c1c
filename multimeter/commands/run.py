"""``multimeter run``: run a command, and measure it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from multimeter.processes.options import OPTIONS

__all__ = [
    "Cycle",
    "Probes",
    "Quiet",
    "RunName",
    "StoredIn",
    "SummaryFile",
    "Tags",
    "option",
    "run",
]

EPILOG = (
    "Ends as the command does: with its exit code; with 128 and the number of the signal "
    "if one killed it; with 127 if it was not found, 126 if it could not be run, 125 if "
    "Multimeter could not even try. What goes wrong in measuring or storing never "
    "changes the exit code."
)


def option(key: str, **more: Any) -> Any:
    """Return an option of the table for typer."""
    known = OPTIONS[key]
    return typer.Option(*known.names, help=known.help, metavar=known.metavar, **more)


Command = Annotated[
    list[str],
    typer.Argument(help="The command with its arguments.", metavar="-- COMMAND..."),
]
RunName = Annotated[str | None, option("name")]
Tags = Annotated[list[str] | None, option("tag")]
Cycle = Annotated[float | None, option("cycle_time")]
StoredIn = Annotated[str | None, option("storage")]
Probes = Annotated[list[str] | None, option("probe")]
WaitAll = Annotated[bool, option("wait_all")]
Quiet = Annotated[bool, option("quiet")]
SummaryFile = Annotated[str | None, option("json")]


def run(
    command: Command,
    name: RunName = None,
    tag: Tags = None,
    cycle_time: Cycle = None,
    storage: StoredIn = None,
    probe: Probes = None,
    wait_all: WaitAll = False,
    quiet: Quiet = False,
    json: SummaryFile = None,
) -> None:
    """Run a command, and measure it with all processes that it starts."""
    from multimeter.processes.command import run_command

    code = run_command(
        command,
        name,
        tag=tag,
        cycle_time=cycle_time,
        storage=storage,
        probe=probe,
        wait_all=wait_all,
        quiet=quiet,
        json=json,
    )
    raise typer.Exit(code)
