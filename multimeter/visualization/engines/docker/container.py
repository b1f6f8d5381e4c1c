"""The container resource: inspect, create, start, stop and remove it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from multimeter.http.influxdb import wrong_version_error
from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.engines.docker.grafana import File, archive
from multimeter.visualization.engines.docker.spec import (
    CONFIGURATION_LABEL,
    Container,
    ContainerInfo,
    ImageInfo,
    Owner,
)
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.plan import Resource, State, state_of
from multimeter.visualization.report import Reporter

__all__ = ["ContainerResource"]

_STATUSES_WITH_PORT = ("running", "paused")


@dataclass(frozen=True)
class ContainerResource:
    """A container of a stack, as a resource of the plan.

    Attributes:
        resource: The resource in the plan.
        wanted: The desired container.
        docker: The engine.
        owner: The install that owns it.
        network: The name of its network.
        files: The files copied into it before it starts.
    """

    resource: Resource
    wanted: Container
    docker: Docker
    owner: Owner
    network: str
    files: Sequence[File]

    def state(self) -> State:
        """Return the state of our container; another one of its name counts as absent."""
        container = self.docker.container(self.wanted.name)
        if container is None or not self.owner.made(container.labels):
            return State.ABSENT
        configuration = container.labels.get(CONFIGURATION_LABEL, "")
        if self._network_was_removed(container):
            configuration = ""
        return state_of(
            self.resource, running=container.running, configuration=configuration
        )

    def _network_was_removed(self, container: ContainerInfo) -> bool:
        """Whether its network was removed, even if another one has the same name now."""
        attached = container.networks.get(self.network)
        network = self.docker.network(self.network)
        # Podman reports the name in place of the id.
        ids = (network.id, self.network) if network else ()
        return bool(attached) and attached not in ids

    def create(self, report: Reporter) -> None:  # noqa: ARG002 - too quick to report
        """Create it with its files, without starting it."""
        self._require_right_version()
        labels = {**self.owner.labels, CONFIGURATION_LABEL: self.resource.configuration}
        self.docker.create_container(self.wanted, self.network, labels)
        self._change_owner_of_folder()
        if self.files:
            self.put(self.files)

    def _change_owner_of_folder(self) -> None:
        """Make the image's user the owner of a folder that root made."""
        is_root = hasattr(os, "getuid") and os.getuid() == 0
        if self.wanted.mount.is_folder and not self.wanted.user and is_root:
            os.chown(self.wanted.mount.source, *self._user)

    def require_running(self) -> None:
        """Check that it runs; otherwise another program may listen on its port.

        Raises:
            VisualizationError: It does not run, or is not ours.
        """
        container = self.docker.container(self.wanted.name)
        ours = container is not None and self.owner.made(container.labels)
        if container is None or not ours or container.status not in _STATUSES_WITH_PORT:
            raise VisualizationError(
                f"The container {self.wanted.name} is not running. Nothing was sent to its"
                " port: another program may listen there.",
                next_step="multimeter-visu start",
            )

    def put(self, files: Sequence[File]) -> None:
        """Copy files into it, owned by the user that it runs as."""
        packed = archive(files, *self._user, time.time())
        self.docker.put(self.wanted.name, packed)

    def start(self) -> None:
        """Start it."""
        self.docker.start_container(self.wanted.name)

    def stop(self) -> None:
        """Stop it."""
        self.docker.stop_container(self.wanted.name)

    def remove(self) -> None:
        """Remove it if it is ours, running or not; its volume stays."""
        if self.state() is not State.ABSENT:
            self.docker.remove_container(self.wanted.name)

    @cached_property
    def _user(self) -> tuple[int, int]:
        """The uid and gid that it runs as.

        An image may have a user name: then both are read from the container, which must
        exist.
        """
        image = self._image()
        user, _, group = (self.wanted.user or (image.user if image else "")).partition(":")
        if not user or user.isdecimal():
            return int(user or 0), int(group) if group.isdecimal() else 0
        for line in self.docker.read(self.wanted.name, "/etc/passwd").splitlines():
            name, _, uid, gid, *_ = [*line.split(":"), "", "", "", ""]
            if name == user:
                return int(uid), int(gid)
        raise VisualizationError(
            f"The image {self.wanted.image} runs as '{user}', but has no such user.",
            next_step="Choose another image.",
        )

    def failure(self) -> str:
        """Return why it stopped, with the end of its log, or an empty string."""
        container = self.docker.container(self.wanted.name)
        if container is None:
            return f"The container {self.wanted.name} was removed."
        if not container.died:
            return ""
        log = "\n".join(f"  {each}" for each in self.docker.logs(self.wanted.name, 20))
        return (
            f"The container {self.wanted.name} ended with code {container.exit_code}."
            f" The end of its log:\n{log}"
        )

    def _image(self) -> ImageInfo | None:
        return self.docker.image(self.wanted.image)

    def _require_right_version(self) -> None:
        image = self._image()
        version = image.environment.get("INFLUXDB_VERSION", "") if image else ""
        if version[:2] in ("1.", "3."):
            raise wrong_version_error(version)
