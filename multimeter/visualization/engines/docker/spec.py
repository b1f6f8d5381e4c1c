"""The containers of a stack: as specified, and as an engine reports them. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from multimeter.visualization.engines.docker.state import GRAFANA_USER
from multimeter.visualization.stack_spec import (
    GRAFANA_PORT,
    WRITE_PORT,
    StackSpec,
    checked_port,
)

__all__ = [
    "CONFIGURATION_LABEL",
    "GRAFANA",
    "GRAFANA_FILES",
    "INFLUXDB",
    "INSTALL_LABEL",
    "STACK_LABEL",
    "TITLES",
    "Container",
    "ContainerInfo",
    "EngineInfo",
    "ImageInfo",
    "Mount",
    "NetworkInfo",
    "Owner",
    "data_source_url",
    "desired_containers",
    "grafana_environment",
    "network_name",
]

INFLUXDB = "influxdb"
GRAFANA = "grafana"
TITLES = {INFLUXDB: "InfluxDB", GRAFANA: "Grafana"}
GRAFANA_FILES = "/etc/multimeter"
"""The folder of Grafana's files in its container."""

STACK_LABEL = "org.multimeter.stack"
INSTALL_LABEL = "org.multimeter.install"
CONFIGURATION_LABEL = "org.multimeter.configuration"

_PORTS = {INFLUXDB: WRITE_PORT, GRAFANA: GRAFANA_PORT}
"""The ports inside the containers; those outside are in the specification."""
_DATA = {INFLUXDB: "/var/lib/influxdb2", GRAFANA: "/var/lib/grafana"}
_HOME = f"{GRAFANA_FILES}/dashboards/runs.json"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ENGINE_HOST = "host.docker.internal"

INFLUXDB_ENVIRONMENT = {"INFLUXD_REPORTING_DISABLED": "true"}
INFLUXDB_STOP_SIGNAL = "SIGINT"
"""InfluxDB 2 does not handle SIGTERM, and would end without closing its files."""


@dataclass(frozen=True)
class Mount:
    """The mount with the data of a container.

    Attributes:
        source: The name of a volume, or the path of a folder.
        target: The path in the container.
        is_folder: Whether it is a folder of the host.
    """

    source: str
    target: str
    is_folder: bool


