"""Which engine a stack runs on."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.visualization.config import StackConfig
from multimeter.visualization.dashboards.own_files import own_dashboards
from multimeter.visualization.engines.base import Engine, Request
from multimeter.visualization.engines.embedded import EmbeddedEngine
from multimeter.visualization.errors import EngineError
from multimeter.visualization.invocation import command_of
from multimeter.visualization.report import Reporter

if TYPE_CHECKING:
    from multimeter.visualization.engines.docker.client import Docker

__all__ = ["ENGINES", "describe_stack", "engine_of", "why_not_docker"]

ENGINES = ("auto", "docker", "embedded")
"""What can be asked for."""


def describe_stack(engine: str, request: Request, report: Reporter) -> StackConfig:
    """Return the configuration of a stack that is still to be made.

    Args:
        engine: One of :data:`ENGINES`. ``auto`` is Docker when an engine answers and the
            images are there or can be had; else embedded.
        request: What is asked for.
        report: Who is told which one ``auto`` is, and why.

    Raises:
        EngineError: The engine cannot be used here.
        ConfigurationError: There is no engine of this name.
        VisualizationError: A port or a name is taken.
    """
    if engine not in ENGINES:
        raise ConfigurationError(
            f"There is no engine '{engine}'.",
            next_step=f"Choose one of {', '.join(ENGINES)}.",
        )
    if engine == "embedded" and request.docker.influxdb_url:
        raise ConfigurationError(
            "The embedded engine shows its own data only.",
            next_step="multimeter-visu install --engine docker --influxdb-url URL",
        )
    if engine == "embedded":
        return EmbeddedEngine.describe(request, report)
    # The SDK takes a while to import, which no other verb should have to wait for.
    from multimeter.visualization.engines.docker.client import Docker
    from multimeter.visualization.engines.docker.request import describe_containers

    if engine == "docker" or request.docker.influxdb_url:
        return describe_containers(request, Docker.find(), report)
    try:
        docker = Docker.find()
        why_not = why_not_docker(docker, request)
    except MultimeterError as error:
        why_not = error.what.partition(" Tried:")[0]
    if why_not:
        report.note(f"Engine: embedded. Not Docker: {why_not}")
        return EmbeddedEngine.describe(request, report)
    where = docker.endpoint
    report.note(f"Engine: docker, by {where.found} ({where.host}).")
    return describe_containers(request, docker, report)


def why_not_docker(docker: Docker, request: Request) -> str:
    """Return why a stack cannot be had in containers, or nothing."""
    for name in (request.docker.influxdb_image, request.docker.grafana_image):
        if docker.image(name) is None and (reason := docker.why_not_pulled(name)):
            return f"the image {name} is not here and cannot be pulled ({reason})."
    return ""


def engine_of(config_file: pathlib.Path, config: StackConfig) -> Engine:
    """Return the engine that an installed stack runs on.

    Raises:
        ConfigurationError: The configuration does not describe such a stack.
        EngineError: The engine does not answer, or is not known here.
    """
    try:
        if config.engine == "embedded":
            return EmbeddedEngine(config_file, config)
        if config.engine == "docker":
            from multimeter.visualization.engines.docker.engine import DockerEngine

            return DockerEngine(config_file, config, own_dashboards(config_file))
    except EngineError as error:
        raise EngineError(
            error.what,
            cause="The stack is in this engine, which is not started, or not yours to use.",
            next_step="Start it (Docker Desktop, or: sudo systemctl start docker), then: "
            + command_of("start", config_file, config.name),
        ) from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, MultimeterError):
            raise
        raise ConfigurationError(
            f"The configuration {config_file} lacks what its engine needs: {error}",
            cause="It was edited.",
            next_step="Mend it, or remove the file and run multimeter-visu install.",
        ) from error
    raise EngineError(
        f"The stack runs on the engine '{config.engine}', which is not known here.",
        cause="A newer version of Multimeter installed it.",
        next_step="Upgrade Multimeter.",
    )
