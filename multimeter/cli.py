"""``multimeter``: the verbs of the library on the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

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


@app.callback()
def _multimeter() -> None:
    """Keep ``deliver`` a word of its own, though it is the only one."""


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
