"""``multimeter-visu doctor``: check everything that can go wrong with a stack."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import stat
import sys
from collections.abc import Iterator

import typer

from multimeter.errors import MultimeterError
from multimeter.visualization.config import StackConfig, read_config
from multimeter.visualization.console import Console
from multimeter.visualization.engines.factory import engine_of
from multimeter.visualization.errors import NotInstalledError, VisualizationError
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
from multimeter.visualization.ports import reserved_ports
from multimeter.visualization.report import Check
from multimeter.visualization.stack_spec import StackSpec

__all__ = ["diagnose", "doctor"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def doctor(
    context: typer.Context,
    config: Config = None,
    engine: EngineName = StackSpec.engine_name,
    port: Port = None,
    grafana_port: GrafanaPort = None,
    name: Name = StackSpec.name,
    influxdb_image: InfluxdbImage = StackSpec.influxdb_image,
    grafana_image: GrafanaImage = StackSpec.grafana_image,
    json: Json = False,
) -> None:
    """Check everything that can go wrong, and show remedies.

    If nothing is installed, it checks what install would need with these options.
    """
    spec = StackSpec(
        name=name,
        engine_name=engine,
        port=port,
        grafana_port=grafana_port,
        influxdb_image=influxdb_image,
        grafana_image=grafana_image,
    )
    console = Console(as_json=json)
    with console.errors_reported():
        checks = []
        for each in diagnose(config_file_of(context, config, name), spec):
            checks.append(each)
            console.check(each)
        wrong = [each for each in checks if each.ok is False]
        console.line()
        console.line(f"{len(wrong)} failed." if wrong else "All checks passed.")
        console.result({"checks": [dataclasses.asdict(each) for each in checks]})
    if wrong:
        sys.exit(VisualizationError.exit_code)


def diagnose(config_file: pathlib.Path, spec: StackSpec) -> Iterator[Check]:
    """Check a stack, or if there is none, what an install would need.

    Args:
        config_file: The path of its configuration.
        spec: The specification of an install.
    """
    try:
        config = read_config(config_file, mend=False)
    except NotInstalledError:
        yield Check("configuration", None, f"nothing is installed ({config_file})")
        # The SDK is slow to import, so only this check does.
        from multimeter.visualization.engines.docker.doctor import diagnose_before

        yield from diagnose_before(spec, reserved_ports(config_file))
        return
    except MultimeterError as error:
        yield Check("configuration", False, error.what, error.next_step)
        return
    yield from _check_file(config_file, config)
    try:
        yield from engine_of(config_file, config).diagnose()
    except MultimeterError as error:
        yield Check("engine", False, error.what, error.next_step)


def _check_file(path: pathlib.Path, config: StackConfig) -> Iterator[Check]:
    if config.installing:
        detail = f"the install of {path} was interrupted"
        yield Check("configuration", False, detail, "multimeter-visu install")
    elif os.name == "posix" and path.stat().st_mode & _OTHERS:
        detail = f"other users can read the secrets in {path}"
        yield Check("configuration", False, detail, f"chmod 600 {path}")
    else:
        yield Check("configuration", True, f"{path}, engine {config.engine}")
