"""The rejects file: records that a server refused for good, with its reasons."""

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

    Keys: ``time`` (when it was refused, ISO 8601 in UTC), ``place`` (the sink),
    ``batch`` and ``index`` (identify the record, also if it is refused again after a
    crash), ``reason`` (the server's answer) and ``line`` (the record). Programs can share
    the file.

    Args:
        path: The file; it is created, with its folder, on first use.
        sync: Whether its contents have to survive a loss of power.
    """

    def __init__(self, path: pathlib.Path, *, sync: bool = False) -> None:
        self.path = path
        self._sync = sync
        self._is_name_safe = False

    def add(self, place: str, batch: Batch, records: Mapping[int, str]) -> None:
        """Add records of a batch.

        Args:
            place: The name of the sink that refused them.
            batch: The batch, or part of a batch, that was sent.
            records: The reason for each, by index in the batch.

        Raises:
            OSError: None of them could be written.
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
                # A loss of power, or a kill on a full disk, left a partial line.
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
    # Other programs that write to the same file hold it for a moment.
    for _ in range(_TRIES):
        try:
            if lock_open_file(descriptor):
                return
        except OSError:  # this file system has no locks
            return
        time.sleep(_WAIT_SECONDS)
    raise BlockingIOError(errno.EAGAIN, "another program has locked it")


def _last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1)
