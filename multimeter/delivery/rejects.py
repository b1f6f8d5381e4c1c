"""Rejects: the file of what a server refused for good, with its reason."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import pathlib
from collections.abc import Mapping

from multimeter.durable import PRIVATE_FOLDER, make_folders
from multimeter.sinks.base import Batch

__all__ = ["RejectsFile"]


class RejectsFile:
    """A file of JSON lines, one for each rejected record.

    Their keys: ``time`` (when it was refused, ISO 8601 in UTC), ``place``, ``batch``
    and ``index`` (which record it is, so that one that was refused again after a crash
    is known), ``reason`` (what the server said) and ``line`` (the record).

    Args:
        path: The file; it is made, with its folder, when it is first needed.
        sync: Whether what is written has to survive a loss of power, too.
    """

    def __init__(self, path: pathlib.Path, *, sync: bool = False) -> None:
        self.path = path
        self._sync = sync

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
        make_folders(self.path.parent, PRIVATE_FOLDER)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.path, flags, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            written = os.write(descriptor, data)
            if written < len(data):
                # The disk is full. Half a line would spoil the one that follows it.
                os.ftruncate(descriptor, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self._sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
