"""``multimeter export``: write a run in another format."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from multimeter.commands.options import Config, Folder, Precision, Run, load
from multimeter.commands.output import replace_file
from multimeter.errors import ConfigurationError

if TYPE_CHECKING:
    from multimeter.result import Result
    from multimeter.storages.formats import FileFormat

__all__ = ["Form", "export"]


class Form(str, Enum):
    """The formats of an export."""

    CSV = "csv"
    JSON = "json"
    LINE = "line"
    PARQUET = "parquet"


Format = Annotated[
    Form | None,
    typer.Option("--format", help="By default that of the file's suffix, or csv."),
]
Output = Annotated[
    pathlib.Path | None,
    typer.Option(
        "-o", "--output", help="The file; by default the standard output.", metavar="FILE"
    ),
]


def export(
    run: Run,
    output: Output = None,
    form: Format = None,
    folder: Folder = None,
    config: Config = None,
    precision: Precision = None,
) -> None:
    """Write a run as CSV, JSON, line protocol or Parquet.

    JSON, line protocol and Parquet hold all of it, CSV the points.
    """
    form = form or _form_of(output)
    if form is Form.PARQUET and output is None:
        raise ConfigurationError(
            "Parquet needs a file.", next_step=f"multimeter export {run} -o {run}.parquet"
        )
    result = load(run, folder, config, precision)
    if output is None:
        _file_format(form).save_result_to_stream(result, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        replace_file(output, lambda draft: _write(result, form, draft))


def _form_of(path: pathlib.Path | None) -> Form:
    if path is None or not path.suffix:
        return Form.CSV
    endings = {f".{each.value}": each for each in Form}
    if path.suffix.lower() not in endings:
        raise ConfigurationError(
            f"A run cannot be exported to '{path.name}': '{path.suffix}' is not a known "
            "format.",
            next_step=f"Use a file name that ends in {', '.join(endings)}, or choose the "
            "format with --format.",
        )
    return endings[path.suffix.lower()]


def _write(result: Result, form: Form, path: pathlib.Path) -> None:
    if form is Form.PARQUET:
        from multimeter.exports.parquet import write_parquet

        write_parquet(result, path)
        return
    with path.open("xb") as stream:
        _file_format(form).save_result_to_stream(result, stream)


def _file_format(form: Form) -> FileFormat:
    from multimeter.exports.csv_format import CsvFormat
    from multimeter.storages.json_format import JsonFormat
    from multimeter.storages.line_format import LineFormat

    formats: dict[Form, Callable[[], FileFormat]] = {
        Form.CSV: CsvFormat,
        Form.JSON: JsonFormat,
        Form.LINE: LineFormat,
    }
    return formats[form]()
