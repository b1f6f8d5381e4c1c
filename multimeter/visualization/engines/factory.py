"""The engine factory: choose an engine for a new stack, return that of an installed one."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.visualization.config import StackConfig, read_config
from multimeter.visualization.dashboards.user_defined import user_dashboards
from multimeter.visualization.engines.base import Engine
from multimeter.visualization.engines.embedded.engine import (
    EmbeddedEngine,
    describe_embedded,
)
from multimeter.visualization.errors import EngineError
from multimeter.visualization.invocation import command_of
from multimeter.visualization.report import Reporter
from multimeter.visualization.stack_spec import StackSpec

if TYPE_CHECKING:
    from multimeter.visualization.engines.docker.client import Docker

__all__ = ["ENGINES", "describe_stack", "engine_of", "installed_engine"]

ENGINES = ("auto", "docker", "embedded")
"""The engine names that an install accepts."""


def describe_stack(
    config_file: pathlib.Path,
    spec: StackSpec,
    reserved: Mapping[int, str],
    report: Reporter,
) -> StackConfig:
    """Return the configuration of a stack that is not installed yet.

    Args:
        config_file: The path of the configuration.
        spec: The specification. The engine ``auto`` is Docker when one answers and the
            images are present or can be pulled; else embedded.
        reserved: Ports that must not be chosen, each with its user.
        report: Receives a note about the engine that ``auto`` chose, and why.

    Raises:
        EngineError: The engine cannot be used here.
        ConfigurationError: There is no engine of this name.
        VisualizationError: A port or a name is taken.
    """
    if spec.engine_name not in ENGINES:
        raise ConfigurationError(
            f"There is no engine '{spec.engine_name}'.",
            next_step=f"Choose one of {', '.join(ENGINES)}.",
        )
    if spec.engine_name == "embedded" and spec.influxdb_url:
        raise ConfigurationError(
            "The embedded engine shows only its own data.",
            next_step="multimeter-visu install --engine docker --influxdb-url URL",
        )
    if spec.engine_name == "embedded":
        return describe_embedded(config_file, spec, reserved, report)
    # The SDK is slow to import, so only the verbs that need it do.
    from multimeter.visualization.engines.docker.client import Docker
    from multimeter.visualization.engines.docker.request import describe_containers

    if spec.engine_name == "docker" or spec.influxdb_url:
        return describe_containers(config_file, spec, Docker.find(), reserved, report)
    try:
        docker = Docker.find()
        why_not = _why_not_docker(docker, spec)
    except MultimeterError as error:
        why_not = error.what.partition(" Tried:")[0]
    if why_not:
        report.note(f"Engine: embedded. Not Docker: {why_not}")
        return describe_embedded(config_file, spec, reserved, report)
    where = docker.endpoint
    report.note(f"Engine: docker, by {where.found} ({where.host}).")
    return describe_containers(config_file, spec, docker, reserved, report)


def _why_not_docker(docker: Docker, spec: StackSpec) -> str:
    """Return why a stack cannot run in containers, or an empty string."""
    for name in (spec.influxdb_image, spec.grafana_image):
        if docker.image(name) is None and (reason := docker.why_not_pulled(name)):
            return f"the image {name} is not present and cannot be pulled ({reason})."
    return ""


def installed_engine(config_file: pathlib.Path) -> Engine:
    """Return the engine of the stack that is installed under a configuration.

    Raises:
        NotInstalledError: No stack is installed.
        ConfigurationError: The configuration does not describe such a stack.
        EngineError: The engine does not answer, or this version does not support it.
    """
    return engine_of(config_file, read_config(config_file))


def engine_of(config_file: pathlib.Path, config: StackConfig) -> Engine:
    """Return the engine that a stack runs on.

    Raises:
        ConfigurationError: The configuration does not describe such a stack.
        EngineError: The engine does not answer, or this version does not support it.
    """
    try:
        if config.engine == "embedded":
            return EmbeddedEngine(config_file, config)
        if config.engine == "docker":
            from multimeter.visualization.engines.docker.engine import DockerEngine

            return DockerEngine(config_file, config, user_dashboards(config_file))
    except EngineError as error:
        raise EngineError(
            error.what,
            cause="The stack runs on this engine, which is stopped, or may not be used.",
            next_step="Start it (Docker Desktop, or: sudo systemctl start docker), then: "
            + command_of("start", config_file, config.name),
        ) from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, MultimeterError):
            raise
        raise ConfigurationError(
            f"The configuration {config_file} lacks what its engine needs: {error}",
            cause="It was edited.",
            next_step="Correct it, or remove the file and run multimeter-visu install.",
        ) from error
    raise EngineError(
        f"The stack runs on the unknown engine '{config.engine}'.",
        cause="A newer version of Multimeter installed it.",
        next_step="Upgrade Multimeter.",
    )
