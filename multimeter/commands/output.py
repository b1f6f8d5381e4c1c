"""The output of the commands: tables, JSON, files; names without control characters."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from multimeter.data.values import json_value
from multimeter.errors import StorageError
from multimeter.reports.texts import printable
from multimeter.system.durable import replacement
from multimeter.system.standard_streams import OutputError

__all__ = [
    "can_draw",
    "is_terminal",
    "print_json",
    "print_table",
    "replace_file",
    "say",
    "width",
]


_GAP = 2


def is_terminal() -> bool:
    """Return whether the output is a terminal."""
    return sys.stdout.isatty()


def width() -> int:
    """Return the width of the terminal, in columns."""
    return shutil.get_terminal_size().columns


def can_draw() -> bool:
    """Return whether the output can show braille dots."""
    try:
        "\u28ff".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def say(text: str) -> None:
    """Print progress; a broken output does not stop the work."""
    with contextlib.suppress(OutputError):
        typer.echo(text)


def print_json(value: Any) -> None:
    """Print one object; NaN and infinity in it become null."""
    typer.echo(json.dumps(json_value(value), indent=2, allow_nan=False))


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    spare: int = 0,
) -> None:
    """Print a table: on a terminal fitted to its width, elsewhere in plain lines.

    Args:
        head: The titles of the columns.
        rows: The rows.
        numbers: Which columns are put to the right, from 0.
        spare: How many of the last columns may be left out where a terminal is narrow.
    """
    shown = [[printable(cell) for cell in row] for row in rows]
    if is_terminal():
        kept = _fitting(head, shown, spare)
        _print_fitted(head[:kept], [row[:kept] for row in shown], numbers)
        return
    widths = [max(map(len, column)) for column in zip(head, *shown)]
    for row in (head, *shown):
        cells = (
            cell.rjust(wide) if number in numbers else cell.ljust(wide)
            for number, (cell, wide) in enumerate(zip(row, widths))
        )
        typer.echo("  ".join(cells).rstrip())


def _fitting(head: Sequence[str], rows: Sequence[Sequence[str]], spare: int) -> int:
    """Return how many columns fit on the terminal without a break in a line."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    kept = len(head)
    while kept > len(head) - spare and sum(widths[:kept]) + _GAP * (kept - 1) > width():
        kept -= 1
    return kept


def _print_fitted(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, title in enumerate(head):
        table.add_column(
            Text(title),
            justify="right" if number in numbers else "left",
            no_wrap=number in numbers,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False, markup=False).print(table)


def replace_file(path: pathlib.Path, write: Callable[[pathlib.Path], None]) -> None:
    """Write a file beside its place, and move it there when it is complete.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        with replacement(path) as draft:
            write(draft)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}",
            cause="The folder is not there or cannot be written, or the disk is full.",
        ) from error
