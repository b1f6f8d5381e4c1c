"""Sockets: where a container engine may listen, in the order in which they are tried."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Candidate", "candidates", "is_local"]

_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Candidate:
    """A place where an engine may listen.

    Attributes:
        host: Its URL: ``unix://``, ``npipe://``, ``tcp://`` or ``ssh://``.
        found: Where that was found, for people.
    """

    host: str
    found: str


def candidates(
    environment: Mapping[str, str], home: pathlib.Path, *, windows: bool
) -> list[Candidate]:
    """Return where an engine may listen when neither variable nor context says it.

    Args:
        environment: The environment of the process.
        home: The home folder.
        windows: Whether this is Windows.
    """
    if windows:
        return [
            Candidate("npipe:////./pipe/docker_engine", "the default pipe"),
            Candidate("npipe:////./pipe/podman-machine-default", "Podman"),
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
    return [Candidate(f"unix://{path}", found) for found, path in places]


def is_local(host: str) -> bool:
    """Whether ports that an engine publishes on 127.0.0.1 are those of this machine."""
    parts = urlsplit(host)
    if parts.scheme in ("unix", "npipe", "http+unix"):
        return True
    return parts.scheme != "ssh" and (parts.hostname or "") in _LOOPBACK
