"""Interrupt: ends the queries of a request for whose answer nobody waits any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from multimeter.visualization.errors import QueryCancelledError

__all__ = ["Interrupt"]


class Interrupt:
    """Says once that what is being read is no longer wanted.

    Any thread may set it; the thread that reads gets a :class:`QueryCancelledError`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._is_set = False

    def set(self) -> None:
        """End the query that runs, and all that would follow."""
        with self._lock:
            self._is_set = True
            if self._cursor is not None:
                self._cursor.interrupt()

    @contextmanager
    def ending(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """End what a cursor does from now on, until this ends.

        Raises:
            QueryCancelledError: It was set.
        """
        with self._lock:
            if self._is_set:
                raise QueryCancelledError("Nobody waits for this any more.")
            self._cursor = cursor
        try:
            yield
        except duckdb.InterruptException as error:
            raise QueryCancelledError("Nobody waits for this any more.") from error
        finally:
            with self._lock:
                self._cursor = None
