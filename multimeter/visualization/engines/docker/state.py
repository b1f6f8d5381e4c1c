"""The state of an install in containers: endpoint, secrets and other choices."""

from __future__ import annotations

import dataclasses
import pathlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

__all__ = [
    "GRAFANA_USER",
    "INFLUXDB_USER",
    "PENDING",
    "DockerState",
    "Endpoint",
    "candidates",
    "is_local",
]

_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Endpoint:
    """The address of an engine, stored so that later commands use the same one.

    Attributes:
        host: Its URL: ``unix://``, ``npipe://``, ``tcp://`` or ``ssh://``.
        found: Where the URL comes from, for messages.
        context: The context of the docker CLI that names it; empty where none does.
        certificates: The folder with certificates for TLS; empty without TLS.
        verify: Whether the engine's certificate is checked.
    """

    host: str
    found: str
    context: str = ""
    certificates: str = ""
    verify: bool = False


def candidates(
    environment: Mapping[str, str], home: pathlib.Path, *, windows: bool
) -> list[Endpoint]:
    """Return the usual addresses of an engine, in the order in which they are tried.

    They are for when neither a variable nor a context names one.

    Args:
        environment: The environment of the process.
        home: The home folder.
        windows: Whether this is Windows.
    """
    if windows:
        return [
            Endpoint("npipe:////./pipe/docker_engine", "the default pipe"),
            Endpoint("npipe:////./pipe/podman-machine-default", "Podman"),
        ]
    places = [
        ("the default socket", pathlib.Path("/var/run/docker.sock")),
        ("Docker Desktop", home / ".docker/run/docker.sock"),
        ("Docker Desktop", home / ".docker/desktop/docker.sock"),
        ("Colima", home / ".colima/default/docker.sock"),
        ("Colima", home / ".config/colima/default/docker.sock"),
        ("Rancher Desktop", home / ".rd/docker.sock"),
        ("Podman", pathlib.Path("/run/podman/podman.sock")),
    ]
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        own = pathlib.Path(runtime)
        places.insert(1, ("rootless Docker", own / "docker.sock"))
        places.append(("rootless Podman", own / "podman/podman.sock"))
    return [Endpoint(f"unix://{path}", found) for found, path in places]


def is_local(host: str) -> bool:
    """Whether ports that an engine publishes on 127.0.0.1 belong to this machine."""
    parts = urlsplit(host)
    if parts.scheme in ("unix", "npipe", "http+unix"):
        return True
    return parts.scheme != "ssh" and (parts.hostname or "") in _LOOPBACK


GRAFANA_USER = "admin"
INFLUXDB_USER = "multimeter"
PENDING = "not-set-up-yet"
"""A placeholder until there is a token."""


@dataclass(frozen=True)
class DockerState:
    """The id, the secrets and the choices of an install.

    All of it is chosen and stored before anything is made, so an install that is killed
    at any moment can be rolled back.

    Attributes:
        endpoint: The address of the engine.
        id: The id of the install, a label of everything that it makes.
        operator_token: The token with all permissions in InfluxDB.
        influxdb_password: The password of :data:`INFLUXDB_USER`.
        grafana_password: The password of :data:`GRAFANA_USER`.
        user: The owner of the folder, as ``uid:gid``; empty for the images' own.
        adopted: Names of volumes and folders that existed before.
        made_folders: The folders made to contain the data folders, innermost first.
    """

    endpoint: Endpoint
    id: str
    operator_token: str = field(repr=False)
    influxdb_password: str = field(repr=False)
    grafana_password: str = field(repr=False)
    user: str = ""
    adopted: tuple[str, ...] = ()
    made_folders: tuple[str, ...] = ()

    @classmethod
    def new(cls, endpoint: Endpoint) -> DockerState:
        """Return the state of a new install, with new secrets."""
        return cls(
            endpoint,
            id=secrets.token_hex(8),
            operator_token=secrets.token_urlsafe(48),
            influxdb_password=secrets.token_urlsafe(24),
            grafana_password=secrets.token_urlsafe(24),
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DockerState:
        """Return the state stored in a configuration.

        Raises:
            TypeError: A field is missing.
        """
        names = [each.name for each in dataclasses.fields(cls)]
        fields = {name: state[name] for name in names if name in state}
        fields["endpoint"] = Endpoint(**fields.get("endpoint", {}))
        lists = {name: tuple(fields.get(name, ())) for name in ("adopted", "made_folders")}
        return cls(**{**fields, **lists})

    def to_state(self) -> dict[str, Any]:
        """Return the state as a configuration stores it."""
        return dataclasses.asdict(self)
