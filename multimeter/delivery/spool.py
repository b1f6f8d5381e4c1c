"""Spool: the queue on disk.

A spool is a folder with one folder for each program that has used it. The process that
holds the lock of such a folder owns it: two programs never share one, a child process
after a fork creates its own, and the next program takes over the folder of one that
died. It contains::

    lock                held while its owner runs
    target.json         the address of the sink (no secrets)
    00000001.v2-5000    a segment: 5,000 records, which are one batch
    00000002.v2         the last one, still growing

Names without ``.v2`` are segments of earlier versions. A folder whose name starts with a
dot is a draft, not complete yet.

Why files of frames and not a database: a record survives a SIGKILL after one write(),
about ten times faster than the smallest transaction of SQLite; a delivered segment can be
removed on a full disk, where SQLite's log cannot grow to delete a row; and a damaged byte
costs one record, wherever it lies.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping

from multimeter.delivery.folder import LOCK, TARGET, SegmentFolder
from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.lock import FileLock
from multimeter.delivery.segments import find_segments, has_segments
from multimeter.system.durable import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    make_folders,
    sync_file,
    sync_folder,
)
from multimeter.system.home import home_folder

__all__ = [
    "Address",
    "FolderInfo",
    "Spool",
    "default_spool",
    "folders_of",
    "foreign_folders",
    "is_usable",
    "new_folder_name",
    "others_may_write",
]

Address = Mapping[str, str]
"""Where records go: see :class:`multimeter.sinks.base.Sink`."""

_DRAFT = "."
_NAME = re.compile(r"\.?\d{8}T\d{6}\.\d{6}-\d+-[0-9a-f]{8}-[0-9a-f]{8}")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_TRIES = 50
_WAIT_SECONDS = 0.01


def default_spool() -> pathlib.Path:
    """Return the default spool."""
    return home_folder() / ".multimeter" / "spool"


def new_folder_name(address: Address) -> str:
    """Return a unique folder name: it sorts by time, and ends with a digest of the sink."""
    seconds, ns = divmod(time.time_ns(), 10**9)
    now = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{ns // 1_000:06d}"
    return f"{now}-{os.getpid()}-{os.urandom(4).hex()}-{_digest(address)}"


def _digest(address: Address) -> str:
    # In the name, so that damaged files cannot hide it.
    text = json.dumps(dict(address), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class FolderInfo:
    """A folder found in a spool: where its records go, and whether it is in use.

    Args:
        path: The folder.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def is_for(self, address: Address) -> bool:
        """Return whether its records go to the sink with an address."""
        return self.path.name.endswith(f"-{_digest(address)}")

    @property
    def address(self) -> Address | None:
        """The address of the sink; None if it can no longer be read."""
        try:
            data = json.loads((self.path / TARGET).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) and self.is_for(data) else None

    @property
    def records(self) -> int:
        """How many records it holds."""
        try:
            return sum(segment.records for segment in find_segments(self.path))
        except OSError:
            return 0

    @property
    def is_in_use(self) -> bool:
        """Whether its owner is running."""
        try:
            lock = FileLock.acquire(self.path / LOCK, create=False)
        except OSError:
            return False
        if lock:
            lock.release()
        return lock is None

    @property
    def is_draft(self) -> bool:
        """Whether it does not have its final name yet."""
        return self.path.name.startswith(_DRAFT)

    @property
    def has_records(self) -> bool:
        """Whether it has records to send."""
        try:
            return has_segments(self.path)
        except OSError:
            return False

    @property
    def is_foreign(self) -> bool:
        """Whether another user may have put it here: it is a link, or not ours."""
        try:
            status = self.path.lstat()
        except OSError:
            return False
        return not stat.S_ISDIR(status.st_mode) or not _is_mine(status)

    @property
    def has_lock(self) -> bool:
        """Whether it is ours and has a file to lock."""
        try:
            return not self.is_foreign and (self.path / LOCK).is_file()
        except OSError:
            return False

    def own(self, *, sync: bool = False) -> SegmentFolder | None:
        """Take over the folder; return None if its owner is running, or it was removed.

        This completes what the owner had started: a removal that was interrupted, or a
        draft, which gets its final name. An empty draft is removed.

        Raises:
            OSError: It cannot be taken over.
        """
        lock = None
        try:
            lock = FileLock.acquire(self.path / LOCK)
            if lock is None:
                return None
            path = self._name_draft(sync=sync) if self.is_draft else self.path
            if path:
                return SegmentFolder(path, lock, sync=sync)
            shutil.rmtree(self.path)
        except FileNotFoundError:
            pass
        except OSError:
            if lock:
                lock.release()
            raise
        if lock:
            lock.release()
        return None

    def _name_draft(self, *, sync: bool) -> pathlib.Path | None:
        path = self.path.with_name(self.path.name.removeprefix(_DRAFT))
        # If both names exist, a loss of power interrupted the rename, before any record
        # was accepted.
        if path.exists() or not has_segments(self.path):
            return None
        self.path.rename(path)
        if sync:
            sync_folder(path.parent)
        return path


