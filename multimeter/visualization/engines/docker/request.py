"""The request for a stack in containers: checked and completed before anything is made."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping

from multimeter.errors import ConfigurationError
from multimeter.http.influxdb import InfluxDBApi, wrong_version_error
from multimeter.http.server_url import checked_server_url
from multimeter.system.private import require_own_folder
from multimeter.visualization.config import (
    StackConfig,
    kept_file,
    missing_folders,
    read_kept,
)
from multimeter.visualization.engines.base import HOST
from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.engines.docker.resources import read_labels
from multimeter.visualization.engines.docker.spec import (
    INSTALL_LABEL,
    STACK_LABEL,
    Container,
    desired_containers,
    network_name,
)
from multimeter.visualization.engines.docker.state import PENDING, DockerState
from multimeter.visualization.errors import (
    ForeignDataError,
    PortTakenError,
    VisualizationError,
)
from multimeter.visualization.ports import choose_port, require_free
from multimeter.visualization.report import Reporter
from multimeter.visualization.stack_spec import GRAFANA_PORT, WRITE_PORT, StackSpec

__all__ = ["describe_containers"]

_OTHER_VERSION = re.compile(r"(?:^|/)influxdb:([13])\b")


def describe_containers(
    config_file: pathlib.Path,
    spec: StackSpec,
    docker: Docker,
    reserved: Mapping[int, str],
    report: Reporter,
) -> StackConfig:
    """Return the configuration of a stack that is not installed yet.

    Args:
        config_file: The path of the configuration.
        spec: The specification.
        docker: The engine.
        reserved: Ports that must not be chosen, each with its user.
        report: Receives notes about ports that are not the default ones.

    Raises:
        ConfigurationError: The specification cannot be used.
        PortTakenError: Another program listens on a port.
        VisualizationError: Something of the same name exists, and is not ours.
    """
    _require_usable(spec)
    spec = _with_choices(spec, docker, reserved, report)
    kept = _kept(config_file, spec)
    state = _new_state(spec, docker, kept)
    containers = desired_containers(spec, state.user, "")
    _require_unused_names(spec.name, containers, docker)
    adopted = _adopted(spec.name, containers, docker)
    if docker.is_local:
        for each in containers:
            _require_free(each)
    token, read_token = (kept.token, kept.read_token) if kept else (PENDING, PENDING)
    return StackConfig.of_spec(
        spec,
        url=spec.influxdb_url or f"http://{HOST}:{spec.port}",
        page=f"http://{HOST}:{spec.grafana_port}",
        token=spec.influxdb_token or token,
        read_token=spec.influxdb_token or read_token,
        state=dataclasses.replace(state, adopted=adopted).to_state(),
    )


def _require_usable(spec: StackSpec) -> None:
    if wrong := _OTHER_VERSION.search(spec.influxdb_image):
        raise wrong_version_error(wrong[1])
    if set("\\$") & set(spec.bucket):
        raise ConfigurationError(
            f"{spec.bucket!r:.80} cannot be the name of the bucket.",
            cause="Grafana and Flux expand variables after a $, and treat \\ as an escape.",
            next_step="Choose another with -b BUCKET.",
        )
    if bool(spec.influxdb_url) != bool(spec.influxdb_token):
        raise ConfigurationError(
            "An existing InfluxDB needs both its URL and a token.",
            next_step="--influxdb-url URL, and the token in INFLUXDB_V2_TOKEN",
        )
    if spec.influxdb_url:
        checked_server_url(spec.influxdb_url)
        # Raises for another version. Whether Grafana can reach it is checked later.
        with contextlib.closing(InfluxDBApi(spec.influxdb_url, use_proxy=True)) as influxdb:
            influxdb.is_up()


def _with_choices(
    spec: StackSpec, docker: Docker, reserved: Mapping[int, str], report: Reporter
) -> StackSpec:
    """Return the specification with every choice made."""
    port, grafana_port = _ports(spec, docker, reserved, report)
    return dataclasses.replace(
        spec,
        engine_name="docker",
        directory=str(pathlib.Path(spec.directory).absolute()) if spec.directory else "",
        port=port,
        grafana_port=grafana_port,
        influxdb_url=spec.influxdb_url.rstrip("/"),
    )


def _ports(
    spec: StackSpec, docker: Docker, reserved: Mapping[int, str], report: Reporter
) -> tuple[int, int]:
    """Return the ports of InfluxDB and of Grafana."""
    for_influxdb, for_grafana = spec.port, spec.grafana_port
    if spec.influxdb_url:
        for_influxdb = WRITE_PORT  # unused: there is no container
    elif for_influxdb and for_influxdb == for_grafana:
        raise ConfigurationError(
            f"InfluxDB and Grafana cannot both have port {for_grafana}.",
            next_step="Choose another with --influxdb-port or --grafana-port.",
        )
    reserved = dict(reserved)
    look = docker.is_local  # the ports of another machine cannot be checked

    def choose(asked: int | None, usual: int) -> int:
        choice = choose_port(HOST, asked, usual, reserved, look=look)
        if choice.note:
            report.note(choice.note)
        return choice.port

    if for_grafana:
        reserved[for_grafana] = "Grafana"
    influxdb_port = choose(for_influxdb, WRITE_PORT)
    if not spec.influxdb_url:
        reserved[influxdb_port] = "InfluxDB"
    return influxdb_port, choose(for_grafana, GRAFANA_PORT)


def _new_state(spec: StackSpec, docker: Docker, kept: StackConfig | None) -> DockerState:
    """Return the state of a new install, with the secrets of kept data."""
    state = DockerState.new(docker.endpoint)
    if spec.directory:
        directory = pathlib.Path(spec.directory)
        made = tuple(str(each) for each in missing_folders(directory))
        if directory.is_dir():
            require_own_folder(directory)
        state = dataclasses.replace(state, user=_user(docker), made_folders=made)
    if kept is None:
        return state
    before = DockerState.from_state(kept.engine_state)
    return dataclasses.replace(
        state,
        operator_token=before.operator_token,
        influxdb_password=before.influxdb_password,
        grafana_password=before.grafana_password,
        made_folders=state.made_folders or before.made_folders,
    )


def _user(docker: Docker) -> str:
    """Return the user of the containers, so that they can write to our folder.

    For root, the image's user becomes the owner of the folder instead. In a rootless
    engine, root is our user outside. On Windows and macOS the engine handles it.
    """
    if not hasattr(os, "getuid"):
        return ""
    if docker.about().rootless:
        return "0:0"
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else ""


def _kept(config_file: pathlib.Path, spec: StackSpec) -> StackConfig | None:
    """Return the configuration of the data that an earlier stack of this name left."""
    kept = read_kept(config_file)
    if kept is None or kept.engine != "docker" or kept.name != spec.name:
        return None
    if (kept.org, kept.bucket) != (spec.org, spec.bucket):
        raise ConfigurationError(
            f"The kept data has the organisation '{kept.org}' and the bucket"
            f" '{kept.bucket}'.",
            cause=f"An earlier stack left it; see {kept_file(config_file)}.",
            next_step=f"Add the options -o '{kept.org}' -b '{kept.bucket}'",
        )
    return kept


def _require_unused_names(stack: str, containers: list[Container], docker: Docker) -> None:
    existing = [each.name for each in containers if docker.container(each.name)]
    network = network_name(stack)
    if docker.network(network) is not None:
        existing.append(network)
    if existing:
        names = " ".join(each.name for each in containers)
        raise VisualizationError(
            f"The engine has {' and '.join(existing)} already.",
            cause="There is another stack of this name; its configuration is elsewhere, or"
            " was removed by hand.",
            next_step="Choose another name with --name. Or, if you do not need it:"
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
    """Return the volumes and folders that exist already; they must be ours."""
    adopted = []
    for each in containers:
        labels = _labels(each, docker)
        if labels is None:
            continue
        if labels.get(STACK_LABEL) != stack or INSTALL_LABEL not in labels:
            raise ForeignDataError(
                f"There is data in {each.mount.source} already, which does not belong to"
                " this stack.",
                cause="Another program made it, or you did.",
                next_step="Choose another name with --name, or another folder with --dir.",
            )
        adopted.append(each.mount.source)
    return tuple(adopted)


def _labels(container: Container, docker: Docker) -> Mapping[str, str] | None:
    """Return the labels of an existing volume or folder, or None if there is none."""
    mount = container.mount
    if not mount.is_folder:
        return docker.volume(mount.source)
    folder = pathlib.Path(mount.source)
    return (read_labels(folder) or {}) if folder.exists() else None
