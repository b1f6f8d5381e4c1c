"""``multimeter-visu``: the verbs on the command line."""

from __future__ import annotations

import logging
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from multimeter.connection import default_config_file

if TYPE_CHECKING:
    from multimeter.visualization.console import Console

__all__ = ["app", "main"]

logger = logging.getLogger("multimeter.visualization")

_EPILOG = (
    "Exit codes: 0 done, 2 wrong usage, 3 status of a stopped stack, 252 a step failed,"
    " 253 not installed, 254 already installed, 255 no engine."
)

app = typer.Typer(
    help="Set up a place to look at measurements: a server with InfluxDB's write API, and"
    " a page in the browser.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

# typer reads these annotations when the module runs, on every Python from 3.10 on.
Config = Annotated[
    Optional[pathlib.Path],  # noqa: UP045
    typer.Option(
        "-c", "--config", help="The file that describes the stack.", metavar="FILE"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _options(context: typer.Context, config: Config = None) -> None:
    context.obj = config


def _config_file(context: typer.Context, config: pathlib.Path | None) -> pathlib.Path:
    chosen = config or context.obj or default_config_file()
    return pathlib.Path(chosen).expanduser().absolute()


def _console(*, as_json: bool) -> Console:
    from multimeter.visualization.console import Console

    return Console(as_json=as_json)


@app.command()
def install(
    context: typer.Context,
    directory: Annotated[
        Optional[pathlib.Path],  # noqa: UP045
        typer.Option("-d", "--dir", help="Where the data goes.", metavar="DIR"),
    ] = None,
    org: Annotated[str, typer.Option("-o", "--org", help="The organisation.")] = "kantai",
    bucket: Annotated[
        str, typer.Option("-b", "--bucket", help="The bucket for measurements.")
    ] = "multimeter",
    config: Config = None,
    engine: Annotated[
        str, typer.Option(help="auto, docker or embedded.", metavar="ENGINE")
    ] = "auto",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.")
    ] = 8086,
    json: Json = False,  # noqa: FBT002
) -> None:
    """Set up a stack with an example in it, and print the link to its page."""
    from multimeter.visualization.engines.base import Request
    from multimeter.visualization.verbs import install_stack

    folder = directory.expanduser() if directory else None
    request = Request(_config_file(context, config), folder, org, bucket, port)
    install_stack(request, engine, _console(as_json=json))


@app.command()
def start(context: typer.Context, config: Config = None, json: Json = False) -> None:  # noqa: FBT002
    """Start the stack."""
    from multimeter.visualization.verbs import start_stack

    start_stack(_config_file(context, config), _console(as_json=json))


@app.command()
def stop(context: typer.Context, config: Config = None, json: Json = False) -> None:  # noqa: FBT002
    """Stop the stack; all data stays."""
    from multimeter.visualization.verbs import stop_stack

    stop_stack(_config_file(context, config), _console(as_json=json))


@app.command()
def remove(
    context: typer.Context,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002
) -> None:
    """Remove the stack with all its data."""
    from multimeter.visualization.verbs import remove_stack

    config_file = _config_file(context, config)
    if not yes and config_file.exists():
        typer.confirm(f"Remove the stack of {config_file} and all its data?", abort=True)
    remove_stack(config_file, _console(as_json=json))


@app.command()
def status(context: typer.Context, config: Config = None, json: Json = False) -> None:  # noqa: FBT002
    """Show how the stack is."""
    from multimeter.visualization.verbs import show_status

    show_status(_config_file(context, config), _console(as_json=json))


@app.command("open")
def open_(
    context: typer.Context,
    run: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="The run to show.", metavar="[RUN]", show_default=False),
    ] = None,
    config: Config = None,
    browser: Annotated[bool, typer.Option(help="Open a browser too.")] = True,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002
) -> None:
    """Print a link with a login, and open it in the browser."""
    from multimeter.visualization.verbs import open_page

    console = _console(as_json=json)
    open_page(_config_file(context, config), run, console, browser=browser)


@app.command()
def serve(context: typer.Context, config: Config = None) -> None:
    """Run the server of an embedded stack in the foreground."""
    from multimeter.visualization.verbs import serve_stack

    serve_stack(_config_file(context, config), _console(as_json=False))


def main(args: Sequence[str] | None = None) -> None:
    """Run the tool.

    Args:
        args: The words of the command line; by default those of this process.
    """
    try:
        app(args)
    except SystemExit as ended:
        if ended.code:
            raise
    except Exception as error:  # a person at a terminal is not to be shown a traceback
        logger.debug("Unexpected error.", exc_info=True)
        message = f"Error: something unexpected happened: {type(error).__name__}: {error}"
        sys.stderr.write(f"{message}\nNext: report it, with what you did.\n")
        sys.exit(252)
