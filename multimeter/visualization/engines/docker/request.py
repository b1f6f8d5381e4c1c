"""A request for a stack in containers: checked, before anything is made."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import secrets
from collections.abc import Mapping

from multimeter.errors import ConfigurationError
from multimeter.http.server_url import checked_server_url
from multimeter.system.private import require_own_folder
from multimeter.visualization.config import (
    StackConfig,
    kept_file,
    missing_folders,
    read_kept,
)
from multimeter.visualization.embedded.ports import choose_port, require_free
from multimeter.visualization.engines.base import (
    GRAFANA_PORT,
    WRITE_PORT,
    Request,
    reserved_ports,
)
from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.engines.docker.influxdb import InfluxDB, wrong_version_error
from multimeter.visualization.engines.docker.settings import PENDING, Settings
from multimeter.visualization.engines.docker.spec import (
    HOST,
    INSTALL_LABEL,
    STACK_LABEL,
    Container,
    desired_containers,
    network_name,
)
from multimeter.visualization.engines.resources import read_labels
from multimeter.visualization.errors import (
    ForeignDataError,
    PortTakenError,
    VisualizationError,
)
from multimeter.visualization.report import Reporter

__all__ = ["describe_containers"]

_OTHER_VERSION = re.compile(r"(?:^|/)influxdb:([13])\b")


def describe_containers(request: Request, docker: Docker, report: Reporter) -> StackConfig:
    """Return the configuration of a stack that is still to be made.

    Args:
        request: What is asked for.
        docker: The engine.
        report: Who is told of ports that are not the usual ones, and why.

    Raises:
        ConfigurationError: What is asked for cannot be used.
        PortTakenError: Another program listens on a port.
        VisualizationError: Something of the same name is there, and is not ours.
    """
    _require_usable(request)
    influxdb_port, grafana_port = _ports(request, docker, report)
    settings = _settings(request, docker, influxdb_port, grafana_port)
    kept = _kept(request)
    if kept:
        before = Settings.from_state(kept.engine_state)
        settings = dataclasses.replace(
            settings,
            operator_token=before.operator_token,
            influxdb_password=before.influxdb_password,
            grafana_password=before.grafana_password,
            made_folders=settings.made_folders or before.made_folders,
        )
    containers = desired_containers(request.name, settings, "")
    _require_unused_names(request.name, containers, docker)
    adopted = _adopted(request.name, containers, docker)
    if docker.is_local:
        for each in containers:
            _require_free(each)
    settings = dataclasses.replace(settings, adopted=adopted)
    token, read_token = (kept.token, kept.read_token) if kept else (PENDING, PENDING)
    external = request.docker.influxdb_token
    return StackConfig(
        name=request.name,
        engine="docker",
        url=settings.influxdb_url or f"http://{HOST}:{settings.influxdb_port}",
        org=request.org,
        bucket=request.bucket,
        token=external or token,
        read_token=external or read_token,
        page=f"http://{HOST}:{settings.grafana_port}",
        engine_state=settings.to_state(),
    )


def _require_usable(request: Request) -> None:
    if wrong := _OTHER_VERSION.search(request.docker.influxdb_image):
        raise wrong_version_error(wrong[1])
    if set("\\$") & set(request.bucket):
        raise ConfigurationError(
            f"{request.bucket!r:.80} cannot be the name of the bucket.",
            cause="Grafana and Flux put variables in behind a $, and read \\ in their way.",
            next_step="Choose another with -b BUCKET.",
        )
    url, token = request.docker.influxdb_url, request.docker.influxdb_token
    if bool(url) != bool(token):
        raise ConfigurationError(
            "An InfluxDB that runs already needs both its URL and a token.",
            next_step="--influxdb-url URL, and the token in INFLUXDB_V2_TOKEN",
        )
    if url:
        checked_server_url(url)
        # It says at once when it is another version; whether it answers, Grafana tells.
        InfluxDB(url, local=False).is_up()


def _ports(request: Request, docker: Docker, report: Reporter) -> tuple[int, int]:
    """Return the ports of InfluxDB and of Grafana."""
    for_influxdb, for_grafana = request.port, request.docker.grafana_port
    if request.docker.influxdb_url:
        for_influxdb = WRITE_PORT  # no container has it
    elif for_influxdb and for_influxdb == for_grafana:
        raise ConfigurationError(
            f"InfluxDB and Grafana cannot both have port {for_grafana}.",
            next_step="Choose another with --influxdb-port or --grafana-port.",
        )
    reserved = reserved_ports(request)
    look = docker.is_local  # the ports of another machine cannot be looked at

    def choose(asked: int | None, usual: int) -> int:
        choice = choose_port(HOST, asked, usual, reserved, look=look)
        if choice.note:
            report.note(choice.note)
        return choice.port

    if for_grafana:
        reserved[for_grafana] = "Grafana"
    influxdb_port = choose(for_influxdb, WRITE_PORT)
    if not request.docker.influxdb_url:
        reserved[influxdb_port] = "InfluxDB"
    return influxdb_port, choose(for_grafana, GRAFANA_PORT)


def _settings(
    request: Request, docker: Docker, influxdb_port: int, grafana_port: int
) -> Settings:
    wanted = request.docker
    directory = request.directory.absolute() if request.directory else None
    made = missing_folders(directory) if directory else ()
    if directory and directory.is_dir():
        require_own_folder(directory)
    return Settings(
        id=secrets.token_hex(8),
        endpoint=dataclasses.asdict(docker.endpoint),
        influxdb_image=wanted.influxdb_image,
        grafana_image=wanted.grafana_image,
        influxdb_port=influxdb_port,
        grafana_port=grafana_port,
        timeout=wanted.timeout,
        operator_token=secrets.token_urlsafe(48),
        influxdb_password=secrets.token_urlsafe(24),
        grafana_password=secrets.token_urlsafe(24),
        directory=str(directory or ""),
        user=_user(docker) if directory else "",
        anonymous=wanted.anonymous,
        influxdb_url=wanted.influxdb_url.rstrip("/"),
        made_folders=tuple(str(each) for each in made),
    )


def _user(docker: Docker) -> str:
    """Return as whom containers run, so that they can write into our folder.

    Root gives the folder to the user of the image instead. In a rootless engine it is
    root who is us, outside. On Windows and macOS the engine sees to it.
    """
    if not hasattr(os, "getuid"):
        return ""
    if docker.about().rootless:
        return "0:0"
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else ""


def _kept(request: Request) -> StackConfig | None:
    """Return what is known of data that an earlier stack of this name has left."""
    kept = read_kept(request.config_file)
    if kept is None or kept.engine != "docker" or kept.name != request.name:
        return None
    if (kept.org, kept.bucket) != (request.org, request.bucket):
        raise ConfigurationError(
            f"The data that was kept has the organisation '{kept.org}' and the bucket"
            f" '{kept.bucket}'.",
            cause=f"An earlier stack left it; {kept_file(request.config_file)} says so.",
            next_step=f"Add: -o '{kept.org}' -b '{kept.bucket}'",
        )
    return kept


def _require_unused_names(stack: str, containers: list[Container], docker: Docker) -> None:
    there = [each.name for each in containers if docker.container(each.name)]
    network = network_name(stack)
    if docker.network(network) is not None:
        there.append(network)
    if there:
        names = " ".join(each.name for each in containers)
        raise VisualizationError(
            f"The engine has {' and '.join(there)} already.",
            cause="Another stack of this name is there; its configuration is elsewhere, or"
            " was removed by hand.",
            next_step="Choose another name with --name. Or, if nobody needs it:"
            f" docker rm -f {names}; docker network rm {network}",
        )


def _require_free(container: Container) -> None:
    try:
        require_free(HOST, container.port)
    except PortTakenError as error:
        option = f"--{container.service}-port"
        step = f"Stop that program, or choose another port with {option}."
        raise PortTakenError(error.what, next_step=step) from error


def _adopted(stack: str, containers: list[Container], docker: Docker) -> tuple[str, ...]:
    """Return the volumes and folders that are there already; they must be ours."""
    adopted = []
    for each in containers:
        labels = _labels(each, docker)
        if labels is None:
            continue
        if labels.get(STACK_LABEL) != stack or INSTALL_LABEL not in labels:
            raise ForeignDataError(
                f"There is data in {each.mount.source} already, and it is not of this"
                " stack.",
                cause="Another program made it, or you did.",
                next_step="Choose another name with --name, or another folder with --dir.",
            )
        adopted.append(each.mount.source)
    return tuple(adopted)


def _labels(container: Container, docker: Docker) -> Mapping[str, str] | None:
    """Return the labels of what is there, or None where nothing is."""
    mount = container.mount
    if not mount.is_folder:
        return docker.volume(mount.source)
    folder = pathlib.Path(mount.source)
    return (read_labels(folder) or {}) if folder.exists() else None
