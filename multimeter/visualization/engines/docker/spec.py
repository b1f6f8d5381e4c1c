"""The desired state: which containers there should be, and how. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from multimeter.visualization.engines.docker.settings import GRAFANA_USER, Settings

__all__ = [
    "CONFIGURATION_LABEL",
    "GRAFANA",
    "GRAFANA_FILES",
    "HOST",
    "INFLUXDB",
    "INSTALL_LABEL",
    "STACK_LABEL",
    "Container",
    "Mount",
    "data_source_url",
    "desired_containers",
    "grafana_environment",
    "network_name",
]

HOST = "127.0.0.1"
INFLUXDB = "influxdb"
GRAFANA = "grafana"
GRAFANA_FILES = "/etc/multimeter"
"""Where the files of Grafana are, in its container."""

STACK_LABEL = "org.multimeter.stack"
INSTALL_LABEL = "org.multimeter.install"
CONFIGURATION_LABEL = "org.multimeter.configuration"

_PORTS = {INFLUXDB: 8086, GRAFANA: 3000}
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
    """How a container should be.

    Attributes:
        service: What it does: the name under which others find it in the network.
        name: Its name.
        image: Its image.
        environment: Its settings, by name; none of them is a secret.
        port: The port on 127.0.0.1.
        target_port: The port in the container.
        mount: Where it keeps its data.
        user: As whom it runs, ``uid:gid``; empty leaves it to the image.
        hosts: Names of hosts that are no containers, with their addresses.
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


def network_name(stack: str) -> str:
    """Return the name of the network of a stack."""
    return stack


def desired_containers(stack: str, settings: Settings, files: str) -> list[Container]:
    """Return the containers of a stack.

    Args:
        stack: Its name.
        settings: What is asked for.
        files: A hash of the files that Grafana is given.
    """
    grafana = _container(
        stack,
        GRAFANA,
        settings,
        image=settings.grafana_image,
        environment=grafana_environment(settings.anonymous),
        port=settings.grafana_port,
    )
    grafana = dataclasses.replace(grafana, hosts=_hosts(settings), files=files)
    if settings.influxdb_url:
        return [grafana]
    influxdb = _container(
        stack,
        INFLUXDB,
        settings,
        image=settings.influxdb_image,
        environment=INFLUXDB_ENVIRONMENT,
        port=settings.influxdb_port,
    )
    influxdb = dataclasses.replace(influxdb, stop_signal=INFLUXDB_STOP_SIGNAL)
    return [influxdb, grafana]


def _container(
    stack: str,
    service: str,
    settings: Settings,
    *,
    image: str,
    environment: Mapping[str, str],
    port: int,
) -> Container:
    if settings.directory:
        mount = Mount(f"{settings.directory}/{service}", _DATA[service], is_folder=True)
    else:
        mount = Mount(f"{stack}-{service}-data", _DATA[service], is_folder=False)
    return Container(
        service=service,
        name=f"{stack}-{service}",
        image=image,
        environment=tuple(sorted(environment.items())),
        port=port,
        target_port=_PORTS[service],
        mount=mount,
        user=settings.user,
    )


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


def data_source_url(settings: Settings) -> str:
    """Return the URL of InfluxDB, as the container of Grafana sees it."""
    if not settings.influxdb_url:
        return f"http://{INFLUXDB}:{_PORTS[INFLUXDB]}"
    parts = urlsplit(settings.influxdb_url)
    if parts.hostname not in _LOOPBACK:
        return settings.influxdb_url
    # In a container, localhost is the container.
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=_ENGINE_HOST + port))


def _hosts(settings: Settings) -> tuple[tuple[str, str], ...]:
    inside = data_source_url(settings)
    if urlsplit(inside).hostname != _ENGINE_HOST:
        return ()
    return ((_ENGINE_HOST, "host-gateway"),)
