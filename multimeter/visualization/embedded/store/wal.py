"""The write-ahead log of a store: its commits, and repair after damage.

DuckDB writes and syncs the log before a write is acknowledged. A loss of power in between
leaves a log whose end is truncated, zeros or garbage, or lacks a sector. DuckDB reads a
truncated log up to its last complete commit. It refuses any other log, and with it the
whole database; where the size of an entry is damaged, it takes that entry for the end,
and its next write truncates the rest. So:

- A log that DuckDB refuses is copied beside the store, and truncated after the last
  commit that DuckDB can read (:func:`repair`). Complete commits before the damage are
  kept.
- A log of which DuckDB has silently skipped complete commits, or that does not start like
  a log, is copied too (:func:`keep_unread`).

The layout, of versions 1.4 to 2.0 (``src/storage/write_ahead_log.cpp`` in DuckDB)::

    header    a serialised object: version 2, and since 1.5 which database it belongs to
    entry     8 bytes size of the payload, 8 bytes checksum, payload: a serialised object
    ...       the last entry of each commit is a marker, always the same 5 bytes

It is used to find the ends of commits; only DuckDB decides whether they are complete.
"""

from __future__ import annotations

import logging
import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from multimeter.system.durable import PRIVATE_FILE, sync_file, sync_folder, write_file
from multimeter.visualization.embedded.store_files import (
    damaged_logs,
    damaged_name,
    draft_of,
    wal_of,
)

__all__ = [
    "UnreadLog",
    "commit_ends",
    "is_damage",
    "keep_unread",
    "repair",
    "unread_logs",
]

_LOG = logging.getLogger(__name__)

_BYTE = rb"(?:[\x80-\xff]\x01|[\x00-\x7f])"
_HEADER = re.compile(
    rb"\x64\x00\x62\x65\x00\x02"  # field 100: a version entry; field 101: version 2
    rb"(?:\x66\x00\x10" + _BYTE + rb"{16})?"  # field 102: the id of the database
    rb"(?:\x67\x00[\x80-\xff]*[\x00-\x7f])?"  # field 103: the number of its checkpoints
    rb"(?:[\x68-\x6f]\x00[\x80-\xff]*[\x00-\x7f])*"  # numbers to come
    rb"\xff\xff"
)
_VERSION_ENTRY = b"\x64\x00\x62\x65\x00"
_VERSION_AT = len(_VERSION_ENTRY)
_ENTRY = struct.Struct("<QQ")
_BEGIN, _END = b"\x64\x00", b"\xff\xff"
_MARKER = b"\x64\x00\x64\xff\xff"
_MARKER_ENTRY = re.compile(
    re.escape(struct.pack("<Q", len(_MARKER))) + rb".{8}" + re.escape(_MARKER), re.DOTALL
)

_REPLAYING = "replaying WAL"
# Not damage of the log: a lack of memory, space or permission, a damaged store, or a log
# of a newer version.
_NOT_OF_THE_LOG = (
    "Out of Memory",
    "No space left on device",
    "Disk quota exceeded",
    "Permission denied",
    "Read-only file system",
    "Too many open files",
    "Input/output error",
    "Corrupt database file",
    "WAL of version",
)


def commit_ends(log: bytes) -> list[int]:
    """Return the ends of commits, from the first one up to the first invalid entry."""
    ends = []
    header = _HEADER.match(log)
    place = header.end() if header else len(log)
    while place + _ENTRY.size <= len(log):
        start = place + _ENTRY.size
        size, _checksum = _ENTRY.unpack_from(log, place)
        place = start + size
        payload = log[start:place]
        if len(payload) < size or payload[:2] != _BEGIN or payload[-2:] != _END:
            break
        if payload == _MARKER:
            ends.append(place)
    return ends


def _count_commits(log: bytes) -> int:
    """Count the commit markers in a part of a log, ignoring all else."""
    return len(_MARKER_ENTRY.findall(log))


def is_damage(error: Exception) -> bool:
    """Whether DuckDB refuses a database because of its log."""
    text = str(error)
    return _REPLAYING in text and not any(each in text for each in _NOT_OF_THE_LOG)


