"""``multimeter rm``: remove runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from multimeter.commands.options import Config, Folder, Yes, find
from multimeter.errors import ConfigurationError
from multimeter.reports.texts import printable

if TYPE_CHECKING:
    from multimeter.runs.source import RunEntry

__all__ = ["rm"]

Runs = Annotated[
    list[str],
    typer.Argument(
        help="The path of a file; an identifier, all of it; @latest, NAME@latest, ...",
        metavar="RUN...",
    ),
]


def rm(runs: Runs, yes: Yes = False, folder: Folder = None, config: Config = None) -> None:
    """Remove runs for good: files, or points, marks and entries in the stack.

    A name is looked for in the folder first, then in the stack. A run that goes on is not
    removed.
    """
    found = [find(word, folder, config) for word in dict.fromkeys(runs)]
    # The same run may have been named twice, as a file and by its name.
    chosen = {(entry.where, entry.identifier, entry.id): (s, entry) for s, entry in found}
    for _, entry in chosen.values():
        _require_ended(entry)
    if not yes:
        _ask([entry for _, entry in chosen.values()])
    for source, entry in chosen.values():
        source.remove(entry)
        typer.echo(printable(f"Removed: {entry.identifier} ({entry.where})"))


def _require_ended(entry: RunEntry) -> None:
    if entry.state == "live":
        raise ConfigurationError(
            f"'{entry.identifier}' goes on: its next points would bring it back.",
            next_step="End its program, or wait until it has ended.",
        )


def _ask(entries: list[RunEntry]) -> None:
    for entry in entries:
        typer.echo(printable(f"{entry.identifier} ({entry.where})"))
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "Nothing was removed: the input is no terminal, so nothing can be asked.",
            next_step="Add --yes",
        )
    what = "this run" if len(entries) == 1 else f"these {len(entries)} runs"
    typer.confirm(f"Remove {what} for good?", abort=True)
