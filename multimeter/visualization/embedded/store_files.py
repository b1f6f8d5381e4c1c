"""The files of a store, by exact name: no other file beside it is ever touched.

::

    store.duckdb                                        the store
    store.duckdb.wal                                    its write-ahead log
    store.duckdb.wal.checkpoint, store.duckdb.wal.recovery   of DuckDB, short-lived
    store.duckdb.tmp/duckdb_temp_*                      of DuckDB, for large queries
    store.duckdb.<32 hex digits>.new                    a draft: a file or a folder
    store.duckdb.wal.damaged-<time>-<position>          a log that could not be read
    completely

A backup beside the store has another name, so it stays.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

from multimeter.system.durable import is_regular
from multimeter.visualization.config import remove_empty

__all__ = [
    "damaged_logs",
    "damaged_name",
    "draft_of",
    "remove_drafts",
    "remove_store",
    "store_files",
    "store_names",
    "wal_of",
]

_DRAFT = r"[0-9a-f]{32}\.new"
_DAMAGED = r"wal\.damaged-[0-9]{8}T[0-9]{6}Z-[0-9]+"
_OF_DUCKDB = ("wal", "wal.checkpoint", "wal.recovery")
_TEMPORARY = re.compile(r"duckdb_temp_[A-Za-z0-9_.-]+")


def wal_of(store: pathlib.Path) -> pathlib.Path:
    """Return the path of DuckDB's write-ahead log of a store."""
    return store.with_name(f"{store.name}.wal")


def draft_of(store: pathlib.Path) -> pathlib.Path:
    """Return a new name for a draft of a store."""
    return store.with_name(f"{store.name}.{uuid4().hex}.new")


def damaged_name(store: pathlib.Path, now: datetime, position: int) -> pathlib.Path:
    """Return the name for a damaged log.

    Args:
        store: The store.
        now: The time, in UTC.
        position: The first byte of the log that could not be read.
    """
    return store.with_name(f"{store.name}.wal.damaged-{now:%Y%m%dT%H%M%SZ}-{position}")


def damaged_logs(store: pathlib.Path) -> dict[pathlib.Path, int]:
    """Return the damaged logs of a store, each with the position in its name."""
    logs = [each for each in _beside(store, _DAMAGED) if is_regular(each)]
    return {each: int(each.name.rpartition("-")[2]) for each in sorted(logs)}


def store_names(store: pathlib.Path) -> list[pathlib.Path]:
    """Return the existing paths with names of a store's files, in no particular order.

    They need not be ours: another user may have put a link or a folder there.
    """
    single = [store, *(store.with_name(f"{store.name}.{end}") for end in _OF_DUCKDB)]
    # Large queries write to this folder: a link would redirect their files.
    folder = [each for each in _beside(store, "tmp") if not is_regular(each)]
    damaged = _beside(store, _DAMAGED)
    paths = [*single, *folder, *damaged, *_temporary(store), *_drafts(store)]
    return [each for each in paths if os.path.lexists(each)]


def store_files(store: pathlib.Path) -> list[pathlib.Path]:
    """Return the existing files of a store, in no particular order.

    Only regular files: a link or a folder with such a name is not ours.
    """
    return [each for each in store_names(store) if is_regular(each)]


def remove_store(store: pathlib.Path) -> None:
    """Remove the files of a store, and its folders if they are empty."""
    for each in store_files(store):
        each.unlink(missing_ok=True)
    remove_empty(_folders(store, f"tmp|{_DRAFT}"))


def remove_drafts(store: pathlib.Path) -> None:
    """Remove drafts left by a process that was killed while writing one."""
    for each in _drafts(store):
        if is_regular(each):
            each.unlink(missing_ok=True)
    remove_empty(_folders(store, _DRAFT))


def _drafts(store: pathlib.Path) -> Iterator[pathlib.Path]:
    yield from _beside(store, f"{_DRAFT}(?:\\.wal)?")
    for folder in _folders(store, _DRAFT):
        yield from (folder / store.name, folder / wal_of(store).name)


def _temporary(store: pathlib.Path) -> Iterator[pathlib.Path]:
    for folder in _folders(store, "tmp"):
        yield from (each for each in folder.iterdir() if _TEMPORARY.fullmatch(each.name))


def _folders(store: pathlib.Path, ending: str) -> list[pathlib.Path]:
    paths = _beside(store, ending)
    return [each for each in paths if each.is_dir() and not each.is_symlink()]


def _beside(store: pathlib.Path, ending: str) -> list[pathlib.Path]:
    name = re.compile(f"{re.escape(store.name)}\\.(?:{ending})")
    try:
        return [each for each in store.parent.iterdir() if name.fullmatch(each.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
