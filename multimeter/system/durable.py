"""Durable: files and folders that survive a loss of power, once a call has returned.

A file is durable when its bytes were synced, and a name (of a new file, of a folder, of
a file that replaces another) when the folder that holds it was synced after that. See
fsync(2), and Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "DRAFT_PREFIX",
    "OUR_FOLDER",
    "PRIVATE_FILE",
    "PRIVATE_FOLDER",
    "add_name",
    "is_draft",
    "is_regular",
    "make_folders",
    "open_new",
    "open_replacement",
    "remove_drafts",
    "replacement",
    "sync_file",
    "sync_folder",
    "write_file",
]

DRAFT_PREFIX = ".multimeter-"
"""How the name of a file begins that is being written and has no name of its own yet."""

OUR_FOLDER = ".multimeter"
"""The name of the folder in the home folder where stacks, spools and runs are."""

PRIVATE_FILE = 0o600
"""The mode of a file that only its owner can read."""

PRIVATE_FOLDER = 0o700
"""The mode of a folder that only its owner can open."""

_DRAFT = re.compile(re.escape(DRAFT_PREFIX) + "[0-9a-f]{16}")
_Publish = Callable[[pathlib.Path, pathlib.Path], None]
_DRAFT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
# What file systems answer that cannot sync at all, or no folder, as some networks'.
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}
# Windows opens no folder, and others' folders need not be readable.
_NO_FOLDER_SYNC = {*_NO_SYNC, errno.EACCES, errno.EPERM, errno.EBADF}


def sync_file(descriptor: int) -> None:
    """Wait until the bytes of an open file are on the disk.

    Raises:
        OSError: They may be lost. Calling it again would not show it: the system forgets
            which bytes it failed to write.
    """
    # On macOS fsync() leaves them in the cache of the drive, see its fsync(2).
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with contextlib.suppress(OSError):  # a network disk knows fsync() only
            fcntl.fcntl(descriptor, full)
            return
    os.fsync(descriptor)


def sync_folder(path: pathlib.Path) -> None:
    """Wait until the names in a folder are on the disk, where its file system can say so.

    Raises:
        OSError: They may be lost.
    """
    descriptor = None
    try:
        descriptor = os.open(path, os.O_RDONLY)
        sync_file(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        if descriptor is not None:
            os.close(descriptor)


def make_folders(path: pathlib.Path, mode: int = 0o777) -> bool:
    """Make a folder and those above it that are missing; all that it makes are durable.

    Args:
        path: The folder; one that exists stays as it is.
        mode: The mode of each folder that is made, less the umask; PRIVATE_FOLDER
            where others may not look. ``.multimeter``, where secrets are, is private
            the process that makes it first.

    Returns:
        Whether there was something to make.

    Raises:
        OSError: It is not there now, is no folder, or may be lost with the power.
    """
    missing: list[pathlib.Path] = []
    here = path.absolute()
    while not here.is_dir():
        missing.append(here)
        if here.parent == here:
            break
        here = here.parent
    if not missing:
        return False
    # A program that was killed in here may have left the last name unsynced.
    sync_folder(here.parent)
    for folder in reversed(missing):
        try:
            own = PRIVATE_FOLDER if folder.name == OUR_FOLDER else mode
            os.mkdir(folder, own)  # noqa: PTH102 - one folder, not its parents
        except FileExistsError:
            if not folder.is_dir():
                raise
        try:
            sync_folder(folder.parent)
        except OSError:
            # Else the next call would take it for one that is safe.
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise
    return True


@contextlib.contextmanager
def open_replacement(path: pathlib.Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a file that takes the place of another when all of it is on the disk.

    Whatever happens, also a loss of power: the old file is there, or the new one, whole.

    Args:
        path: The place. Its folder exists.
        mode: The mode of the new file, less the umask; PRIVATE_FILE for a secret.

    Raises:
        OSError: It was not written, and a file from before is as it was; or all was
            written, and the folder could not be synced: then it may be either of them.
    """
    with _open_draft(path, mode, _replace) as stream:
        yield stream


@contextlib.contextmanager
def open_new(path: pathlib.Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a file that gets its name when all of it is on the disk, and replaces none.

    Args:
        path: The place. Its folder exists.
        mode: The mode of the new file, less the umask; PRIVATE_FILE for a secret.

    Raises:
        FileExistsError: Something else has that name, and is as it was. A file with the
            same bytes is no error: it was written before.
        OSError: As of :func:`open_replacement`.
    """
    with _open_draft(path, mode, _give_name) as stream:
        yield stream


@contextlib.contextmanager
def _open_draft(path: pathlib.Path, mode: int, publish: _Publish) -> Iterator[BinaryIO]:
    with _draft_for(path, publish) as draft:
        descriptor = os.open(draft, _DRAFT_FLAGS, mode)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            _sync_draft(stream.fileno())


@contextlib.contextmanager
def replacement(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give the path of a draft to one that writes files by their names.

    Else as :func:`open_replacement`.

    Raises:
        OSError: As there.
    """
    with _draft_for(path, _replace) as draft:
        yield draft
        descriptor = os.open(draft, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            _sync_draft(descriptor)
        finally:
            os.close(descriptor)


def _sync_draft(descriptor: int) -> None:
    try:
        sync_file(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


@contextlib.contextmanager
def _draft_for(path: pathlib.Path, publish: _Publish) -> Iterator[pathlib.Path]:
    draft = path.with_name(f"{DRAFT_PREFIX}{os.urandom(8).hex()}")
    try:
        yield draft
        publish(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync_folder(path.parent)


def _replace(draft: pathlib.Path, path: pathlib.Path) -> None:
    if path.exists() and not (path.is_file() or path.is_dir()):
        # A device or a pipe would be gone for all other programs.
        raise OSError(errno.EINVAL, "it is a device or a pipe")
    draft.replace(path)


def _give_name(draft: pathlib.Path, path: pathlib.Path) -> None:
    try:
        add_name(draft, path)
    except FileExistsError:
        if not (path.is_file() and filecmp.cmp(draft, path, shallow=False)):
            raise
    draft.unlink(missing_ok=True)


def add_name(path: pathlib.Path, name: pathlib.Path) -> None:
    """Give a file a second name in its folder, or a new one where it can have only one.

    Raises:
        FileExistsError: Something has that name, and is as it was.
        OSError: The file has its old name alone.
    """
    try:
        os.link(path, name)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as that of a USB stick
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
        path.replace(name)
    sync_folder(name.parent)


def write_file(path: pathlib.Path, data: bytes | str, mode: int = 0o666) -> None:
    """Write a whole file, as :func:`open_replacement` does; text as UTF-8.

    Raises:
        OSError: As there.
    """
    with open_replacement(path, mode) as stream:
        stream.write(data.encode("utf-8") if isinstance(data, str) else data)


def is_regular(path: pathlib.Path) -> bool:
    """Whether this is a file, and no link to one."""
    return path.is_file() and not path.is_symlink()


def is_draft(path: pathlib.Path) -> bool:
    """Whether this is what a program left that was killed while it wrote a file."""
    return _DRAFT.fullmatch(path.name) is not None and is_regular(path)


def remove_drafts(folder: pathlib.Path) -> None:
    """Remove the drafts that killed programs left in a folder.

    Only for a folder in which no other program writes meanwhile.
    """
    with contextlib.suppress(OSError):
        for draft in filter(is_draft, list(folder.iterdir())):
            draft.unlink()
