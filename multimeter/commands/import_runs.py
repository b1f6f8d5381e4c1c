"""``multimeter import``: send runs in files to the stack."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from multimeter.commands.options import Config, Precision, TimeUnit
from multimeter.commands.output import is_terminal, say
from multimeter.errors import FormatError, MultimeterError, StorageError
from multimeter.lines.result_encoder import encode_series
from multimeter.reports.texts import printable

if TYPE_CHECKING:
    from multimeter.lines.result_decoder import Run
    from multimeter.storages.influx import InfluxDBStorage

__all__ = ["import_runs"]

Files = Annotated[
    list[pathlib.Path],
    typer.Argument(help="Files of runs, or folders of such files.", metavar="FILE..."),
]


def import_runs(files: Files, config: Config = None, precision: Precision = None) -> None:
    """Send runs in files to the stack. Exits with 1 if some did not arrive.

    A run that is there already is replaced point by point: to repeat it is harmless. A
    file of line protocol may hold several runs.
    """
    from multimeter.connection import find_connection
    from multimeter.storages.influx import InfluxDBStorage

    stack = find_connection(config)
    storage = InfluxDBStorage(stack.token, stack.url, stack.org, stack.bucket, live=False)
    arrived = failed = 0
    with contextlib.closing(storage):
        for path in _progress(list(_files(files))):
            try:
                runs = _load(path, (precision or TimeUnit.NS).value)
            except MultimeterError as error:
                failed += 1
                typer.echo(f"{path} did not arrive: {error}", err=True)
                continue
            for run in runs:
                try:
                    say(printable(_store(run, storage)))
                    arrived += 1
                except MultimeterError as error:
                    failed += 1
                    name = f"{run.result.identifier} in {path}" if len(runs) > 1 else path
                    typer.echo(printable(f"{name} did not arrive: {error}"), err=True)
    typer.echo(f"{arrived} of {arrived + failed} runs are at {stack.url}.")
    if failed or not arrived:
        raise typer.Exit(1)


def _load(path: pathlib.Path, precision: str) -> list[Run]:
    from multimeter.runs.files import load_runs

    runs = load_runs(path, precision)
    if not runs:
        raise FormatError("There is no run in it.")
    if not all(run.result.identifier for run in runs):
        raise FormatError("The run has no identifier, under which it could be found.")
    return runs


def _store(run: Run, storage: InfluxDBStorage) -> str:
    result = run.result
    if run.is_whole:
        storage.store(result)
    else:
        storage.store_lines(encode_series(result, run.about))
    tags = "".join(f",{key}={value}" for key, value in result.tags.items())
    name = result.identifier if run.is_whole else f"{result.identifier}{tags}"
    return f"{name}: {len(result.times_ns)} points"


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
