"""The configuration of an installed stack: ``visu.config.json``.

Its public part says where the stack is and what opens it; ``engine_state`` is for the
engine, with the specification that the stack was installed with. The file holds
the stack's secrets, so it is readable by its owner only, in a folder that only the owner
can open. :mod:`multimeter.connection` reads what the library needs of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TextIO

from multimeter.connection import (
    CONFIGURATION_VERSION,
    default_config_file,
    load_configuration,
)
from multimeter.errors import ConfigurationError, NoStackError
from multimeter.http.server_url import without_secrets
from multimeter.system.durable import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    make_folders,
    remove_drafts,
    write_file,
)
from multimeter.system.private import require_own_folder
from multimeter.visualization.errors import NotInstalledError, VisualizationError
from multimeter.visualization.stack_spec import DEFAULT_NAME, StackSpec

try:
    import fcntl
except ImportError:  # Windows has no flock.
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "StackConfig",
    "kept_file",
    "locked",
    "make_private_folder",
    "missing_folders",
    "open_private",
    "read_config",
    "read_kept",
    "remove_config",
    "remove_empty",
    "write_config",
]


@dataclass(frozen=True)
class StackConfig:
    """An installed stack.

    Attributes:
        name: The name of the stack.
        engine: The name of the engine that it runs on.
        url: The URL of the write API.
        org: The name of the organisation.
        bucket: The name of the bucket.
        token: The token that may write to the bucket.
        read_token: The token that may read it.
        page: What a person opens.
        engine_state: What the engine needs: the specification, and what it has chosen.
        installing: An install has begun and not ended.
    """

    name: str
    engine: str
    url: str
    org: str
    bucket: str
    token: str = field(repr=False)
    read_token: str = field(repr=False)
    page: str
    engine_state: Mapping[str, Any] = field(default_factory=dict, repr=False)
    installing: bool = False

    @classmethod
    def of_spec(
        cls,
        spec: StackSpec,
        *,
        url: str,
        page: str,
        token: str,
        read_token: str,
        state: Mapping[str, Any],
    ) -> StackConfig:
        """Return the configuration of a stack that is to be installed.

        Args:
            spec: What was asked for, with nothing left open.
            url: The URL of the write API.
            page: What a person opens.
            token: The token that may write to the bucket.
            read_token: The token that may read it.
            state: What the engine needs beside the specification.
        """
        return cls(
            name=spec.name,
            engine=spec.engine_name,
            url=url,
            org=spec.org,
            bucket=spec.bucket,
            token=token,
            read_token=read_token,
            page=page,
            engine_state={**spec.to_state(), **state},
        )

    @cached_property
    def spec(self) -> StackSpec:
        """How the stack was installed."""
        return StackSpec.from_state(
            self.engine_state,
            name=self.name,
            engine_name=self.engine,
            org=self.org,
            bucket=self.bucket,
        )


def read_config(path: pathlib.Path, *, mend: bool = True) -> StackConfig:
    """Return the configuration of the stack that is installed under a path.

    Args:
        path: The configuration.
        mend: Whether it and its folder are mended where they are too open.

    Raises:
        NotInstalledError: There is no such file.
        ConfigurationError: It cannot be read, or describes something else; or other
            users own it or may write to it.
    """
    try:
        data = load_configuration(path, mend=mend)
    except NoStackError as error:
        raise NotInstalledError(error.what, next_step=error.next_step) from None
    names = [each.name for each in dataclasses.fields(StackConfig)]
    values = {name: data[name] for name in names if name in data}
    state = values.setdefault("engine_state", {})
    if not isinstance(values.get("engine"), str) or not isinstance(state, dict):
        raise ConfigurationError(
            f"The configuration {path} does not say what the stack runs on.",
            cause="It was written by hand, for the library alone.",
            next_step="Move it away, then: multimeter-visu install",
        )
    defaults = {"name": DEFAULT_NAME, "read_token": "", "page": data["url"]}
    values = {**defaults, **values}
    # The page is shown on every screen; where points go is checked when it is used.
    values["page"] = without_secrets(values["page"])
    return StackConfig(**values)


def write_config(path: pathlib.Path, config: StackConfig) -> None:
    """Write a configuration, all of it or nothing, for its owner only.

    Raises:
        VisualizationError: There is no permission or no room.
    """
    data = {"version": CONFIGURATION_VERSION, **dataclasses.asdict(config)}
    if not config.installing:
        del data["installing"]
    try:
        make_private_folder(path.parent)
        write_file(path, json.dumps(data, indent=2) + "\n", PRIVATE_FILE)
    except OSError as error:
        raise VisualizationError(
            f"The configuration {path} cannot be written: {error.strerror}",
            cause="The folder belongs to another user, or the disk is full.",
            next_step="Choose another place: multimeter-visu install -c FILE",
        ) from error


def kept_file(path: pathlib.Path) -> pathlib.Path:
    """Return where the secrets stay that open the data of a removed stack."""
    return path.with_name(f"{path.name}.kept")


def read_kept(path: pathlib.Path) -> StackConfig | None:
    """Return the configuration of data that stayed, or None.

    Args:
        path: The configuration of the stack that there was, and is to be.

    Raises:
        ConfigurationError: There is such a file, but it cannot be read.
    """
    try:
        return read_config(kept_file(path))
    except NotInstalledError:
        return None


def make_private_folder(path: pathlib.Path) -> None:
    """Make a folder, and those above it that are missing, for their owner only.

    One that exists stays as it is.
    """
    make_folders(path, PRIVATE_FOLDER)


def missing_folders(path: pathlib.Path) -> list[pathlib.Path]:
    """Return which folders will be made with this one, itself included; inmost first."""
    return [each for each in (path, *path.parents) if not os.path.lexists(each)]


def remove_empty(folders: Iterable[pathlib.Path]) -> None:
    """Remove those of some folders that are empty."""
    for each in folders:
        with contextlib.suppress(OSError):
            each.rmdir()


def open_private(path: pathlib.Path) -> TextIO:
    """Open a new text file that only its owner can read, whatever the umask."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def remove_config(path: pathlib.Path) -> None:
    """Remove a configuration, and its folder where it is ours and nothing else is in it.

    Raises:
        VisualizationError: There is no permission.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise VisualizationError(
            f"The configuration {path} cannot be removed: {error.strerror}",
            cause="Its folder belongs to another user.",
            next_step="Remove it as that user.",
        ) from error
    if path.parent.name == default_config_file().parent.name:
        remove_drafts(path.parent)  # there are secrets in them, too
        with contextlib.suppress(OSError):
            path.parent.rmdir()


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Keep other processes from changing the stack of a configuration meanwhile.

    The lock is on the folder, so nothing is left of it, whatever happens.

    Raises:
        VisualizationError: Another process is changing it.
        ConfigurationError: Others own the folder or may write to it.
    """
    new = missing_folders(path.parent)
    descriptor = None
    try:
        descriptor = _lock(path)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        remove_empty(new)


def _lock(path: pathlib.Path) -> int | None:
    try:
        make_private_folder(path.parent)
        require_own_folder(path.parent, sticky=True)
        descriptor = os.open(path.parent, os.O_RDONLY) if fcntl else None
    except OSError as error:
        raise VisualizationError(
            f"The folder {path.parent} cannot be used: {error.strerror}",
            cause="It belongs to another user, or is no folder.",
            next_step="Choose another place with -c FILE.",
        ) from error
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise VisualizationError(
            f"The stack of {path} is being changed by another process.",
            next_step="Wait until it has ended, then try again.",
        ) from error
    return descriptor
