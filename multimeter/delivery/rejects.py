"""Rejects: the file of what a server refused for good, with its reason."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import os
import pathlib
import time
from collections.abc import Mapping

from multimeter.delivery.lock import lock_open_file
from multimeter.sinks.base import Batch
from multimeter.system.durable import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    make_folders,
    sync_file,
    sync_folder,
)

__all__ = ["RejectsFile"]

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_TRIES = 200
_WAIT_SECONDS = 0.01


class RejectsFile:
    """A file of JSON lines, one for each rejected record.

    Their keys: ``time`` (when it was refused, ISO 8601 in UTC), ``place``, ``batch``
    and ``index`` (which record it is, so that one that was refused again after a crash
    is known), ``reason`` (what the server said) and ``line`` (the record). Programs can
    share it.

    Args:
        path: The file; it is made, with its folder, when it is first needed.
        sync: Whether what is written has to survive a loss of power, too.
    """

    def __init__(self, path: pathlib.Path, *, sync: bool = False) -> None:
        self.path = path
        self._sync = sync
        self._is_name_safe = False

    def add(self, place: str, batch: Batch, records: Mapping[int, str]) -> None:
        """Add records of a batch.

        Args:
            place: Who refused them.
            batch: The batch, or the part of one, that was sent.
            records: Their indices in it, and why each was refused.

        Raises:
            OSError: They could not be written; none of them has been.
        """
        now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
        text = "".join(
            json.dumps(
                {
                    "time": now,
                    "place": place,
                    "batch": batch.id,
                    "index": batch.first + record,
                    "reason": reason,
                    "line": batch.lines[record].decode("utf-8", "replace"),
                }
            )
            + "\n"
            for record, reason in records.items()
        )
        self._append(text.encode("ascii"))

    def _append(self, data: bytes) -> None:
        folder = self.path.parent
        make_folders(folder, PRIVATE_FOLDER)
        descriptor = os.open(self.path, _FLAGS, PRIVATE_FILE)
        try:
            _wait_for_lock(descriptor)
            if self._sync and not self._is_name_safe:
                sync_folder(folder)
                self._is_name_safe = True
            before = os.fstat(descriptor).st_size
            if before and _last_byte(descriptor, before) != b"\n":
                # A loss of power, or a kill on a full disk, has left half a line.
                data = b"\n" + data
            try:
                self._write(descriptor, data)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, data: bytes) -> None:
        if os.write(descriptor, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._sync:
            sync_file(descriptor)


def _wait_for_lock(descriptor: int) -> None:
    # Other programs hold it for a moment, as they may write to the same file.
    for _ in range(_TRIES):
        try:
            if lock_open_file(descriptor):
                return
        except OSError:  # this disk has no locks
            return
        time.sleep(_WAIT_SECONDS)
    raise BlockingIOError(errno.EAGAIN, "another program has locked it")


def _last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1)
