"""Spool: the queue on disk.

A spool is a folder with one folder for each program that has used it. Whoever holds the
lock of such a folder owns it: two programs never share one, a child process after a
fork makes its own, and what a program left behind when it died is taken over by the
next one. In it::

    lock             held while its owner lives
    target.json      where its records go (no secrets)
    00000001-5000    a segment: 5,000 records, which are one batch
    00000002         the last one, still growing

Why files of frames and not a database: a record is safe from a SIGKILL after one
write(), about ten times faster than the smallest transaction of SQLite; a segment that
was delivered can be removed on a full disk, where SQLite's log cannot grow to delete a
row; and a damaged byte costs one record, wherever it lies.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import time
from collections.abc import Iterator, Mapping

from multimeter.delivery.lock import FileLock
from multimeter.delivery.segments import SegmentFolder, find_segments
from multimeter.home import home_folder

__all__ = [
    "Address",
    "FolderInfo",
    "Spool",
    "default_spool",
    "folders_of",
    "is_usable",
    "new_folder_name",
]

Address = Mapping[str, str]
"""Where records go: see :class:`multimeter.sinks.base.Sink`."""

_LOCK = "lock"
_TARGET = "target.json"
_DRAFT = "."


def default_spool() -> pathlib.Path:
    """Return the folder of the spool for programs that name none."""
    return home_folder() / ".multimeter" / "spool"


def new_folder_name(address: Address) -> str:
    """Return a unique name: sorts by time, and tells which place it is for."""
    seconds, ns = divmod(time.time_ns(), 10**9)
    now = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{ns // 1_000:06d}"
    return f"{now}-{os.getpid()}-{os.urandom(4).hex()}-{_digest(address)}"


def _digest(address: Address) -> str:
    # In the name, not in a file: there no damage to the contents can hide it.
    text = json.dumps(dict(address), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class FolderInfo:
    """A folder of a spool, as found: where its records go, and whether it is in use.

    Args:
        path: The folder.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def is_for(self, address: Address) -> bool:
        """Tell whether its records go to a place."""
        return self.path.name.endswith(f"-{_digest(address)}")

    @property
    def address(self) -> Address | None:
        """Where its records go; None where that cannot be read any more."""
        try:
            data = json.loads((self.path / _TARGET).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) and self.is_for(data) else None

    @property
    def records(self) -> int:
        """How many records lie in it."""
        try:
            return sum(segment.records for segment in find_segments(self.path))
        except OSError:
            return 0

    @property
    def is_in_use(self) -> bool:
        """Whether the program that uses it lives."""
        try:
            lock = FileLock.acquire(self.path / _LOCK, create=False)
        except OSError:
            return False
        if lock:
            lock.release()
        return lock is None

    def own(self, *, sync: bool = False) -> SegmentFolder | None:
        """Take the folder over, or return None when its owner lives, or it is gone."""
        lock = None
        try:
            lock = FileLock.acquire(self.path / _LOCK, create=False)
            return None if lock is None else SegmentFolder(self.path, lock, sync=sync)
        except OSError:
            if lock:
                lock.release()
            return None


def folders_of(root: pathlib.Path) -> list[FolderInfo]:
    """Return the folders of a spool, the oldest first."""
    try:
        paths = sorted(root.iterdir())
    except OSError:
        return []
    whole = (path for path in paths if not path.name.startswith(_DRAFT))
    return [FolderInfo(path) for path in whole if (path / _LOCK).is_file()]


class Spool:
    """The queue on disk, as one program sees it.

    Args:
        root: The folder of the spool.
        address: Where the records of this program go.
        sync: Whether what is written survives a loss of power.
    """

    def __init__(self, root: pathlib.Path, address: Address, *, sync: bool) -> None:
        self.root = root
        self.sync = sync
        self._address = dict(address)

    def take_over(self) -> list[SegmentFolder]:
        """Own the folders whose owners are gone and whose records go to our address."""
        ours = [each for each in folders_of(self.root) if each.is_for(self._address)]
        return [folder for each in ours if (folder := each.own(sync=self.sync))]

    def create(self, name: str, numbers: Iterator[int]) -> SegmentFolder:
        """Make a folder of our own.

        Args:
            name: Its name, from :func:`new_folder_name`.
            numbers: Gives each new batch its number.

        Raises:
            OSError: It cannot be made.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Others see the folder when all is in it, and locked. Windows cannot rename
        # a folder with an open file in it; there is a moment without a lock there.
        draft, path = self.root / f"{_DRAFT}{name}", self.root / name
        lock = None
        try:
            draft.mkdir(mode=0o700)
            self._describe(draft / _TARGET)
            if os.name != "nt":
                lock = FileLock.acquire(draft / _LOCK)
            draft.rename(path)
            lock = lock or FileLock.acquire(path / _LOCK)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        if lock is None:
            raise BlockingIOError(f"{path} is locked")
        return SegmentFolder(path, lock, sync=self.sync, numbers=numbers)

    def _describe(self, target: pathlib.Path) -> None:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(self._address, stream, indent=2)
            stream.write("\n")
            if self.sync:
                stream.flush()
                os.fsync(stream.fileno())


def is_usable(root: pathlib.Path) -> bool:
    """Tell whether folders can be made in a spool; makes the spool itself."""
    with contextlib.suppress(OSError):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.access(root, os.W_OK | os.X_OK)
    return False
