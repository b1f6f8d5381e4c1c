"""The tool ``multimeter-visu``: its verbs, each from a file in ``commands``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import typer

from multimeter.errors import MissingExtraError
from multimeter.system.standard_streams import OutputError, run_tool
from multimeter.visualization.commands.credentials import credentials
from multimeter.visualization.commands.dashboard import dashboards
from multimeter.visualization.commands.demo import demo
from multimeter.visualization.commands.doctor import doctor
from multimeter.visualization.commands.install import install
from multimeter.visualization.commands.logs import logs
from multimeter.visualization.commands.open import open_page
from multimeter.visualization.commands.remove import remove
from multimeter.visualization.commands.serve import serve
from multimeter.visualization.commands.start import start
from multimeter.visualization.commands.status import status
from multimeter.visualization.commands.stop import stop
from multimeter.visualization.errors import VisualizationError, naming_the_extra
from multimeter.visualization.options import Config, Version

__all__ = ["app", "main"]

logger = logging.getLogger("multimeter.visualization")

_EPILOG = (
    "Exit codes: 0 done, 1 the output could not be written, 2 wrong usage, 3 status of a"
    " stopped stack, 252 a step failed, 253 not installed, 254 already installed, 255 no"
    " engine."
)

app = typer.Typer(
    help="Set up a stack for measurements: a server with InfluxDB's write API, and"
    " a page in the browser.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(install)
app.command()(start)
app.command()(stop)
app.command()(remove)
app.command()(status)
app.command("open")(open_page)
app.command()(demo)
app.command()(logs)
app.command()(doctor)
app.command()(credentials)
app.command()(serve)
app.add_typer(dashboards, name="dashboard")


@app.callback()
def _options(
    context: typer.Context,
    config: Config = None,
    version: Version = False,  # noqa: ARG001, FBT002 - handled by its callback
) -> None:
    context.obj = config


def main(args: Sequence[str] | None = None) -> None:
    """Run the tool.

    Args:
        args: The command line; by default that of this process.

    Raises:
        SystemExit: The command failed; the code is the exit code.
    """
    code = run_tool(lambda: _run(args))
    if code:
        sys.exit(code)


def _run(args: Sequence[str] | None) -> None:
    try:
        with naming_the_extra():
            app(args)
    except OutputError:
        raise
    except MissingExtraError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(VisualizationError.exit_code)
    except Exception as error:  # users see a message, not a traceback
        logger.debug("Unexpected error.", exc_info=True)
        message = f"Error: an unexpected error occurred: {type(error).__name__}: {error}"
        sys.stderr.write(f"{message}\nNext: report it, with the command that you ran.\n")
        sys.exit(VisualizationError.exit_code)
