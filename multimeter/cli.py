"""``multimeter``: the verbs of the library on the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from multimeter.commands import attach, bench, run
from multimeter.commands.compare import compare
from multimeter.commands.deliver import deliver
from multimeter.commands.export import export
from multimeter.commands.gate import gate
from multimeter.commands.import_runs import import_runs
from multimeter.commands.ls import ls
from multimeter.commands.options import Version
from multimeter.commands.selftest import selftest
from multimeter.commands.show import show
from multimeter.errors import MultimeterError
from multimeter.system.log import log
from multimeter.system.standard_streams import OutputError, run_tool

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
app.command(epilog=bench.EPILOG)(bench.bench)
app.command()(ls)
app.command()(show)
app.command()(compare)
app.command()(export)
app.command("import")(import_runs)
app.command()(gate)
app.command()(deliver)
app.command()(selftest)


@app.callback()
def _multimeter(version: Version = False) -> None:  # noqa: FBT002 - a switch
    """Take the options that no verb has."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the tool ``multimeter``.

    Args:
        args: The words of the command line; by default those of this process.

    Raises:
        SystemExit: Always; its code is the exit code.
    """
    sys.exit(run_tool(lambda: _run(args if args is None else list(args))))


def _run(args: list[str] | None) -> None:
    try:
        app(args)
    except MultimeterError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except OutputError:
        raise
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        log().debug("Unexpected error.", exc_info=True)
        typer.echo(
            f"Something unexpected happened: {type(error).__name__}: {error}\n"
            "Next: report it, with what you did.",
            err=True,
        )
        sys.exit(1)
