"""The DuckDB file of the store: open it, run transactions, open it again after errors.

DuckDB invalidates a whole database when a checkpoint fails, for example on a full disk:
everything that was committed is on disk, but nothing works until the file is opened
again. After a failed write, :class:`Database` always opens the file again at the next
use: its content is then that of the disk, and the store recovers by itself when there is
room.

It relies on https://duckdb.org/docs/stable/connect/concurrency (one process writes, and
each thread uses its own cursor) and
https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview (SQL
cannot access other files).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from multimeter.system.durable import sync_folder
from multimeter.visualization.embedded.store import wal
from multimeter.visualization.embedded.store_files import (
    draft_of,
    remove_drafts,
    wal_of,
)
from multimeter.visualization.errors import (
    QueryCancelledError,
    StoreError,
    StoreFullError,
    StoreLockedError,
)

__all__ = ["Database", "Interrupt", "require_readable"]

_CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1GB",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # Objects in arrays are always text: do not analyse samples of them.
    "pandas_analyze_sample": "0",
}
# Set after opening, as they lock the other settings. No checkpoint on closing, because
# what a failed write left in memory must never get into the file.
_LOCK = (
    "PRAGMA disable_checkpoint_on_shutdown; "
    "SET enable_external_access = false; SET lock_configuration = true"
)
_MOST_THREADS = 4

# DuckDB distinguishes these errors only by message.
_FULL = ("No space left on device", "Disk quota exceeded", "not enough space on the disk")
_LOCKED = ("Could not set lock", "Unique file handle", "different configuration")
_FORBIDDEN = ("Permission denied", "Read-only file system")
_NOT_A_DATABASE = (
    "not a valid DuckDB database",
    "Could not read enough bytes",
    "Corrupt database file",
)
_NEWER = ("version number", "storage version greater")


class Interrupt:
    """Cancels queries; once set, it stays set.

    Any thread may set it; the thread that reads gets a :class:`QueryCancelledError`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._is_set = False

    def set(self) -> None:
        """Cancel the running query, and all later ones."""
        with self._lock:
            self._is_set = True
            if self._cursor is not None:
                self._cursor.interrupt()

    @contextmanager
    def ending(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Return a context in which the interrupt cancels the queries of a cursor.

        Raises:
            QueryCancelledError: The interrupt was set.
        """
        with self._lock:
            if self._is_set:
                raise QueryCancelledError("The client has disconnected.")
            self._cursor = cursor
        try:
            yield
        except duckdb.InterruptException as error:
            raise QueryCancelledError("The client has disconnected.") from error
        finally:
            with self._lock:
                self._cursor = None


class Database:
    """One DuckDB file, used by many threads of one process.

    Args:
        path: The file; it is created if it does not exist.
        create: Called with a cursor of a new file, to create its tables.
        opened: Called with a cursor each time the file was opened.

    Raises:
        StoreError: The file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        create: Callable[[duckdb.DuckDBPyConnection], None],
        opened: Callable[[duckdb.DuckDBPyConnection], None],
    ) -> None:
        # An absolute path, which DuckDB always treats as a file.
        self._path = path.absolute()
        self._opened = opened
        self._gate = threading.Condition()
        self._users = 0
        self._closed = False
        self._valid = False
        self._log_entry_synced = False
        self._connection: duckdb.DuckDBPyConnection | None = None
        with _errors_translated(self._path), _private_files():
            if not self._path.exists():
                _create(self._path, create)
        self._open()
        # Drafts of a killed process: no other one is running, as the file is open here.
        remove_drafts(self._path)

    @contextmanager
    def reading(
        self, interrupt: Interrupt | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Return a context with a cursor for reading.

        Args:
            interrupt: Cancels the queries; none by default.
        """
        ending = interrupt.ending if interrupt else nullcontext
        with _errors_translated(self._path), self._cursor() as cursor:
            try:
                with ending(cursor):
                    yield cursor
            except duckdb.FatalException:
                self._valid = False
                raise

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Return a context with a cursor in a transaction.

        The transaction is on disk when the context ends without an error. Only one thread
        at a time may use it.
        """
        with _errors_translated(self._path), self._cursor() as cursor, _private_files():
            try:
                cursor.begin()
                yield cursor
                cursor.commit()
                self._sync_log_entry()
            except BaseException:
                self._valid = False
                with suppress(duckdb.Error):
                    cursor.rollback()
                raise

    def close(self) -> None:
        """Close the file when no cursor is in use any more; a second call does nothing."""
        with self._gate:
            self._closed = True
            self._gate.wait_for(lambda: not self._users)
            if self._connection and self._valid:
                # If the checkpoint fails, the data stays in the log for the next one.
                with _private_files(), suppress(duckdb.Error):
                    self._connection.execute("CHECKPOINT")
            self._disconnect()

    def size_bytes(self) -> int:
        """Return the size of the file and its write-ahead log."""
        size = self._path.stat().st_size
        # A checkpoint may remove the log at any moment.
        with suppress(FileNotFoundError):
            size += wal_of(self._path).stat().st_size
        return size

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._gate:
            # DuckDB does not open a file again while a cursor uses it.
            self._gate.wait_for(lambda: self._closed or self._valid or not self._users)
            if self._closed:
                raise StoreError(f"The store {self._path} is closed.")
            if not self._valid:
                self._open()
            assert self._connection is not None
            cursor = self._connection.cursor()
            self._users += 1
        try:
            yield cursor
        finally:
            cursor.close()
            with self._gate:
                self._users -= 1
                self._gate.notify_all()

    def _sync_log_entry(self) -> None:
        """Sync the folder after DuckDB created a log, so that it survives a crash.

        DuckDB syncs the content of the log, but not the folder.
        """
        exists = wal_of(self._path).exists()
        if exists and not self._log_entry_synced:
            sync_folder(self._path.parent)
        self._log_entry_synced = exists

    def _open(self) -> None:
        configuration = _CONFIGURATION | {
            "threads": str(min(_MOST_THREADS, os.cpu_count() or 1)),
            # DuckDB would share a file that this process has open already, unless the
            # configurations differ.
            "custom_user_agent": f"multimeter {uuid4()}",
        }
        with _errors_translated(self._path), _private_files():
            self._disconnect()
            self._log_entry_synced = False
            self._connection = _connect(self._path, configuration)
            try:
                wal.keep_unread(self._path)
                self._connection.execute(_LOCK)
                self._opened(self._connection)
                self._path.chmod(0o600)
            except BaseException:
                self._disconnect()
                raise
        self._valid = True

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()


def _connect(path: Path, configuration: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Open the file for writing; of a damaged log, without the unreadable part."""
    try:
        return duckdb.connect(str(path), config=dict(configuration))
    except duckdb.Error as error:
        if not wal.is_damage(error):
            raise
    wal.repair(path, _try_to_open)
    return duckdb.connect(str(path), config=dict(configuration))


def require_readable(path: Path) -> str:
    """Check whether a closed store can be opened, without changing anything.

    Returns:
        A note about what the next start will do with its log, or an empty string.

    Raises:
        StoreError: It cannot be opened.
    """
    with _errors_translated(path):
        if not path.exists():
            return ""
        try:
            _try_to_open(path)
        except duckdb.Error as error:
            if not wal.is_damage(error):
                raise
            return (
                "a part of its write-ahead log cannot be read; the next start sets it aside"
            )
    return ""


def _try_to_open(path: Path) -> None:
    duckdb.connect(str(path), read_only=True, config=_CONFIGURATION).close()


def _create(path: Path, create: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
    """Create the file under a temporary name first, so that it is complete or absent."""
    draft = draft_of(path)
    try:
        with duckdb.connect(str(draft), config=_CONFIGURATION) as connection:
            create(connection)
        with suppress(FileExistsError):
            os.link(draft, path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _private_files() -> Iterator[None]:
    """Return a context in which new files are private to this user.

    DuckDB creates a new write-ahead log after each checkpoint, and has no setting for its
    permissions. The mask applies to the whole process; the database uses this from one
    thread at a time.
    """
    umask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(umask)


@contextmanager
def _errors_translated(path: Path) -> Iterator[None]:
    """Translate errors of DuckDB and the system to StoreError."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise _translate(path, error) from error


def _translate(path: Path, error: Exception) -> StoreError:
    text = str(error)

    def is_one_of(messages: tuple[str, ...]) -> bool:
        return any(message in text for message in messages)

    if is_one_of(_FULL):
        return StoreFullError(
            f"There is no room for the store {path}; nothing was stored.",
            cause=f"The file system of {path.parent} is full, or a quota is reached.",
            next_step="Free some space; the store recovers by itself.",
        )
    if is_one_of(_LOCKED):
        return StoreLockedError(
            f"The store {path} is in use.",
            cause="An embedded server is running already.",
            next_step="multimeter-visu status",
        )
    if is_one_of(_NEWER):
        return StoreError(
            f"The store {path} was written by a newer version.",
            cause=text,
            next_step="pip install --upgrade 'multimeter[visu]'",
        )
    if is_one_of(_NOT_A_DATABASE):
        return StoreError(
            f"The file {path} is not a store, or it is damaged.",
            cause=text,
            next_step=(
                "Restore a backup; or start with an empty store: move the file and"
                f" {wal_of(path).name} away, then start."
            ),
        )
    if is_one_of(_FORBIDDEN):
        return StoreError(
            f"No permission for the store {path}.",
            cause=text,
            next_step=f"ls -ld '{path.parent}' '{path}'",
        )
    return StoreError(f"The store {path} failed.", cause=text)
