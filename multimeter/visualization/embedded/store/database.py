"""The DuckDB file under the store: opening, transactions, and opening again.

DuckDB gives up a whole database when a checkpoint fails, on a full disk for instance:
everything that was committed is on disk, but nothing works until it has been opened
again. After a write that failed, :class:`Database` always opens the file again at the
next use: what is there then is what is on disk, and the store goes on by itself when
there is room.

What it relies on: https://duckdb.org/docs/stable/connect/concurrency (one process writes,
threads use cursors of their own) and
https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview (no way from SQL
to other files).
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
import numpy as np
from numpy.typing import NDArray

from multimeter.system.durable import sync_folder
from multimeter.visualization.embedded.store import wal
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store_files import (
    draft_of,
    remove_drafts,
    wal_of,
)
from multimeter.visualization.errors import StoreError, StoreFullError, StoreLockedError

__all__ = ["Database", "insert", "lend", "require_readable"]

_CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1GB",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # Objects in arrays are text, without looking at some of them first.
    "pandas_analyze_sample": "0",
}
# At the start DuckDB would not take the other settings after these. What a write that
# failed has left in memory must never come into the file: so nothing does on closing.
_LOCK = (
    "PRAGMA disable_checkpoint_on_shutdown; "
    "SET enable_external_access = false; SET lock_configuration = true"
)
_MOST_THREADS = 4

# DuckDB tells these apart in its messages only.
_FULL = ("No space left on device", "Disk quota exceeded", "not enough space on the disk")
_LOCKED = ("Could not set lock", "Unique file handle", "different configuration")
_FORBIDDEN = ("Permission denied", "Read-only file system")
_NO_DATABASE = (
    "not a valid DuckDB database",
    "Could not read enough bytes",
    "Corrupt database file",
)
_NEWER = ("version number", "storage version greater")


class Database:
    """One DuckDB file, used by many threads of one process.

    Args:
        path: The file; it is made when there is none.
        create: Called with a cursor of a file just made, to make its tables.
        opened: Called with a cursor whenever the file has been opened.

    Raises:
        StoreError: The file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        create: Callable[[duckdb.DuckDBPyConnection], None],
        opened: Callable[[duckdb.DuckDBPyConnection], None],
    ) -> None:
        # With a name that DuckDB takes for a file, whatever it looks like.
        self._path = path.absolute()
        self._opened = opened
        self._gate = threading.Condition()
        self._users = 0
        self._closed = False
        self._valid = False
        self._log_has_name = False
        self._connection: duckdb.DuckDBPyConnection | None = None
        with _told(self._path), _private_files():
            if not self._path.exists():
                _create(self._path, create)
        self._open()
        # Of a process that was killed, and of no other: the file is open here now.
        remove_drafts(self._path)

    @contextmanager
    def reading(
        self, interrupt: Interrupt | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor to read with.

        Args:
            interrupt: Ends what is read; none by default.
        """
        ending = interrupt.ending if interrupt else nullcontext
        with _told(self._path), self._cursor() as cursor:
            try:
                with ending(cursor):
                    yield cursor
            except duckdb.FatalException:
                self._valid = False
                raise

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor in a transaction, which is on disk when this ends without error.

        One thread at a time.
        """
        with _told(self._path), self._cursor() as cursor, _private_files():
            try:
                cursor.begin()
                yield cursor
                cursor.commit()
                self._keep_name_of_log()
            except BaseException:
                self._valid = False
                with suppress(duckdb.Error):
                    cursor.rollback()
                raise

    def close(self) -> None:
        """Close the file once nobody uses it any more; a second call does nothing."""
        with self._gate:
            self._closed = True
            self._gate.wait_for(lambda: not self._users)
            if self._connection and self._valid:
                # What cannot come into the file now stays in the log, and does later.
                with _private_files(), suppress(duckdb.Error):
                    self._connection.execute("CHECKPOINT")
            self._let_go()

    def size_bytes(self) -> int:
        """Return the size of the file and of what is not in it yet."""
        size = self._path.stat().st_size
        # A checkpoint removes the log at any moment.
        with suppress(FileNotFoundError):
            size += wal_of(self._path).stat().st_size
        return size

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._gate:
            # DuckDB opens nothing again that somebody still uses.
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

    def _keep_name_of_log(self) -> None:
        """See to it that a log that DuckDB has just made keeps its name in a crash.

        DuckDB syncs what is in it, and not the folder that it makes it in.
        """
        there = wal_of(self._path).exists()
        if there and not self._log_has_name:
            sync_folder(self._path.parent)
        self._log_has_name = there

    def _open(self) -> None:
        configuration = _CONFIGURATION | {
            "threads": str(min(_MOST_THREADS, os.cpu_count() or 1)),
            # DuckDB hands a file that this process has open already out again, unless
            # the configurations differ.
            "custom_user_agent": f"multimeter {uuid4()}",
        }
        with _told(self._path), _private_files():
            self._let_go()
            self._log_has_name = False
            self._connection = _connect(self._path, configuration)
            try:
                wal.keep_unread(self._path)
                self._connection.execute(_LOCK)
                self._opened(self._connection)
                self._path.chmod(0o600)
            except BaseException:
                self._let_go()
                raise
        self._valid = True

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()


def _connect(path: Path, configuration: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Open the file to write; one whose log is damaged, without what cannot be read."""
    try:
        return duckdb.connect(str(path), config=dict(configuration))
    except duckdb.Error as error:
        if not wal.is_damage(error):
            raise
    wal.repair(path, _try_to_open)
    return duckdb.connect(str(path), config=dict(configuration))


def require_readable(path: Path) -> str:
    """Look whether a store that nobody has open could be opened; nothing is changed.

    Returns:
        What the next start will do about its log, or nothing.

    Raises:
        StoreError: It could not be opened.
    """
    with _told(path):
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
    """Make the file under another name first: there is all of it or nothing."""
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
    """Let files that are made meanwhile be for this user only.

    DuckDB makes the file of its write-ahead log anew after each checkpoint, and has no
    setting for the permissions. The mask is the whole process's; the database uses this
    from one thread at a time.
    """
    umask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(umask)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in the words of the store what DuckDB and the system could not do."""
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
            f"There is no room for the store {path}; nothing of this was stored.",
            cause=f"The file system of {path.parent} is full, or a quota is reached.",
            next_step="Free some space; the store goes on by itself.",
        )
    if is_one_of(_LOCKED):
        return StoreLockedError(
            f"The store {path} is in use.",
            cause="An embedded server runs already.",
            next_step="multimeter-visu status",
        )
    if is_one_of(_NEWER):
        return StoreError(
            f"The store {path} was written by a newer version.",
            cause=text,
            next_step="pip install --upgrade 'multimeter[visu]'",
        )
    if is_one_of(_NO_DATABASE):
        return StoreError(
            f"The file {path} is not a store, or it is damaged.",
            cause=text,
            next_step=(
                "Put a backup of it in its place; or begin anew: move the file and"
                f" {wal_of(path).name} away, and start."
            ),
        )
    if is_one_of(_FORBIDDEN):
        return StoreError(
            f"No permission for the store {path}.",
            cause=text,
            next_step=f"ls -ld '{path.parent}' '{path}'",
        )
    return StoreError(f"The store {path} failed.", cause=text)


@contextmanager
def lend(
    cursor: duckdb.DuckDBPyConnection, arrays: Mapping[str, NDArray[Any]]
) -> Iterator[str]:
    """Let SQL see columns of numbers, texts or booleans, without copying them.

    Yields:
        What stands behind FROM; masked values are NULL there.
    """
    lent, columns = {}, []
    for name, values in arrays.items():
        lent[name] = np.ma.getdata(values)
        column = f'"{name}"'
        if isinstance(values, np.ma.MaskedArray):
            # DuckDB itself does not look at masks before its version 2.
            lent[f"no {name}"] = np.ma.getmaskarray(values)
            column = f'CASE WHEN NOT "no {name}" THEN {column} END AS {column}'
        columns.append(column)
    cursor.register("lent", lent)
    yield f"(SELECT {', '.join(columns)} FROM lent)"  # noqa: S608
    # Not after an error: it goes with the cursor then, whose transaction is lost.
    cursor.unregister("lent")


def insert(
    cursor: duckdb.DuckDBPyConnection, table: str, arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Append rows to a table, given by column."""
    names = ", ".join(f'"{name}"' for name in arrays)
    with lend(cursor, arrays) as rows:
        cursor.execute(f"INSERT INTO {table} ({names}) FROM {rows}")
