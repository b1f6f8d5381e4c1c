"""Discovery: where a container engine may listen, in the order in which it is tried."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Endpoint", "candidates", "is_local"]

_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Endpoint:
    """Where an engine is, so that a later command finds the same one.

    Attributes:
        host: Its URL: ``unix://``, ``npipe://``, ``tcp://`` or ``ssh://``.
        found: Where that was found, for people.
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
    """Return where an engine may listen when neither variable nor context names it.

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
    """Whether ports that an engine publishes on 127.0.0.1 are those of this machine."""
    parts = urlsplit(host)
    if parts.scheme in ("unix", "npipe", "http+unix"):
        return True
    return parts.scheme != "ssh" and (parts.hostname or "") in _LOOPBACK
