"""Parts of a stack in containers: how each is looked at, made, and removed."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from multimeter.system.durable import PRIVATE_FILE, PRIVATE_FOLDER, write_file
from multimeter.system.private import require_own_folder
from multimeter.visualization.config import make_private_folder, remove_empty
from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.engines.docker.influxdb import wrong_version_error
from multimeter.visualization.engines.docker.inspection import ContainerInfo, ImageInfo
from multimeter.visualization.engines.docker.provisioning import File, archive
from multimeter.visualization.engines.docker.spec import (
    CONFIGURATION_LABEL,
    INSTALL_LABEL,
    STACK_LABEL,
    Container,
)
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.plan import Resource, State, state_of
from multimeter.visualization.report import Reporter

__all__ = [
    "ContainerPart",
    "FolderPart",
    "ImagePart",
    "NetworkPart",
    "Owner",
    "Part",
    "VolumePart",
    "read_labels",
]

_HOLDS_ITS_PORT = ("running", "paused")


@dataclass(frozen=True)
class Owner:
    """Whose a part is, as its labels say.

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


class Part(Protocol):
    """A resource, and what can be done with it."""

    @property
    def resource(self) -> Resource:
        """What the plan calls it."""

    def state(self) -> State:
        """Look at it."""

    def create(self, report: Reporter) -> None:
        """Make it."""

    def remove(self) -> None:
        """Remove it, where it is ours."""


@dataclass(frozen=True)
class ImagePart:
    """An image, which others may use too."""

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
        """Leave it."""


@dataclass(frozen=True)
class NetworkPart:
    """The network in which the containers find each other."""

    resource: Resource
    docker: Docker
    owner: Owner

    def state(self) -> State:
        """Return whether our network is there."""
        found = self.docker.network(self.resource.name)
        ours = found is not None and self.owner.made(found.labels)
        return State.STOPPED if ours else State.ABSENT

    def create(self, report: Reporter) -> None:  # noqa: ARG002 - it is quick
        """Create it."""
        self.docker.create_network(self.resource.name, self.owner.labels)

    def remove(self) -> None:
        """Remove it where it is ours."""
        if self.state() is not State.ABSENT:
            self.docker.remove_network(self.resource.name)


@dataclass(frozen=True)
class VolumePart:
    """A volume with the data of a container."""

    resource: Resource
    docker: Docker
    owner: Owner

    def state(self) -> State:
        """Return whether the volume is there, whoever made it."""
        found = self.docker.volume(self.resource.name)
        return State.ABSENT if found is None else State.STOPPED

    def create(self, report: Reporter) -> None:  # noqa: ARG002 - it is quick
        """Create it.

        Raises:
            VisualizationError: Another program created it just now.
        """
        name = self.resource.name
        self.docker.create_volume(name, self.owner.labels)
        labels = self.docker.volume(name)
        if labels is None or not self.owner.made(labels):
            # The engine answers as if it had made what somebody else has.
            raise VisualizationError(
                f"Another program creates the volume {name} too.",
                next_step="Wait until it has ended, or choose another name with --name.",
            )

    def remove(self) -> None:
        """Remove it with its data where it is ours."""
        name = self.resource.name
        labels = self.docker.volume(name)
        if labels is not None and self.owner.may_remove(name, labels):
            self.docker.remove_volume(name)


