"""``multimeter import``: runs in files, brought into the stack."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, List  # noqa: UP035 - as typer reads

import typer

from multimeter.commands.output import is_terminal, say
from multimeter.commands.run_options import Config
from multimeter.errors import FormatError, MultimeterError, StorageError
from multimeter.reports.texts import printable

if TYPE_CHECKING:
    from multimeter.storages.influx import InfluxDBStorage

__all__ = ["import_runs"]

Files = Annotated[
    List[pathlib.Path],  # noqa: UP006
    typer.Argument(help="Files of runs, or folders of such files.", metavar="FILE..."),
]


def import_runs(files: Files, config: Config = None) -> None:
    """Bring runs from files into the stack. Ends with 1 when not all has arrived.

    A run that is there already is replaced point by point: to repeat it is harmless.
    """
    from multimeter.connection import find_connection
    from multimeter.storages.influx import InfluxDBStorage

    stack = find_connection(config)
    storage = InfluxDBStorage(stack.token, stack.url, stack.org, stack.bucket, live=False)
    failed = 0
    paths = list(_files(files))
    with contextlib.closing(storage):
        for path in _progress(paths):
            try:
                say(printable(_store(path, storage)))
            except MultimeterError as error:
                failed += 1
                typer.echo(f"{path} did not arrive: {error}", err=True)
    typer.echo(f"{len(paths) - failed} of {len(paths)} runs are at {stack.url}.")
    if failed or not paths:
        raise typer.Exit(1)


def _store(path: pathlib.Path, storage: InfluxDBStorage) -> str:
    from multimeter.runs.files import load_file

    result = load_file(path)
    if not result.identifier:
        raise FormatError("The run has no identifier, under which it could be found.")
    storage.store(result)
    return f"{result.identifier}: {len(result.times_ns)} points"


def _files(given: Iterable[pathlib.Path]) -> Iterator[pathlib.Path]:
    from multimeter.runs.files import is_run_file

    for path in given:
        try:
            yield from (
                sorted(filter(is_run_file, path.iterdir())) if path.is_dir() else [path]
            )
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error


def _progress(paths: list[pathlib.Path]) -> Iterable[pathlib.Path]:
    if not is_terminal():
        return paths
    from rich.console import Console
    from rich.progress import track

    return track(paths, "Importing", console=Console(stderr=True), transient=True)