@dataclass(frozen=True)
class Container:
    """The specification of a container.

    Attributes:
        service: Its service, which is its host name in the network.
        name: Its name.
        image: Its image.
        environment: Its environment variables; none of them is a secret.
        port: The port on 127.0.0.1.
        target_port: The port in the container.
        mount: The mount with its data.
        user: The user that it runs as, ``uid:gid``; empty for the image's own.
        hosts: Host names outside the network, with their addresses.
        files: A hash of the files copied into it.
        stop_signal: The signal that shuts it down; empty for SIGTERM.
    """

    service: str
    name: str
    image: str
    environment: tuple[tuple[str, str], ...]
    port: int
    target_port: int
    mount: Mount
    user: str = ""
    hosts: tuple[tuple[str, str], ...] = ()
    files: str = ""
    stop_signal: str = ""

    @property
    def configuration(self) -> str:
        """A hash of the specification."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Owner:
    """The install that owns a resource, recorded in labels.

    Attributes:
        stack: The name of the stack.
        install: The id of the install.
        adopted: Names of existing volumes and folders that it reuses.
    """

    stack: str
    install: str
    adopted: tuple[str, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the resources that it makes."""
        return {STACK_LABEL: self.stack, INSTALL_LABEL: self.install}

    def made(self, labels: Mapping[str, str]) -> bool:
        """Whether a resource with these labels was made by this install."""
        return labels.get(INSTALL_LABEL) == self.install

    def may_remove(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether it made the data, or an earlier install of the stack did."""
        earlier = name in self.adopted and labels.get(STACK_LABEL) == self.stack
        return self.made(labels) or earlier


def network_name(stack: str) -> str:
    """Return the name of the network of a stack."""
    return stack


def desired_containers(spec: StackSpec, user: str, files: str) -> list[Container]:
    """Return the containers of a stack.

    Args:
        spec: The specification of the stack.
        user: The user that they run as, ``uid:gid``; empty for the images' own.
        files: A hash of the files copied into Grafana's container.

    Raises:
        TypeError: A port is not chosen yet.
        ValueError: A port is out of range.
    """
    grafana = Container(
        service=GRAFANA,
        name=f"{spec.name}-{GRAFANA}",
        image=spec.grafana_image,
        environment=tuple(sorted(grafana_environment(spec.anonymous).items())),
        port=checked_port(spec.grafana_port),
        target_port=_PORTS[GRAFANA],
        mount=_mount(spec, GRAFANA),
        user=user,
        hosts=_hosts(spec),
        files=files,
    )
    if spec.influxdb_url:
        return [grafana]
    influxdb = Container(
        service=INFLUXDB,
        name=f"{spec.name}-{INFLUXDB}",
        image=spec.influxdb_image,
        environment=tuple(sorted(INFLUXDB_ENVIRONMENT.items())),
        port=checked_port(spec.port),
        target_port=_PORTS[INFLUXDB],
        mount=_mount(spec, INFLUXDB),
        user=user,
        stop_signal=INFLUXDB_STOP_SIGNAL,
    )
    return [influxdb, grafana]


def _mount(spec: StackSpec, service: str) -> Mount:
    if spec.directory:
        return Mount(f"{spec.directory}/{service}", _DATA[service], is_folder=True)
    return Mount(f"{spec.name}-{service}-data", _DATA[service], is_folder=False)


def grafana_environment(anonymous: bool) -> Mapping[str, str]:  # noqa: FBT001
    """Return the settings of Grafana; they refer to secrets by file.

    https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
    """
    return {
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_AUTH_ANONYMOUS_ENABLED": str(anonymous).lower(),
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": _HOME,
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PATHS_PROVISIONING": f"{GRAFANA_FILES}/provisioning",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED": "true",
        "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{GRAFANA_FILES}/secrets/admin-password}}",
        "GF_SECURITY_ADMIN_USER": GRAFANA_USER,
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
        "GF_USERS_ALLOW_ORG_CREATE": "false",
        "GF_USERS_ALLOW_SIGN_UP": "false",
    }


def data_source_url(spec: StackSpec) -> str:
    """Return the URL of InfluxDB, as seen from Grafana's container."""
    if not spec.influxdb_url:
        return f"http://{INFLUXDB}:{_PORTS[INFLUXDB]}"
    parts = urlsplit(spec.influxdb_url)
    if parts.hostname not in _LOOPBACK:
        return spec.influxdb_url
    # In a container, localhost is the container itself.
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=_ENGINE_HOST + port))


def _hosts(spec: StackSpec) -> tuple[tuple[str, str], ...]:
    inside = data_source_url(spec)
    if urlsplit(inside).hostname != _ENGINE_HOST:
        return ()
    return ((_ENGINE_HOST, "host-gateway"),)


@dataclass(frozen=True)
class EngineInfo:
    """A container engine.

    Attributes:
        name: Docker or Podman.
        version: Its version.
        rootless: Whether root in a container is an unprivileged user of the host.
        root_directory: The folder of its data, on its host.
    """

    name: str
    version: str
    rootless: bool
    root_directory: str


@dataclass(frozen=True)
class ImageInfo:
    """An image.

    Attributes:
        id: Its id.
        user: The user of its containers, as the image defines it; empty for root.
        environment: The environment variables that it defines.
    """

    id: str
    user: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class NetworkInfo:
    """A network.

    Attributes:
        id: Its id; a network created again under the same name has another one.
        labels: Its labels.
    """

    id: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class ContainerInfo:
    """A container.

    Attributes:
        id: Its id.
        image: The name of its image.
        status: Its status as reported: created, running, restarting, exited, dead.
        exit_code: Its exit code, if it has ended.
        restarts: How often the engine restarted it.
        labels: Its labels.
        addresses: The addresses on the host where its ports are published.
        networks: The ids of its networks, by name; empty before its first start.
        error: The engine's message if it could not start it.
    """

    id: str
    image: str
    status: str
    exit_code: int
    restarts: int
    labels: Mapping[str, str]
    addresses: tuple[str, ...]
    networks: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return self.status == "running"

    @property
    def stopped(self) -> bool:
        """Whether it was stopped: a container that ends by itself is restarted."""
        return self.status == "exited" and not self.error

    @property
    def died(self) -> bool:
        """Whether it ended by itself, even if it was restarted."""
        return self.status in ("exited", "dead", "restarting") or self.restarts > 0
