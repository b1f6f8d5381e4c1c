"""A sink for a table ``(type, time, value)`` of MySQL or MariaDB."""

from __future__ import annotations

import collections
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from multimeter.sinks import sql_statements as statements
from multimeter.sinks.base import Accepted, Answer, Batch, Rejected
from multimeter.sinks.sql_answers import (
    DUPLICATE_KEY,
    answer_of,
    cannot_compare,
    is_lost,
    is_refusal,
)
from multimeter.sinks.sql_client import Server, SQLConnection, SQLError
from multimeter.sinks.sql_rows import Ranges, RefusedRowError, Rows, parse_rows
from multimeter.system.log import log

__all__ = ["DESCRIPTIONS", "SQLSink"]

DESCRIPTIONS = "dateplots_descriptions"
"""The table that gives each codename its id."""

# One program has at most one batch of which it does not know whether it is stored. Rows
# of others are kept for a while, as a loss of power brings files back to life.
_KEPT_SECONDS = 600.0
_FORGET_AT_ONCE = 500
# A connection that was idle may have been closed by the server, or by what is between.
_IDLE_SECONDS = 20.0
_SERVER_WAITS_SECONDS = 30
_LOCK_SECONDS = 10


class SQLSink:
    """Writes values into a table, many a statement, each batch in one transaction.

    The same transaction keeps the id of the batch in the table ``multimeter_batches``:
    a batch whose COMMIT was not answered is known when it is sent again. Where that
    table cannot be made, the log says that doubles are possible.

    It takes records of any measurement with one tag, ``codename``, and one field,
    ``value``, a number. Times are kept to the microsecond, or as the column has them.

    Args:
        server: Where the database is: a ``MySQLServer`` or an ``ODBCSource``.
        table: The table of the values; ``database.table`` for one in another database.
        descriptions: The table of ids and codenames.
        clock: Returns seconds that never go back.

    Raises:
        ConfigurationError: A name of a table cannot be used.
    """

    def __init__(
        self,
        server: Server,
        table: str,
        *,
        descriptions: str = DESCRIPTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._table = table
        self._descriptions = descriptions
        self._clock = clock
        self._may_insert = statements.may_insert(table)
        self._select_id = statements.select_id(descriptions)
        self._select_spellings = statements.select_spellings(descriptions)
        self._connection: SQLConnection | None = None
        self._used = 0.0
        self._ids: dict[bytes, int] = {}
        self._keeps_batches = True
        self._stored = collections.deque[tuple[float, str]]()
        self._warned: set[str] = set()

    @property
    def name(self) -> str:
        """The place and the table."""
        return f"{self._server.name}, table {self._table}"

    @property
    def address(self) -> Mapping[str, str]:
        """``kind``, what finds the server, ``table``; ``descriptions`` if another one."""
        address = {**self._server.address, "table": self._table}
        if self._descriptions != DESCRIPTIONS:
            address["descriptions"] = self._descriptions
        return address

    def check(self, codenames: Sequence[str]) -> Answer:
        """Ask whether values of some codenames could be stored.

        Returns:
            Accepted; Rejected with the indices of codenames that do not have exactly
            one id of their own; or Retry, with ``refused`` where the server has answered.
        """
        refused = {}
        try:
            connection = self._connected()
            self._run(connection, self._may_insert)
            ids: dict[int, str] = {}
            for index, codename in enumerate(codenames):
                try:
                    first = ids.setdefault(self._find_id(connection, codename), codename)
                except RefusedRowError as error:
                    refused[index] = str(error)
                else:
                    if first != codename:
                        refused[index] = _one_codename(first, codename)
            connection.rollback()
        except Exception as error:  # noqa: BLE001 - what it means is an answer
            return self._failed(error)
        return Rejected(next(iter(refused.values())), refused) if refused else Accepted()

    def send(self, batch: Batch) -> Answer:
        """Store a batch, or what is not stored of it yet."""
        sending = False
        try:
            connection = self._connected()
            rows, refused = parse_rows(
                batch, self._ids, functools.partial(self._find_id, connection)
            )
            if refused:
                connection.rollback()
                return Rejected(next(iter(refused.values())), refused)
            stored = self._claim(connection, batch)
            if stored:
                numbered = enumerate(rows, batch.first)
                rows = Rows(row for index, row in numbered if index not in stored)
            sending = True
            self._write(connection, rows)
            connection.commit()
        except Exception as error:  # noqa: BLE001 - what it means is an answer
            return self._failed(error, sending=sending)
        self._used = self._clock()
        self._forget(connection, batch.id)
        return Accepted()

    def after_fork(self) -> None:
        """Forget the connection, which is the parent's."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._server.disown(connection)
        self._stored.clear()

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:  # noqa: BLE001 - it is gone already, which is all we want
                self._server.abandon(connection)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"

    def _connected(self) -> SQLConnection:
        if self._clock() - self._used > _IDLE_SECONDS:
            self.close()
        if self._connection is None:
            self._ids.clear()
            connection = self._connection = self._server.connect()
            try:
                self._set_up(connection)
            except BaseException:
                self._drop()
                raise
            self._used = self._clock()
        return self._connection

    def _set_up(self, connection: SQLConnection) -> None:
        lock = max(1, min(_LOCK_SECONDS, round(self._server.timeout / 2)))
        waits = _SERVER_WAITS_SECONDS
        self._run(connection, statements.SET_UP, lock, waits, waits)
        if self._ask_about_table(connection, statements.TYPE_OF_TIME) == "timestamp":
            self._run(connection, statements.SPEAK_UTC)
        self._keeps_batches = self._find_batches(connection)
        self._check_engine(connection)
        connection.commit()

    def _run(self, connection: SQLConnection, statement: str, *parameters: object) -> Any:
        """Execute a statement, written with question marks; return its cursor."""
        cursor = connection.cursor()
        try:
            cursor.execute(statement.replace("?", self._server.placeholder), parameters)
        except Exception as error:  # noqa: BLE001 - it is raised again
            raise self._server.error(error) or error from None
        return cursor

    def _find_batches(self, connection: SQLConnection) -> bool:
        """Return whether there is a table of batches; make it where there is none."""
        try:
            self._run(connection, statements.FIND_BATCHES)
        except SQLError as error:
            if not is_refusal(error.code):
                raise
        else:
            return True
        try:
            self._run(connection, statements.CREATE_BATCHES)
        except SQLError as error:
            if not is_refusal(error.code):
                raise
            self._warn_of_duplicates(error)
            return False
        return True

    def _warn_of_duplicates(self, error: SQLError) -> None:
        table = statements.BATCHES
        self._warn(
            f"{self.name}: the table {table} cannot be used ({error.message}). Points may "
            "be stored twice when the connection breaks at the wrong moment.\n"
            f"Next: give the user the right to CREATE it, or make {table} once, and let "
            "the user SELECT, INSERT, UPDATE and DELETE in it."
        )

    def _check_engine(self, connection: SQLConnection) -> None:
        found = self._ask_about_table(connection, statements.HAS_TRANSACTIONS)
        if found not in ("YES", None):
            self._warn(
                f"{self.name} knows no transactions: points may be lost or stored twice "
                f"when the server or the connection breaks.\n"
                f"Next: ALTER TABLE {self._table} ENGINE=InnoDB"
            )

    def _ask_about_table(self, connection: SQLConnection, question: str) -> str | None:
        """Return the one answer to a query of the server's catalog, None without one."""
        database, _, table = self._table.rpartition(".")
        row = self._run(connection, question, database or None, table).fetchone()
        return None if row is None else _text(row[0])

    def _warn(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            log().warning("%s", message)

    def _find_id(self, connection: SQLConnection, codename: str) -> int:
        """Look up the id of a codename; a RefusedRowError says why it has none.

        The column decides which spellings are one codename; where several entries are
        equal to it, the one that is spelled in the same way is meant.
        """
        try:
            ids = self._run(connection, self._select_id, codename).fetchall()
            if len(ids) > 1:
                found = self._run(connection, self._select_spellings, codename).fetchall()
                ids = [row for row in found if _text(row[1]) == codename] or found
        except SQLError as error:
            if not cannot_compare(error.code):
                raise
            ids = ()  # what the column cannot hold is not in it
        if len(ids) != 1:
            raise RefusedRowError(
                f"the codename {codename!r} has {len(ids) or 'no'} entries in the table "
                "of descriptions, where it needs one"
            )
        return int(ids[0][0])

    def _claim(self, connection: SQLConnection, batch: Batch) -> Ranges:
        """Write down that a batch is stored; return what of it was stored before.

        It comes first: while an older connection of ours may still be at the same
        batch, the key makes us wait until that is stored or gone.
        """
        if not self._keeps_batches:
            return Ranges()
        start, stop = batch.first, batch.first + len(batch)
        whole = str(Ranges([(start, stop)]))
        try:
            self._run(connection, statements.KEEP_BATCH, batch.id, whole)
        except SQLError as error:
            if is_refusal(error.code):
                self._warn_of_duplicates(error)
                self._keeps_batches = False
                return Ranges()
            if error.code != DUPLICATE_KEY:
                raise
        else:
            return Ranges()
        row = self._run(connection, statements.FIND_BATCH, batch.id).fetchone()
        if row is None:
            raise SQLError(0, "a batch was forgotten while it was looked up")
        stored = Ranges.parse(row[0])
        self._run(connection, statements.KEEP_MORE, str(stored.add(start, stop)), batch.id)
        return stored

    def _write(self, connection: SQLConnection, rows: Rows) -> None:
        if rows:
            statement, parameters = self._server.insertion(self._table, rows)
            self._run(connection, statement, *parameters)

    def _forget(self, connection: SQLConnection, batch_id: str) -> None:
        """Remove batches that will not be sent again, in a transaction of its own."""
        if not self._keeps_batches:
            return
        if not self._stored or self._stored[-1][1] != batch_id:
            self._stored.append((self._used, batch_id))
        if len(self._stored) <= _FORGET_AT_ONCE or (
            self._used - self._stored[_FORGET_AT_ONCE][0] < _KEPT_SECONDS
        ):
            return
        old = [self._stored.popleft()[1] for _ in range(_FORGET_AT_ONCE)]
        try:
            self._run(connection, statements.forget(len(old)), *old)
            self._run(connection, statements.FORGET_VERY_OLD)
            connection.commit()
        except Exception as error:  # noqa: BLE001 - what was sent is stored
            self._failed(error)

    def _failed(self, error: Exception, *, sending: bool = False) -> Answer:
        """Leave the transaction, and return what an error means."""
        known = error if isinstance(error, SQLError) else self._server.error(error)
        if known is None:
            self._drop()
            raise error
        if is_lost(known.code):
            self._drop()
        elif self._connection is not None:
            try:
                self._connection.rollback()
            except Exception:  # noqa: BLE001 - the server does that when we are gone
                self._drop()
        return answer_of(known.code, known.message, sending=sending)

    def _drop(self) -> None:
        """Close the connection without a word; what was not committed is undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._server.abandon(connection)


def _one_codename(first: str, second: str) -> str:
    return (
        f"the codenames {first!r} and {second!r} are one entry in the table of "
        "descriptions, whose column takes them for equal"
    )


def _text(value: object) -> str:
    """Return a text of the server, which may be in a column of bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
