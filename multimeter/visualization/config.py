"""The configuration of an installed stack: ``visu.config.json``.

Its public part has the URLs and tokens of the stack; ``engine_state`` is for the engine,
with the specification that the stack was installed with. The file contains secrets, so
only its owner can read it, in a folder that only the owner can open.
:mod:`multimeter.connection` reads the part for the library.
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
    """The configuration of an installed stack.

    Attributes:
        name: The name of the stack.
        engine: The name of its engine.
        url: The URL of the write API.
        org: The name of the organisation.
        bucket: The name of the bucket.
        token: The token with the right to write to the bucket.
        read_token: The token with the right to read the bucket.
        page: The URL of the page.
        engine_state: The state of the engine: the specification and the engine's choices.
        installing: Whether an install is in progress, or was interrupted.
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
        """Return the configuration of a stack to be installed.

        Args:
            spec: The specification, with every choice made.
            url: The URL of the write API.
            page: The URL of the page.
            token: The token with the right to write to the bucket.
            read_token: The token with the right to read the bucket.
            state: The state of the engine, without the specification.
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
        """The specification that the stack was installed with."""
        return StackSpec.from_state(
            self.engine_state,
            name=self.name,
            engine_name=self.engine,
            org=self.org,
            bucket=self.bucket,
        )


def read_config(path: pathlib.Path, *, mend: bool = True) -> StackConfig:
    """Return the configuration of the stack installed under a path.

    Args:
        path: The path of the configuration.
        mend: Whether to correct the permissions of the file and its folder.

    Raises:
        NotInstalledError: There is no such file.
        ConfigurationError: It cannot be read, or is not a configuration; or other users
            own it or may write to it.
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
            f"The configuration {path} does not name the engine of the stack.",
            cause="It was written by hand, for the library only.",
            next_step="Move it away, then: multimeter-visu install",
        )
    defaults = {"name": DEFAULT_NAME, "read_token": "", "page": data["url"]}
    values = {**defaults, **values}
    # The page is printed on screens, so it must not contain secrets. The URL of the
    # write API is checked when it is used.
    values["page"] = without_secrets(values["page"])
    return StackConfig(**values)


def write_config(path: pathlib.Path, config: StackConfig) -> None:
    """Write a configuration atomically, readable by its owner only.

    Raises:
        VisualizationError: There is no permission, or no space.
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
    """Return the file that keeps the secrets for the data of a removed stack."""
    return path.with_name(f"{path.name}.kept")


def read_kept(path: pathlib.Path) -> StackConfig | None:
    """Return the configuration of kept data, or None.

    Args:
        path: The path of the configuration of the stack.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    try:
        return read_config(kept_file(path))
    except NotInstalledError:
        return None


def make_private_folder(path: pathlib.Path) -> None:
    """Create a folder and its missing parents, accessible to their owner only.

    An existing folder stays as it is.
    """
    make_folders(path, PRIVATE_FOLDER)


def missing_folders(path: pathlib.Path) -> list[pathlib.Path]:
    """Return the folders that do not exist yet: this one and parents, innermost first."""
    return [each for each in (path, *path.parents) if not os.path.lexists(each)]


def remove_empty(folders: Iterable[pathlib.Path]) -> None:
    """Remove the folders that are empty."""
    for each in folders:
        with contextlib.suppress(OSError):
            each.rmdir()


def open_private(path: pathlib.Path) -> TextIO:
    """Open a new text file that only its owner can read, independent of the umask."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def remove_config(path: pathlib.Path) -> None:
    """Remove a configuration, and its folder if it is the default one and empty.

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
        remove_drafts(path.parent)  # they contain secrets too
        with contextlib.suppress(OSError):
            path.parent.rmdir()


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Lock the stack of a configuration against changes by other processes.

    The lock is on the folder, so it leaves no file behind.

    Raises:
        VisualizationError: Another process is changing it.
        ConfigurationError: Other users own the folder or may write to it.
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
            cause="It belongs to another user, or is not a folder.",
            next_step="Choose another place with -c FILE.",
        ) from error
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise VisualizationError(
            f"Another process is changing the stack of {path}.",
            next_step="Wait until it is done, then try again.",
        ) from error
    return descriptor