@dataclass(frozen=True)
class FolderPart:
    """A folder of the host with the data of a container.

    Its labels are in a file beside it: what is in it belongs to the container. They are
    written first: a folder without them is not ours.

    Attributes:
        resource: What the plan calls it.
        docker: The engine.
        owner: Whose it is.
        image: What removes the files that belong to the user of a container.
        made: The folders around it that were made for the stack, from the inside out.
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
        """Return whether it is there."""
        return State.STOPPED if self._path.is_dir() else State.ABSENT

    def create(self, report: Reporter) -> None:  # noqa: ARG002 - it is quick
        """Make it, for those only who write in it.

        Raises:
            VisualizationError: There is no permission, or it is no folder.
            ConfigurationError: Others own the folder around it or may write to it.
        """
        try:
            make_private_folder(self._path.parent)
            require_own_folder(self._path.parent)
            write_file(label_file(self._path), json.dumps(self.owner.labels), PRIVATE_FILE)
            self._make()
        except OSError as error:
            raise VisualizationError(
                f"The folder {self._path} cannot be used: {error.strerror}",
                cause="It belongs to another user, is no folder, or the disk is full.",
                next_step="Choose another one: multimeter-visu install -d DIR",
            ) from error

    def _make(self) -> None:
        try:
            self._path.mkdir(PRIVATE_FOLDER)
        except OSError:
            label_file(self._path).unlink()
            raise

    def remove(self) -> None:
        """Remove it with its data where it is ours, and then what is empty around it."""
        labels = read_labels(self._path)
        if labels is not None and self.owner.may_remove(self.resource.name, labels):
            # Somebody has put a link there: what it leads to stays.
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
            # What a container has written need not belong to us on the host.
            command = ["find", "/data", "-mindepth", "1", "-delete"]
            self.docker.run(self.image, command, str(self._path), "/data")


def label_file(folder: pathlib.Path) -> pathlib.Path:
    """Return where the labels of a folder are."""
    return folder.with_name(f".{folder.name}.labels.json")


def read_labels(folder: pathlib.Path) -> Mapping[str, str] | None:
    """Return the labels of a folder; None where it has none."""
    try:
        labels = json.loads(label_file(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return labels if isinstance(labels, dict) else None


@dataclass(frozen=True)
class ContainerPart:
    """A container.

    Attributes:
        resource: What the plan calls it.
        wanted: How it should be.
        docker: The engine.
        owner: Whose it is.
        network: The name of its network.
        files: What is put into it before it starts.
    """

    resource: Resource
    wanted: Container
    docker: Docker
    owner: Owner
    network: str
    files: Sequence[File]

    def state(self) -> State:
        """Return how our container is; one of the same name is not ours."""
        found = self.docker.container(self.wanted.name)
        if found is None or not self.owner.made(found.labels):
            return State.ABSENT
        configuration = found.labels.get(CONFIGURATION_LABEL, "")
        if self._lost_its_network(found):
            configuration = ""
        return state_of(self.resource, running=found.running, configuration=configuration)

    def _lost_its_network(self, found: ContainerInfo) -> bool:
        """Whether its network is gone: one of the same name is not the same to it."""
        known = found.networks.get(self.network)
        there = self.docker.network(self.network)
        # Podman gives the name for the id.
        return bool(known) and (there is None or known not in (there.id, self.network))

    def create(self, report: Reporter) -> None:  # noqa: ARG002 - it is quick
        """Create it with its files; it does not run yet."""
        self._require_right_version()
        labels = {**self.owner.labels, CONFIGURATION_LABEL: self.resource.configuration}
        self.docker.create_container(self.wanted, self.network, labels)
        self._give_folder()
        if self.files:
            self.put(self.files)

    def _give_folder(self) -> None:
        """Give a folder of root's to the user of the image, who is to write in it."""
        is_root = hasattr(os, "getuid") and os.getuid() == 0
        if self.wanted.mount.is_folder and not self.wanted.user and is_root:
            os.chown(self.wanted.mount.source, *self._user)

    def require_running(self) -> None:
        """Check that it runs: else another program may listen on its port.

        Raises:
            VisualizationError: It does not, or is not ours.
        """
        found = self.docker.container(self.wanted.name)
        ours = found is not None and self.owner.made(found.labels)
        if found is None or not ours or found.status not in _HOLDS_ITS_PORT:
            raise VisualizationError(
                f"The container {self.wanted.name} does not run. Nothing was sent to its"
                " port: another program may listen there.",
                next_step="multimeter-visu start",
            )

    def put(self, files: Sequence[File]) -> None:
        """Put files into it, as those of the user that it runs as."""
        packed = archive(files, *self._user, time.time())
        self.docker.put(self.wanted.name, packed)

    def start(self) -> None:
        """Start it."""
        self.docker.start_container(self.wanted.name)

    def stop(self) -> None:
        """Stop it."""
        self.docker.stop_container(self.wanted.name)

    def remove(self) -> None:
        """Remove it where it is ours, running or not; its volume stays."""
        if self.state() is not State.ABSENT:
            self.docker.remove_container(self.wanted.name)

    @cached_property
    def _user(self) -> tuple[int, int]:
        """The uid and gid that it runs as.

        An image may name its user: then the container, which must be there, says who
        that is.
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
            f"The image {self.wanted.image} runs as '{user}', whom it does not know.",
            next_step="Choose another image.",
        )

    def trouble(self) -> str:
        """Return why it does not run any more, with what it said last, or nothing."""
        found = self.docker.container(self.wanted.name)
        if found is None:
            return f"The container {self.wanted.name} is gone."
        if not found.died:
            return ""
        said = "\n".join(f"  {each}" for each in self.docker.logs(self.wanted.name, 20))
        return (
            f"The container {self.wanted.name} ended with code {found.exit_code}."
            f" It said last:\n{said}"
        )

    def _image(self) -> ImageInfo | None:
        return self.docker.image(self.wanted.image)

    def _require_right_version(self) -> None:
        image = self._image()
        version = image.environment.get("INFLUXDB_VERSION", "") if image else ""
        if version[:2] in ("1.", "3."):
            raise wrong_version_error(version)
