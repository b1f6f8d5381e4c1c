"""The resources of a stack in containers: inspect, create and remove each of them."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from multimeter.system.durable import PRIVATE_FILE, PRIVATE_FOLDER, write_file
from multimeter.system.private import require_own_folder
from multimeter.visualization.config import (
    StackConfig,
    make_private_folder,
    remove_empty,
)
from multimeter.visualization.dashboards.user_defined import UserDashboard
from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.engines.docker.container import ContainerResource
from multimeter.visualization.engines.docker.grafana import (
    dashboard_files,
    data_source_files,
    digest,
    password_file,
)
from multimeter.visualization.engines.docker.spec import (
    GRAFANA,
    TITLES,
    Owner,
    data_source_url,
    desired_containers,
    network_name,
)
from multimeter.visualization.engines.docker.state import DockerState
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.plan import Resource, State
from multimeter.visualization.report import Reporter

__all__ = [
    "FolderResource",
    "ImageResource",
    "ManagedResource",
    "NetworkResource",
    "VolumeResource",
    "managed_resources",
    "read_labels",
]


class ManagedResource(Protocol):
    """A resource of the plan, with the actions on it."""

    @property
    def resource(self) -> Resource:
        """The resource in the plan."""

    def state(self) -> State:
        """Return its state."""

    def create(self, report: Reporter) -> None:
        """Create it."""

    def remove(self) -> None:
        """Remove it, if it is ours."""


@dataclass(frozen=True)
class ImageResource:
    """An image, which other programs may use too."""

    resource: Resource
    docker: Docker

    def state(self) -> State:
        """Return whether the image is local."""
        return State.STOPPED if self.docker.image(self.resource.name) else State.ABSENT

    def create(self, report: Reporter) -> None:
        """Pull it."""
        name = self.resource.name
        with report.transfer(f"Pull the image {name}") as on_layer:
            self.docker.pull(name, on_layer)

    def remove(self) -> None:
        """Do nothing: other programs may use it."""


@dataclass(frozen=True)
class NetworkResource:
    """The network that connects the containers."""

    resource: Resource
    docker: Docker
    owner: Owner

    def state(self) -> State:
        """Return whether our network exists."""
        existing = self.docker.network(self.resource.name)
        ours = existing is not None and self.owner.made(existing.labels)
        return State.STOPPED if ours else State.ABSENT

    def create(self, report: Reporter) -> None:  # noqa: ARG002 - too quick to report
        """Create it."""
        self.docker.create_network(self.resource.name, self.owner.labels)

    def remove(self) -> None:
        """Remove it if it is ours."""
        if self.state() is not State.ABSENT:
            self.docker.remove_network(self.resource.name)


@dataclass(frozen=True)
class VolumeResource:
    """A volume with the data of a container."""

    resource: Resource
    docker: Docker
    owner: Owner

    def state(self) -> State:
        """Return whether the volume exists, ours or not."""
        existing = self.docker.volume(self.resource.name)
        return State.ABSENT if existing is None else State.STOPPED

    def create(self, report: Reporter) -> None:  # noqa: ARG002 - too quick to report
        """Create it.

        Raises:
            VisualizationError: Another program created it just now.
        """
        name = self.resource.name
        self.docker.create_volume(name, self.owner.labels)
        labels = self.docker.volume(name)
        if labels is None or not self.owner.made(labels):
            # The engine reports success for a volume that another program made.
            raise VisualizationError(
                f"Another program is creating the volume {name} too.",
                next_step="Wait until it is done, or choose another name with --name.",
            )

    def remove(self) -> None:
        """Remove it with its data, if it is ours."""
        name = self.resource.name
        labels = self.docker.volume(name)
        if labels is not None and self.owner.may_remove(name, labels):
            self.docker.remove_volume(name)


@dataclass(frozen=True)
class FolderResource:
    """A folder of the host with the data of a container.

    Its labels are in a file beside it, as its content belongs to the container. They are
    written first: a folder without labels is not ours.

    Attributes:
        resource: The resource in the plan.
        docker: The engine.
        owner: The install that owns it.
        image: The image of the helper container that removes files of another user.
        made: The folders made to contain it, innermost first.
    """

    resource: Resource
    docker: Docker
    owner: Owner
    image: str
    made: Sequence[pathlib.Path] = ()

    @property
    def _path(self) -> pathlib.Path:
        return pathlib.Path(self.resource.name)

    def state(self) -> State:
        """Return whether it exists."""
        return State.STOPPED if self._path.is_dir() else State.ABSENT

    def create(self, report: Reporter) -> None:  # noqa: ARG002 - too quick to report
        """Create it, accessible only to the user that writes to it.

        Raises:
            VisualizationError: There is no permission, or the path is not a folder.
            ConfigurationError: Other users own the parent folder or may write to it.
        """
        try:
            make_private_folder(self._path.parent)
            require_own_folder(self._path.parent)
            write_file(label_file(self._path), json.dumps(self.owner.labels), PRIVATE_FILE)
            self._make()
        except OSError as error:
            raise VisualizationError(
                f"The folder {self._path} cannot be used: {error.strerror}",
                cause="It belongs to another user, is not a folder, or the disk is full.",
                next_step="Choose another one: multimeter-visu install -d DIR",
            ) from error

    def _make(self) -> None:
        try:
            self._path.mkdir(PRIVATE_FOLDER)
        except OSError:
            label_file(self._path).unlink()
            raise

    def remove(self) -> None:
        """Remove it with its data, if it is ours, and then empty parent folders."""
        labels = read_labels(self._path)
        if labels is not None and self.owner.may_remove(self.resource.name, labels):
            # If it is a symbolic link now, its target stays.
            if not self._path.is_symlink():
                self._remove_tree()
            label_file(self._path).unlink(missing_ok=True)
            remove_empty([self._path, *self.made])

    def _remove_tree(self) -> None:
        try:
            shutil.rmtree(self._path)
        except FileNotFoundError:
            return
        except OSError:
            # Files that a container wrote may belong to another user of the host.
            command = ["find", "/data", "-mindepth", "1", "-delete"]
            self.docker.run(self.image, command, str(self._path), "/data")


def label_file(folder: pathlib.Path) -> pathlib.Path:
    """Return the file with the labels of a folder."""
    return folder.with_name(f".{folder.name}.labels.json")


def read_labels(folder: pathlib.Path) -> Mapping[str, str] | None:
    """Return the labels of a folder, or None."""
    try:
        labels = json.loads(label_file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return labels if isinstance(labels, dict) else None


def managed_resources(
    config: StackConfig,
    state: DockerState,
    docker: Docker,
    dashboards: Sequence[UserDashboard],
) -> Iterator[ManagedResource]:
    """Yield the resources of a stack, each after those that it depends on.

    Args:
        config: Its configuration.
        state: The state of its install.
        docker: The engine.
        dashboards: User-defined dashboards.
    """
    owner = Owner(config.name, state.id, state.adopted)
    containers = list(_containers(config, state, docker, owner, dashboards))
    for each in containers:
        title = f"{TITLES[each.wanted.service]} image"
        yield ImageResource(Resource(title, each.wanted.image, shared=True), docker)
    network = Resource("network", network_name(config.name))
    yield NetworkResource(network, docker, owner)
    for each in containers:
        yield _data_resource(each, state)
    yield from containers


def _containers(
    config: StackConfig,
    state: DockerState,
    docker: Docker,
    owner: Owner,
    dashboards: Sequence[UserDashboard],
) -> Iterator[ContainerResource]:
    # Grafana starts at the same time as InfluxDB: meanwhile the token of its data
    # source is written to a file, and then the data source is loaded again.
    url = data_source_url(config.spec)
    source = data_source_files(url, config.org, config.bucket, config.read_token)
    files = [*dashboard_files(dashboards), *source]
    secret = password_file(state.grafana_password)
    for wanted in desired_containers(config.spec, state.user, digest(files)):
        title = f"{TITLES[wanted.service]} container"
        yield ContainerResource(
            Resource(title, wanted.name, runs=True, configuration=wanted.configuration),
            wanted,
            docker,
            owner,
            network_name(config.name),
            [*files, secret] if wanted.service == GRAFANA else (),
        )


def _data_resource(container: ContainerResource, state: DockerState) -> ManagedResource:
    mount, title = container.wanted.mount, TITLES[container.wanted.service]
    docker, owner = container.docker, container.owner
    if mount.is_folder:
        folder = Resource(f"{title} folder", mount.source, holds_data=True)
        made = [pathlib.Path(each) for each in state.made_folders]
        return FolderResource(folder, docker, owner, container.wanted.image, made)
    volume = Resource(f"{title} volume", mount.source, holds_data=True)
    return VolumeResource(volume, docker, owner)
