"""``multimeter run``: run a command, and measure it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from multimeter.errors import ConfigurationError, MultimeterError, ProbeError

if TYPE_CHECKING:
    from multimeter.processes.destination import Destination
    from multimeter.processes.measure import Outcome, RunOptions

__all__ = [
    "Cycle",
    "Probes",
    "Quiet",
    "RunName",
    "StoredIn",
    "SummaryFile",
    "Tags",
    "measure",
    "run",
]

OWN_FAILURE = 125
"""The exit code if we fail before the command is started, as of env(1)."""

EPILOG = (
    "Ends as the command does: with its exit code; with 128 and the number of the signal "
    "if one killed it; with 127 if it was not found, 126 if it could not be run, 125 if "
    "Multimeter could not even try. What goes wrong in measuring or storing never "
    "changes the exit code."
)

Command = Annotated[
    list[str],
    typer.Argument(help="The command with its arguments.", metavar="-- COMMAND..."),
]
RunName = Annotated[
    str | None,
    typer.Option("--name", help="The name of the run; by default a new one."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", help="A tag; may be repeated.", metavar="KEY=VALUE"),
]
Cycle = Annotated[
    float | None,
    typer.Option(
        "--cycle-time",
        help="Seconds between two samples; by default 0.02 at first, and up to 1 the "
        "longer it goes on.",
        metavar="SECONDS",
    ),
]
StoredIn = Annotated[
    pathlib.Path | None,
    typer.Option(
        "-o",
        "--storage",
        help="A file (.json, .line) or a folder; by default the installed stack, or "
        "~/.multimeter/runs where there is none.",
        metavar="PATH",
    ),
]
Probes = Annotated[
    list[str] | None,
    typer.Option(
        "--probe",
        help="Measure this beside the process: system, cgroup, gpu, ...; may be "
        "repeated. By default all that this machine can serve; 'process' for none.",
        metavar="NAME",
    ),
]
WaitAll = Annotated[
    bool,
    typer.Option(
        "--wait-all",
        help="Wait for all processes that the command has started, also those that "
        "outlive it.",
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
SummaryFile = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--json",
        help="Write the summary as JSON to this file; '-' is the error output, in the "
        "place of the summary for people.",
        metavar="FILE",
    ),
]


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
    from multimeter.processes.child import CommandError
    from multimeter.processes.measure import measure_command

    label = os.path.basename(command[0])  # noqa: PTH119 - a word, that may be empty
    try:
        outcome = measure(
            lambda settings: measure_command(command, settings),
            name or _generated_name(label),
            tag,
            cycle_time,
            storage,
            probe,
            wait_all=wait_all,
            quiet=quiet,
            json=json,
        )
    except CommandError as error:
        typer.echo(f"multimeter: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except Exception as error:  # noqa: BLE001 - the command has not been started
        what = str(error) if isinstance(error, MultimeterError) else repr(error)
        typer.echo(f"multimeter: {what}", err=True)
        raise typer.Exit(OWN_FAILURE) from None
    raise typer.Exit(outcome.exit_code)


def _generated_name(label: str) -> str:
    """Return a new name that begins with that of the program."""
    from multimeter.data.identifiers import new_identifier

    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._") else "_" for c in label)
    return new_identifier(f"{plain.strip('.') or 'run'}-")


def measure(
    work: Callable[[RunOptions], Outcome],
    name: str,
    tags: list[str] | None,
    cycle_time: float | None,
    storage: pathlib.Path | None,
    probes: list[str] | None,
    *,
    wait_all: bool = False,
    quiet: bool,
    json: pathlib.Path | None,
) -> Outcome:
    """Measure as the options say, store the run, and report it.

    Raises:
        MultimeterError: An option cannot be used, or the work could not begin.
    """
    from multimeter.data.identifiers import checked_identifier
    from multimeter.probes.default import chosen_probes
    from multimeter.processes.child import outliving_signals
    from multimeter.processes.destination import find_destination
    from multimeter.processes.measure import RunOptions
    from multimeter.processes.report import LogCollector
    from multimeter.sampling.sampler import checked_cycle_time
    from multimeter.system.log import log

    identifier = checked_identifier(name)
    destination = find_destination(storage)
    try:
        chosen = chosen_probes(probes or ())
    except ProbeError:
        chosen = []  # the process itself reports why it cannot be measured
    settings = RunOptions(
        destination.reserve(identifier),
        chosen,
        destination.storage,
        _tags(tags or ()),
        None if cycle_time is None else checked_cycle_time(cycle_time),
        wait_all,
    )
    collector = LogCollector()
    log().addHandler(collector)
    log().propagate = False
    outcome = work(settings)
    with outliving_signals():
        try:
            _finish(outcome, destination, collector.messages, quiet=quiet, json=json)
        except KeyboardInterrupt:
            pass
        except Exception as error:  # noqa: BLE001 - the command has its own exit code
            typer.echo(f"multimeter: The run was not reported: {error!r}", err=True)
    return outcome


def _tags(given: list[str] | tuple[()]) -> dict[str, str]:
    tags = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise ConfigurationError(
                f"'{each}' is not a tag.",
                next_step="Give a key and a value: --tag key=value",
            )
        tags[key] = value
    return tags


def _finish(
    outcome: Outcome,
    destination: Destination,
    messages: list[str],
    *,
    quiet: bool,
    json: pathlib.Path | None,
) -> None:
    """Deliver the points that wait, and report the run and where it is stored."""
    from multimeter.processes.destination import find_place
    from multimeter.processes.report import problem_lines, report_lines, report_text

    lost = 0
    with contextlib.suppress(KeyboardInterrupt):
        lost = destination.close()
    place = find_place(outcome, destination, lost)
    lines = problem_lines(messages, destination.stack_error, place.error)
    on_error_output = json is not None and str(json) == "-"
    if on_error_output:
        lines.append(report_text(outcome, place))
    elif not quiet:
        lines += report_lines(outcome, place, curves=sys.stderr.isatty())
    if json is not None and not on_error_output:
        try:
            json.write_text(report_text(outcome, place) + "\n", encoding="utf-8")
        except OSError as error:
            lines.append(f"multimeter: {json} cannot be written: {error.strerror}")
    for line in lines:
        typer.echo(line, err=True)
