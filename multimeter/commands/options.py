"""Options of several commands, in both tools, and what they resolve to."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from multimeter.errors import ConfigurationError

if TYPE_CHECKING:
    from multimeter.result import Result
    from multimeter.runs.source import RunEntry, RunSource

__all__ = [
    "Config",
    "Folder",
    "Json",
    "Precision",
    "Run",
    "SmallestEffect",
    "TimeUnit",
    "Version",
    "Yes",
    "existing_folder",
    "find",
    "load",
    "load_all",
    "sources_of",
]


class TimeUnit(str, Enum):
    """The unit of a time."""

    NS = "ns"
    US = "us"
    MS = "ms"
    S = "s"


RUN_HELP = (
    "The path of a file; an identifier, or a beginning that only one run has; @latest, "
    "or @2 for the run before it; NAME@latest, NAME@2, NAME@-1 among those of a name."
)
RUNS_HELP = f"{RUN_HELP} NAME@last5 for the last five runs of a name."

# typer reads these annotations when the module runs, on every Python from 3.10 on.
Run = Annotated[str, typer.Argument(help=RUN_HELP, metavar="RUN")]
Folder = Annotated[
    pathlib.Path | None,
    typer.Option(
        help="Where files of runs are; by default ~/.multimeter/runs.", metavar="FOLDER"
    ),
]
Config = Annotated[
    pathlib.Path | None,
    typer.Option(
        "-c", "--config", help="The file that describes the stack.", metavar="FILE"
    ),
]
Precision = Annotated[
    TimeUnit | None,
    typer.Option(help="The unit of times in a file of line protocol; by default ns."),
]
SmallestEffect = Annotated[
    float,
    typer.Option(
        help="The smallest difference that matters, in per cent of the first; what is "
        "surely below it is no difference.",
        min=0,
        metavar="PERCENT",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        from multimeter import __version__

        typer.echo(f"multimeter {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version.", is_eager=True, callback=_print_version
    ),
]


def sources_of(folder: pathlib.Path | None, config: pathlib.Path | None) -> list[RunSource]:
    """Return the folder of runs, and the stack if there is one.

    A configuration that cannot be used is no reason not to look into the folder, unless
    it was named: it is a source without runs that reports the error.

    Raises:
        ConfigurationError: The configuration that was named cannot be used.
        typer.BadParameter: The folder that was named is not there.
    """
    from multimeter.runs.files import Folder as FolderSource
    from multimeter.runs.source import Unusable
    from multimeter.runs.stack import find_stack
    from multimeter.storages.file import runs_folder

    path = existing_folder(folder, "--folder") or runs_folder()
    sources: list[RunSource] = [FolderSource(path)]
    try:
        stack = find_stack(config)
    except ConfigurationError as error:
        if config is not None:
            raise
        return [*sources, Unusable(error)]
    return sources if stack is None else [*sources, stack]


def existing_folder(folder: pathlib.Path | None, option: str) -> pathlib.Path | None:
    """Return a folder that was named; None if none was.

    Raises:
        typer.BadParameter: It is not there: a misspelt name must not pass for an empty
            folder.
    """
    if folder is None:
        return None
    path = pathlib.Path(os.path.expanduser(folder))  # noqa: PTH111 - it raises nothing
    if not os.path.isdir(path):  # noqa: PTH112 - nor does this
        what = "is no folder" if os.path.lexists(path) else "is not there"
        raise typer.BadParameter(f"{folder} {what}.", param_hint=option)
    return path


def load(
    word: str,
    folder: pathlib.Path | None,
    config: pathlib.Path | None,
    precision: TimeUnit | None = None,
) -> Result:
    """Return the run that an argument names; see :mod:`multimeter.runs.lookup`.

    Raises:
        MultimeterError: There is no such run, or it cannot be read.
    """
    from multimeter.runs.lookup import load_run

    unit = (precision or TimeUnit.NS).value
    return load_run(word, lambda: sources_of(folder, config), _warn, unit)


def find(
    word: str, folder: pathlib.Path | None, config: pathlib.Path | None
) -> tuple[RunSource, RunEntry]:
    """Return where the run is that an argument names, and what is known of it.

    Raises:
        MultimeterError: There is no such run.
    """
    from multimeter.runs.lookup import find_run

    return find_run(word, lambda: sources_of(folder, config), _warn)


def load_all(
    words: Sequence[str],
    folder: pathlib.Path | None,
    config: pathlib.Path | None,
    precision: TimeUnit | None = None,
) -> list[Result]:
    """Return the runs that some words name, each of which may name several.

    Raises:
        MultimeterError: There is no such run, or it cannot be read.
    """
    from multimeter.runs.lookup import load_runs

    unit = (precision or TimeUnit.NS).value
    return [
        result
        for word in words
        for result in load_runs(word, lambda: sources_of(folder, config), _warn, unit)
    ]


def _warn(what: str) -> None:
    typer.echo(f"Note: {what}", err=True)