def repair(store: Path, try_to_open: Callable[[Path], None]) -> None:
    """Truncate the log of a store where DuckDB fails to read it; keep a complete copy.

    Nothing is changed if the store cannot be opened without the log either.

    Args:
        store: The store, which must not be open.
        try_to_open: Opens a store for reading and closes it; raises DuckDB's errors.

    Raises:
        OSError: There is no room for the copy, or no permission.
        Exception: An error of ``try_to_open`` that the log did not cause.
    """
    log = wal_of(store).read_bytes()
    ends = [0, *commit_ends(log)]
    with _trial(store, log, try_to_open) as opens:
        if not opens(0):
            return
        end = ends[_last_that_opens(ends, opens)]
    _set_aside(store, log, end)
    if end:
        _cut(wal_of(store), end)
    else:
        wal_of(store).unlink()
    sync_folder(store.parent)


def keep_unread(store: Path) -> None:
    """Keep a copy of a log of which DuckDB has silently skipped more than a torn write.

    Args:
        store: The store, opened by this process and not written to yet.
    """
    try:
        log = wal_of(store).read_bytes()
    except FileNotFoundError:
        return
    if log[:_VERSION_AT] == _VERSION_ENTRY and log[_VERSION_AT:][:1] != b"\x02":
        return  # another layout, which DuckDB can read
    ends = commit_ends(log)
    end = ends[-1] if ends else 0
    if _count_commits(log[end:]) or not _begins_like_a_log(log):
        _set_aside(store, log, end)


def _begins_like_a_log(log: bytes) -> bool:
    """Whether this is a log, or one with a truncated header."""
    return log[:_VERSION_AT] == _VERSION_ENTRY[: len(log)]


def _last_that_opens(ends: Sequence[int], opens: Callable[[int], bool]) -> int:
    """Find the last position where the log can be truncated; the first is valid.

    Damage is nearly always at the end: search backwards with doubling steps.
    """
    good, bad, step = 0, len(ends), 1
    while bad - good > 1:
        place = max(bad - step, (good + bad) // 2 if good else good + 1)
        if opens(ends[place]):
            good = place
        else:
            bad, step = place, 2 * step
    return good


@contextmanager
def _trial(
    store: Path, log: bytes, try_to_open: Callable[[Path], None]
) -> Iterator[Callable[[int], bool]]:
    """Return a function that checks whether DuckDB reads a log up to a position.

    It tries that in a folder beside the store, with a hard link to the store and a part
    of the log: the store itself is not touched.
    """
    folder = draft_of(store)
    copy = folder / store.name
    part = wal_of(copy)

    def opens(end: int) -> bool:
        part.unlink(missing_ok=True)
        if end:
            part.write_bytes(log[:end])
        try:
            try_to_open(copy)
        except Exception as error:
            if is_damage(error):
                return False
            raise
        return True

    folder.mkdir(mode=0o700)
    try:
        os.link(store, copy)
        yield opens
    finally:
        part.unlink(missing_ok=True)
        copy.unlink(missing_ok=True)
        folder.rmdir()


def _set_aside(store: Path, log: bytes, end: int) -> None:
    copy = next((each for each in damaged_logs(store) if each.read_bytes() == log), None)
    if copy is None:
        copy = damaged_name(store, datetime.now(timezone.utc), end)
        write_file(copy, log, PRIVATE_FILE)
    _LOG.warning("The store %s: %s", store, UnreadLog.of(copy, end).describe())


def _cut(log: Path, end: int) -> None:
    with log.open("r+b") as stream:
        stream.truncate(end)
        sync_file(stream.fileno())


@dataclass(frozen=True)
class UnreadLog:
    """A log that was set aside, as DuckDB could not read all of it.

    Attributes:
        path: The copy of the complete log.
        size_bytes: The size of the unreadable part.
        commits: The number of apparently complete writes in that part.
    """

    path: Path
    size_bytes: int
    commits: int

    @classmethod
    def of(cls, path: Path, position: int) -> UnreadLog:
        """Return the description of a log with the part after a position unread."""
        unread = path.read_bytes()[position:]
        return cls(path, len(unread), _count_commits(unread))

    def describe(self) -> str:
        """Return a sentence about what may be lost."""
        what = (
            f"up to {self.commits} acknowledged writes may be missing"
            if self.commits
            else "they contain no complete write, so most likely nothing is missing"
        )
        return (
            f"{self.size_bytes} bytes at the end of the write-ahead log could not be read"
            f" ({what}); the complete log was set aside as {self.path}."
        )


def unread_logs(store: Path) -> list[UnreadLog]:
    """Return the logs that were set aside, oldest first."""
    return [UnreadLog.of(path, place) for path, place in damaged_logs(store).items()]
