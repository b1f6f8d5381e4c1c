"""``multimeter-visu``: the verbs on the command line."""

from __future__ import annotations

import logging
import pathlib
import sys
from collections.abc import Sequence
from typing import Annotated, Optional

import typer

from multimeter import __version__
from multimeter.errors import MissingExtraError
from multimeter.system.standard_streams import OutputError, run_tool
from multimeter.visualization.cli_dashboards import dashboards
from multimeter.visualization.cli_options import (
    Config,
    EngineName,
    GrafanaImage,
    GrafanaPort,
    InfluxdbImage,
    Json,
    Name,
    Port,
    Yes,
    config_file_of,
    console_for,
)
from multimeter.visualization.engines.base import (
    DEFAULT_NAME,
    GRAFANA_PORT,
    WRITE_PORT,
    DockerOptions,
    Request,
)
from multimeter.visualization.extra import naming_the_extra

__all__ = ["app", "main"]

logger = logging.getLogger("multimeter.visualization")

_EPILOG = (
    "Exit codes: 0 done, 1 the output could not be written, 2 wrong usage, 3 status of a"
    " stopped stack, 252 a step failed, 253 not installed, 254 already installed, 255 no"
    " engine."
)

app = typer.Typer(
    help="Set up a place to look at measurements: a server with InfluxDB's write API, and"
    " a page in the browser.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(dashboards, name="dashboard")

_DOCKER = DockerOptions()


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        typer.echo(f"multimeter {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    config: Config = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    context.obj = config


@app.command()
def install(
    context: typer.Context,
    directory: Annotated[
        Optional[pathlib.Path],
        typer.Option("-d", "--dir", help="Where the data goes.", metavar="DIR"),
    ] = None,
    org: Annotated[str, typer.Option("-o", "--org", help="The organisation.")] = "kantai",
    bucket: Annotated[
        str, typer.Option("-b", "--bucket", help="The bucket for measurements.")
    ] = "multimeter",
    config: Config = None,
    engine: EngineName = "auto",
    port: Port = WRITE_PORT,
    grafana_port: GrafanaPort = GRAFANA_PORT,
    name: Name = DEFAULT_NAME,
    influxdb_image: InfluxdbImage = _DOCKER.influxdb_image,
    grafana_image: GrafanaImage = _DOCKER.grafana_image,
    influxdb_url: Annotated[
        str,
        typer.Option(help="Docker: an InfluxDB that runs already; makes Grafana alone."),
    ] = "",
    influxdb_token: Annotated[
        str,
        typer.Option(
            envvar="INFLUXDB_V2_TOKEN",
            show_envvar=True,
            help="A token that may read and write its bucket. Others can see what stands"
            " in a command line: better use the variable.",
        ),
    ] = "",
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Docker: no login to look at Grafana.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(min=1, help="Docker: how many seconds the containers may take."),
    ] = _DOCKER.timeout,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what would be done; do nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Set up a stack with an example in it, and print the link to its page."""
    from multimeter.visualization.verbs import install_stack, show_plan

    options = DockerOptions(
        influxdb_image=influxdb_image,
        grafana_image=grafana_image,
        grafana_port=_asked_for(context, "grafana_port", grafana_port),
        timeout=timeout,
        anonymous=anonymous,
        influxdb_url=influxdb_url,
        # From the environment it may be for something else.
        influxdb_token=influxdb_token if influxdb_url else "",
    )
    folder = directory.expanduser() if directory else None
    config_file = config_file_of(context, config, name)
    asked_port = _asked_for(context, "port", port)
    request = Request(config_file, folder, org, bucket, asked_port, name, options)
    act = show_plan if plan else install_stack
    act(request, engine, console_for(as_json=json))


def _asked_for(context: typer.Context, name: str, port: int) -> int | None:
    """Return a port where it was asked for; None where it is the usual one."""
    source = context.get_parameter_source(name)
    return None if source is not None and source.name == "DEFAULT" else port


@app.command()
def start(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Start the stack."""
    from multimeter.visualization.verbs import start_stack

    start_stack(config_file_of(context, config, name), console_for(as_json=json))


@app.command()
def stop(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Stop the stack; all data stays."""
    from multimeter.visualization.verbs import stop_stack

    stop_stack(config_file_of(context, config, name), console_for(as_json=json))


@app.command()
def remove(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Leave the data, for a later install.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove the stack with all its data."""
    from multimeter.visualization.verbs import remove_stack

    config_file = config_file_of(context, config, name)
    if not yes and config_file.exists():
        what = "but not its data" if keep_data else "and all its data"
        typer.confirm(f"Remove the stack of {config_file}, {what}?", abort=True)
    remove_stack(config_file, console_for(as_json=json), keep_data=keep_data)


@app.command()
def status(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    json: Json = False,
) -> None:
    """Show how the stack is."""
    from multimeter.visualization.verbs import show_status

    show_status(config_file_of(context, config, name), console_for(as_json=json))


@app.command("open")
def open_(
    context: typer.Context,
    run: Annotated[
        Optional[str],
        typer.Argument(
            help="The run to show: its identifier, or a beginning that only one run has;"
            " @latest, or @2 for the run before it.",
            metavar="[RUN]",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    browser: Annotated[bool, typer.Option(help="Open a browser too.")] = True,
    json: Json = False,
) -> None:
    """Print a link to the page, or to one run, and open it in the browser."""
    from multimeter.visualization.verbs import open_page

    console = console_for(as_json=json)
    open_page(config_file_of(context, config, name), run, console, browser=browser)


@app.command()
def demo(
    context: typer.Context,
    run: Annotated[
        Optional[str],
        typer.Argument(
            help="What the run is called; by default after the time.",
            metavar="[RUN]",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long it takes.")
    ] = 10.0,
    browser: Annotated[bool, typer.Option(help="Open a browser too.")] = True,
    json: Json = False,
) -> None:
    """Measure a small training live, to see what a run looks like."""
    from multimeter.visualization.verbs import run_demo

    console = console_for(as_json=json)
    config_file = config_file_of(context, config, name)
    run_demo(config_file, run, console, seconds=seconds, browser=browser)


@app.command()
def logs(
    context: typer.Context,
    service: Annotated[
        Optional[str],
        typer.Argument(
            help="influxdb, grafana or server.", metavar="[SERVICE]", show_default=False
        ),
    ] = None,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    lines: Annotated[
        int, typer.Option("--lines", min=1, help="How many lines of each log.")
    ] = 50,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with what comes.")
    ] = False,
) -> None:
    """Print what the servers have logged."""
    from multimeter.visualization.verbs import show_logs

    console = console_for(as_json=False)
    config_file = config_file_of(context, config, name)
    show_logs(config_file, service, console, lines=lines, follow=follow)


@app.command()
def doctor(
    context: typer.Context,
    config: Config = None,
    engine: EngineName = "auto",
    port: Port = WRITE_PORT,
    grafana_port: GrafanaPort = GRAFANA_PORT,
    name: Name = DEFAULT_NAME,
    influxdb_image: InfluxdbImage = _DOCKER.influxdb_image,
    grafana_image: GrafanaImage = _DOCKER.grafana_image,
    json: Json = False,
) -> None:
    """Look at everything that can go wrong, and say how to mend it.

    Where nothing is installed, it looks at what install would need with these options.
    """
    from multimeter.visualization.verbs import show_doctor

    options = DockerOptions(
        influxdb_image=influxdb_image,
        grafana_image=grafana_image,
        grafana_port=_asked_for(context, "grafana_port", grafana_port),
    )
    config_file = config_file_of(context, config, name)
    asked_port = _asked_for(context, "port", port)
    request = Request(config_file, None, "kantai", "multimeter", asked_port, name, options)
    show_doctor(request, engine, console_for(as_json=json))


@app.command()
def credentials(
    context: typer.Context,
    config: Config = None,
    name: Name = DEFAULT_NAME,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Show every login and token; asks first."""
    from multimeter.visualization.verbs import show_credentials

    config_file = config_file_of(context, config, name)
    if not yes and config_file.exists():
        typer.confirm("Show passwords and tokens on this screen?", abort=True)
    show_credentials(config_file, console_for(as_json=json))


@app.command()
def serve(context: typer.Context, config: Config = None, name: Name = DEFAULT_NAME) -> None:
    """Run the server of an embedded stack in the foreground."""
    from multimeter.visualization.verbs import serve_stack

    serve_stack(config_file_of(context, config, name), console_for(as_json=False))


def main(args: Sequence[str] | None = None) -> None:
    """Run the tool.

    Args:
        args: The words of the command line; by default those of this process.

    Raises:
        SystemExit: It did not succeed; its code is the exit code.
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
        sys.exit(252)
    except Exception as error:  # a person at a terminal is not to be shown a traceback
        logger.debug("Unexpected error.", exc_info=True)
        message = f"Error: something unexpected happened: {type(error).__name__}: {error}"
        sys.stderr.write(f"{message}\nNext: report it, with what you did.\n")
        sys.exit(252)
