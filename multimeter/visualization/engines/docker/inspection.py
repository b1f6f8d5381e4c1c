"""Inspection: engines, images, networks and containers, as an engine reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ContainerInfo", "EngineInfo", "ImageInfo", "NetworkInfo"]


@dataclass(frozen=True)
class EngineInfo:
    """An engine.

    Attributes:
        name: Docker or Podman.
        version: Its version.
        rootless: Whether root in a container is a user of the host.
        root_directory: Where it keeps everything, on its host.
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
        user: The user of its containers, in the engine's words; empty for root.
        environment: The variables that its containers have.
    """

    id: str
    user: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class NetworkInfo:
    """A network.

    Attributes:
        id: Its id; another one of the same name has another id.
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
        status: In the engine's words: created, running, restarting, exited, dead.
        exit_code: With which code it ended, if it did.
        restarts: How often the engine has started it again.
        labels: Its labels.
        addresses: Where its ports are published, on the host.
        networks: The ids of its networks, by their names; empty before its first start.
        error: Why the engine could not start it, in its words.
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
        """Whether it runs."""
        return self.status == "running"

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, as one that ends by itself is started again."""
        return self.status == "exited" and not self.error

    @property
    def died(self) -> bool:
        """Whether it ended by itself, even if it was started again."""
        return self.status in ("exited", "dead", "restarting") or self.restarts > 0
