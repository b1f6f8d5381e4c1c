"""``multimeter``: the verbs of the library on the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from multimeter import __version__
from multimeter.commands import attach, run
from multimeter.commands.compare import compare
from multimeter.commands.deliver import deliver
from multimeter.commands.export import export
from multimeter.commands.gate import gate
from multimeter.commands.import_runs import import_runs
from multimeter.commands.ls import ls
from multimeter.commands.show import show
from multimeter.errors import MultimeterError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Measure what code uses, and bring what was measured where it belongs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# What follows the command belongs to the command, whatever it looks like.
_COMMAND = {"allow_interspersed_args": False}
app.command(epilog=run.EPILOG, context_settings=_COMMAND)(run.run)
app.command(epilog=attach.EPILOG)(attach.attach)
app.command()(ls)
app.command()(show)
app.command()(compare)
app.command()(export)
app.command("import")(import_runs)
app.command()(gate)
app.command()(deliver)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        typer.echo(f"multimeter {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: FBT002 - its callback has done it all
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version, and end.",
        ),
    ] = False,
) -> None:
    pass


def main(args: Sequence[str] | None = None) -> None:
    """Run the tool ``multimeter``.

    Args:
        args: The words of the command line; by default those of this process.

    Raises:
        SystemExit: It did not succeed; its code is the exit code.
    """
    try:
        app(args if args is None else list(args))
    except MultimeterError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
