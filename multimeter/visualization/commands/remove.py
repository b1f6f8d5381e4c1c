"""``multimeter-visu remove``: remove the stack, with or without its data."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from multimeter.visualization import stack
from multimeter.visualization.config import kept_file
from multimeter.visualization.console import Console
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.options import Config, Json, Name, Yes, config_file_of
from multimeter.visualization.stack_spec import DEFAULT_NAME

__all__ = ["remove", "remove_stack"]

KeepData = Annotated[
    bool, typer.Option("--keep-data", help="Keep the data for a later install.")
]


def remove(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    keep_data: KeepData = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove the stack with all its data."""
    config_file = config_file_of(context, config, name)
    if not yes and config_file.exists():
        what = "but not its data" if keep_data else "and all its data"
        typer.confirm(f"Remove the stack of {config_file}, {what}?", abort=True)
    remove_stack(config_file, Console(as_json=json), keep_data=keep_data)


def remove_stack(
    config_file: pathlib.Path, console: Console, *, keep_data: bool = False
) -> None:
    """Remove the stack, with all its data unless it is kept."""
    with console.errors_reported():
        engine = installed_engine(config_file)
        foreign = stack.remove(engine, console, keep_data=keep_data)
        kept = kept_file(config_file)
        if foreign:
            console.line("Removed. Files that Multimeter did not make stay:")
            for each in foreign:
                console.line(f"  left: {each}")
        elif not keep_data:
            console.line("Removed; nothing is left.")
        elif kept.exists():
            console.line(f"Removed; the data stays, and its secrets are in {kept}.")
        else:
            console.line("Removed; the data stays.")
        console.result(
            {
                "removed": str(config_file),
                "kept_data": keep_data,
                "left": [str(each) for each in foreign],
            }
        )
