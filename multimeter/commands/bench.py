"""``multimeter bench``: what commands use, and whether they differ."""

from __future__ import annotations

import contextlib
import pathlib
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multimeter.commands.options import Json, SmallestEffect
from multimeter.commands.output import print_json, print_table
from multimeter.commands.progress import progress
from multimeter.errors import ConfigurationError
from multimeter.processes.bench import largest
from multimeter.reports.texts import NONE, printable, range_text

if TYPE_CHECKING:
    from multimeter.data.estimate import Estimate
    from multimeter.processes.bench import Arm, Comparison

__all__ = ["EPILOG", "bench"]

EPILOG = (
    "Each command is one word of the shell: multimeter bench 'python old.py' 'python "
    "new.py'. It runs without a shell; give sh -c '...' for pipes. Ends with 0, with 1 if "
    "a command fails."
)

_MOST_TURNS = 100

Commands = Annotated[
    list[str],
    typer.Argument(help="One command, or two to compare.", metavar="A [B]"),
]
Repeat = Annotated[int, typer.Option(help="How many turns are taken.", min=2, metavar="N")]
UntilSure = Annotated[
    bool,
    typer.Option(
        "--until-sure",
        help=f"Take turns until CPU time and duration differ, or are known to 1 %; at most "
        f"{_MOST_TURNS}.",
    ),
]
Kept = Annotated[
    pathlib.Path | None,
    typer.Option(
        "-o",
        "--storage",
        help="A folder that keeps the runs, as bench-a-1, ...; by default none does.",
        metavar="FOLDER",
    ),
]
ShowOutput = Annotated[
    bool, typer.Option("--show-output", help="Show what the commands print.")
]


def bench(
    commands: Commands,
    repeat: Repeat = 10,
    until_sure: UntilSure = False,
    storage: Kept = None,
    show_output: ShowOutput = False,
    smallest_effect: SmallestEffect = 0.0,
    json: Json = False,
) -> None:
    """Run commands in turns, and say what they use and whether they differ.

    The first command runs twice a turn: how far it is from itself is the noise of this
    machine, and what is smaller than that is no difference.
    """
    from multimeter.processes.bench import Arm, compare_arms, is_sure, run_turns

    arms = [Arm(name, _words(text)) for name, text in _named(commands)]
    turns = _MOST_TURNS if until_sure else repeat
    smallest = smallest_effect / 100
    with _kept(storage) as folder:
        taken = run_turns(
            arms,
            folder,
            turns,
            lambda: until_sure and is_sure(arms, smallest),
            show_output=show_output,
        )
        for _ in progress(taken, turns, "Turns"):
            pass
    comparisons = compare_arms(arms, smallest)
    if json:
        print_json(_object(commands, arms, comparisons))
    else:
        _print(arms, comparisons)


def _named(commands: Sequence[str]) -> list[tuple[str, str]]:
    if len(commands) > 2:  # noqa: PLR2004 - A and B
        raise ConfigurationError(
            f"These are {len(commands)} commands, and two can be compared.",
            next_step="Quote each command: multimeter bench 'python a.py' 'python b.py'",
        )
    first, *other = commands
    return [("a", first), ("again", first), *(("b", each) for each in other)]


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigurationError(f"'{command}' is no command: {error}.") from error
    if not words:
        raise ConfigurationError("A command is empty.")
    return words


@contextlib.contextmanager
def _kept(folder: pathlib.Path | None) -> Iterator[pathlib.Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="multimeter-") as own:
        yield pathlib.Path(own)


def _print(arms: Sequence[Arm], comparisons: Sequence[Comparison]) -> None:
    first, _, *others = arms
    for letter, arm in zip("AB", (first, *others)):
        typer.echo(printable(f"{letter}  {shlex.join(arm.command)}"))
    typer.echo(f"{len(first.runs)} turns.\n")
    head = ["FIGURE", "A", *(("B", "B-A") if others else ()), "A-A"]
    rows = [_row(each, compared=bool(others)) for each in comparisons]
    print_table(head, rows, numbers=range(1, len(head)))


def _row(each: Comparison, *, compared: bool) -> list[str]:
    cells = [each.title, range_text(each.first, each.unit)]
    if compared:
        cells += [range_text(each.second, each.unit), _change(each)]
    return [*cells, _below(each.noise)]


def _change(each: Comparison) -> str:
    change = each.change
    if change is None or change.value is None:
        return NONE
    if not each.differs:
        return f"none above {_below(change)}"
    span = ""
    if change.low is not None and change.high is not None:
        span = f" ({100 * change.low:+.1f} to {100 * change.high:+.1f})"
    return f"{100 * change.value:+.1f} %{span}"


def _below(change: Estimate | None) -> str:
    share = largest(change)
    return NONE if share is None else f"{100 * share:.1f} %"


def _object(
    commands: Sequence[str], arms: Sequence[Arm], comparisons: Sequence[Comparison]
) -> dict[str, Any]:
    return {
        "version": 1,
        "commands": list(commands),
        "turns": len(arms[0].runs),
        "figures": {
            each.id: {
                "unit": each.unit,
                "a": each.first.to_json(),
                "b": None if each.second is None else each.second.to_json(),
                "change": None if each.change is None else each.change.to_json(),
                "noise": None if each.noise is None else each.noise.to_json(),
                "differs": each.differs,
            }
            for each in comparisons
        },
    }