def _is_mine(status: os.stat_result) -> bool:
    return os.name == "nt" or status.st_uid == os.geteuid()


def _all_folders(root: pathlib.Path) -> list[FolderInfo]:
    try:
        paths = sorted(root.iterdir(), key=lambda path: path.name.removeprefix(_DRAFT))
    except OSError:
        return []
    folders = map(FolderInfo, paths)
    return [each for each in folders if _NAME.fullmatch(each.path.name) or each.has_lock]


def folders_of(root: pathlib.Path) -> list[FolderInfo]:
    """Return the folders of a spool, oldest first, without those of other users."""
    return [
        each
        for each in _all_folders(root)
        if not each.is_foreign
        and (each.has_records or (each.has_lock and not each.is_draft))
    ]


def foreign_folders(root: pathlib.Path) -> list[pathlib.Path]:
    """Return what looks like a folder of a spool, but is a link or another user's."""
    return [each.path for each in _all_folders(root) if each.is_foreign]


class Spool:
    """The queue on disk, as one program sees it.

    Args:
        root: The folder of the spool.
        address: The address of this program's sink.
        sync: Whether records have to survive a loss of power.
    """

    def __init__(self, root: pathlib.Path, address: Address, *, sync: bool) -> None:
        self.root = root
        self.sync = sync
        self._address = dict(address)

    def take_over(self, incidents: IncidentLog) -> list[SegmentFolder]:
        """Take over the folders for our sink whose owners have ended.

        Args:
            incidents: Where folders that cannot be taken over are reported.
        """
        if others_may_write(self.root):
            incidents.open(
                "shared spool",
                f"Other users can write to the spool {self.root}: they could remove "
                f"points from it. To keep them out: chmod go-w {self.root}",
            )
        taken = []
        for each in _all_folders(self.root):
            if not each.is_for(self._address):
                continue
            if each.is_foreign:
                incidents.open(
                    f"foreign {each.path}",
                    f"{each.path} is a link or belongs to another user: it is not sent.",
                )
                continue
            try:
                folder = each.own(sync=self.sync)
            except OSError as error:
                incidents.open(
                    f"take over {each.path}",
                    f"{each.path} cannot be taken over and is not sent: {error}",
                    level=logging.ERROR,
                )
            else:
                taken += [folder] if folder else []
        return taken

    def create(self, name: str, numbers: Iterator[int]) -> SegmentFolder:
        """Create a folder for this program.

        Args:
            name: Its name, from :func:`new_folder_name`.
            numbers: Yields the number of each new batch.

        Raises:
            OSError: It cannot be created; nothing is left behind.
        """
        make_folders(self.root, PRIVATE_FOLDER)
        # Other programs see the folder only once it is complete and locked. Windows
        # cannot rename a folder with an open file: there it is unlocked for a moment.
        draft, path = self.root / f"{_DRAFT}{name}", self.root / name
        lock = None
        try:
            lock = self._make_draft(draft)
            self._describe(draft / TARGET)
            if self.sync:
                sync_folder(draft)
            draft.rename(path)
            if self.sync:
                # Another program may have created the spool without syncing its name.
                sync_folder(self.root)
                sync_folder(self.root.parent)
            lock = lock or _lock(path)
            return SegmentFolder(path, lock, sync=self.sync, numbers=numbers)
        except OSError:
            if lock:
                lock.release()
            for each in (draft, path):
                shutil.rmtree(each, ignore_errors=True)
            raise

    def _make_draft(self, draft: pathlib.Path) -> FileLock | None:
        for _ in range(_TRIES):
            draft.mkdir(PRIVATE_FOLDER, exist_ok=True)
            if os.name == "nt":
                return None
            # Another program may mistake it for an abandoned draft, and remove it.
            with contextlib.suppress(FileNotFoundError):
                if lock := FileLock.acquire(draft / LOCK):
                    return lock
            time.sleep(_WAIT_SECONDS)
        return _lock(draft)

    def _describe(self, target: pathlib.Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(target, flags, PRIVATE_FILE), "w", encoding="utf-8") as file:
            json.dump(self._address, file, indent=2)
            file.write("\n")
            file.flush()
            if self.sync:
                sync_file(file.fileno())


def _lock(folder: pathlib.Path) -> FileLock:
    lock = FileLock.acquire(folder / LOCK)
    if lock is None:
        raise BlockingIOError(f"{folder} is locked")
    return lock


def is_usable(root: pathlib.Path) -> bool:
    """Return whether folders can be created in a spool; creates the spool itself."""
    with contextlib.suppress(OSError):
        make_folders(root, PRIVATE_FOLDER)
        return os.access(root, os.W_OK | os.X_OK)
    return False


def others_may_write(root: pathlib.Path) -> bool:
    """Return whether other users can write to a folder."""
    try:
        status = root.stat()
    except OSError:
        return False
    return os.name != "nt" and (
        bool(status.st_mode & _OTHERS_WRITE) or status.st_uid not in {0, os.geteuid()}
    )
