"""The desired state: which containers a stack needs, and how they are made. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
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
    "Mount",
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
"""Where the files of Grafana are, in its container."""

STACK_LABEL = "org.multimeter.stack"
INSTALL_LABEL = "org.multimeter.install"
CONFIGURATION_LABEL = "org.multimeter.configuration"

_PORTS = {INFLUXDB: WRITE_PORT, GRAFANA: GRAFANA_PORT}
"""The ports in the containers; those outside are in the specification."""
_DATA = {INFLUXDB: "/var/lib/influxdb2", GRAFANA: "/var/lib/grafana"}
_HOME = f"{GRAFANA_FILES}/dashboards/runs.json"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ENGINE_HOST = "host.docker.internal"

INFLUXDB_ENVIRONMENT = {"INFLUXD_REPORTING_DISABLED": "true"}
INFLUXDB_STOP_SIGNAL = "SIGINT"
"""InfluxDB 2 does not handle SIGTERM: by that it would end without closing its files."""


@dataclass(frozen=True)
class Mount:
    """Where a container keeps its data.

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
    """How a container is to be.

    Attributes:
        service: What it does: its host name in the network.
        name: Its name.
        image: Its image.
        environment: Its settings, by name; none of them is a secret.
        port: The port on 127.0.0.1.
        target_port: The port in the container.
        mount: Where it keeps its data.
        user: As whom it runs, ``uid:gid``; empty leaves it to the image.
        hosts: Names of hosts outside the network, with their addresses.
        files: A hash of the files that are put into it.
        stop_signal: The signal that ends it in good order; empty for SIGTERM.
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
        """A hash of all of it."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Owner:
    """The install that a resource belongs to, by its labels.

    Attributes:
        stack: The name of the stack.
        install: The id of the install.
        adopted: Names of volumes and folders from before that it uses.
    """

    stack: str
    install: str
    adopted: tuple[str, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The labels of what it makes."""
        return {STACK_LABEL: self.stack, INSTALL_LABEL: self.install}

    def made(self, labels: Mapping[str, str]) -> bool:
        """Whether these are the labels of something that it made."""
        return labels.get(INSTALL_LABEL) == self.install

    def may_remove(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether data is its own, or was made by an earlier install of the stack."""
        earlier = name in self.adopted and labels.get(STACK_LABEL) == self.stack
        return self.made(labels) or earlier


def network_name(stack: str) -> str:
    """Return the name of the network of a stack."""
    return stack


def desired_containers(spec: StackSpec, user: str, files: str) -> list[Container]:
    """Return the containers of a stack.

    Args:
        spec: How it is to be.
        user: As whom they run, ``uid:gid``; empty leaves it to the images.
        files: A hash of the files that Grafana is given.

    Raises:
        TypeError: A port is not chosen yet.
        ValueError: A port is none.
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
    """Return the settings of Grafana; secrets are named by their files.

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
    """Return the URL of InfluxDB, as the container of Grafana sees it."""
    if not spec.influxdb_url:
        return f"http://{INFLUXDB}:{_PORTS[INFLUXDB]}"
    parts = urlsplit(spec.influxdb_url)
    if parts.hostname not in _LOOPBACK:
        return spec.influxdb_url
    # In a container, localhost is the container.
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=_ENGINE_HOST + port))


def _hosts(spec: StackSpec) -> tuple[tuple[str, str], ...]:
    inside = data_source_url(spec)
    if urlsplit(inside).hostname != _ENGINE_HOST:
        return ()
    return ((_ENGINE_HOST, "host-gateway"),)
