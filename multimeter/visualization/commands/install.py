"""``multimeter-visu install``: install a stack, and print the link to its page."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from multimeter.connection import default_config_file
from multimeter.visualization import stack
from multimeter.visualization.browser import print_links
from multimeter.visualization.console import Console, exit_on_sigterm
from multimeter.visualization.invocation import typed
from multimeter.visualization.options import (
    Config,
    EngineName,
    GrafanaImage,
    GrafanaPort,
    InfluxdbImage,
    Json,
    Name,
    Port,
    config_file_of,
)
from multimeter.visualization.plan import describe
from multimeter.visualization.stack_spec import StackSpec

__all__ = ["install", "install_stack", "show_plan", "snippet"]

Directory = Annotated[
    pathlib.Path | None,
    typer.Option("-d", "--dir", help="The folder for the data.", metavar="DIR"),
]
Org = Annotated[str, typer.Option("-o", "--org", help="The organisation.")]
Bucket = Annotated[str, typer.Option("-b", "--bucket", help="The bucket for measurements.")]
InfluxdbUrl = Annotated[
    str,
    typer.Option(help="Docker: an existing InfluxDB; installs only Grafana."),
]
InfluxdbToken = Annotated[
    str,
    typer.Option(
        envvar="INFLUXDB_V2_TOKEN",
        show_envvar=True,
        help="A token that may read and write its bucket. Other users can see the command"
        " line: better use the variable.",
    ),
]
Anonymous = Annotated[
    bool, typer.Option("--anonymous", help="Docker: view Grafana without a login.")
]
Timeout = Annotated[
    float,
    typer.Option(min=1, help="Docker: the maximum wait for the containers, in seconds."),
]
Plan = Annotated[bool, typer.Option("--plan", help="Print the steps without doing them.")]

_SNIPPET = """\
from multimeter import InfluxDBStorage, Multimeter, ResourceProbe
from multimeter.connection import find_connection

storage = InfluxDBStorage.from_stack({config})
multimeter = Multimeter(ResourceProbe(), cycle_time=0.1, storage=storage)
measurement = multimeter.measure("my-run", who="me")
with measurement:
    numbers = [number**0.5 for number in range(10_000_000)]
    measurement.add_mark("numbers are there")
    total = sum(number * number for number in numbers)
print("Look at", find_connection({config}).page_of(measurement.identifier))
"""


def install(
    context: typer.Context,
    directory: Directory = None,
    org: Org = StackSpec.org,
    bucket: Bucket = StackSpec.bucket,
    config: Config = None,
    engine: EngineName = StackSpec.engine_name,
    port: Port = None,
    grafana_port: GrafanaPort = None,
    name: Name = StackSpec.name,
    influxdb_image: InfluxdbImage = StackSpec.influxdb_image,
    grafana_image: GrafanaImage = StackSpec.grafana_image,
    influxdb_url: InfluxdbUrl = "",
    influxdb_token: InfluxdbToken = "",
    anonymous: Anonymous = False,
    timeout: Timeout = StackSpec.timeout,
    plan: Plan = False,
    json: Json = False,
) -> None:
    """Install a stack with an example, and print the link to its page."""
    spec = StackSpec(
        name=name,
        engine_name=engine,
        org=org,
        bucket=bucket,
        directory=str(directory.expanduser()) if directory else "",
        port=port,
        grafana_port=grafana_port,
        influxdb_image=influxdb_image,
        grafana_image=grafana_image,
        timeout=timeout,
        anonymous=anonymous,
        influxdb_url=influxdb_url,
        # From the environment it may be for another InfluxDB.
        influxdb_token=influxdb_token if influxdb_url else "",
    )
    act = show_plan if plan else install_stack
    act(config_file_of(context, config, name), spec, Console(as_json=json))


def install_stack(config_file: pathlib.Path, spec: StackSpec, console: Console) -> None:
    """Install a stack, and print the link to the example and how to send a run."""
    exit_on_sigterm()
    with console.errors_reported():
        installed = stack.install(config_file, spec, console)
        config = installed.config
        code = snippet(None if config_file == default_config_file() else config_file)
        console.line()
        console.heading("Multimeter is ready. Look at the example:")
        console.line()
        print_links(installed.links, console)
        console.line()
        console.heading(f"Send your own run, with {typed('python')}:")
        console.line()
        console.line("\n".join(f"    {line}" if line else "" for line in code.splitlines()))
        console.result(
            {
                "engine": config.engine,
                "config": str(config_file),
                "url": config.url,
                "org": config.org,
                "bucket": config.bucket,
                "page": installed.links.page,
                "login": installed.links.login,
                "notes": console.notes,
                "python": code,
            }
        )


def show_plan(config_file: pathlib.Path, spec: StackSpec, console: Console) -> None:
    """Print the steps of an install, without doing them."""
    with console.errors_reported():
        steps = stack.plan(config_file, spec, console)
        for step in steps:
            console.line(f"  {describe([step])}")
        console.line("Nothing was done." if steps else "There is nothing to do.")
        notes = {"notes": console.notes} if console.notes else {}
        console.result({"steps": [describe([step]) for step in steps], **notes})


def snippet(config_file: pathlib.Path | None) -> str:
    """Return Python code that measures something, stores it and prints its link.

    Args:
        config_file: The configuration of the stack; None for the default one.
    """
    return _SNIPPET.format(config="" if config_file is None else repr(str(config_file)))
