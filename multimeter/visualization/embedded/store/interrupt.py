"""The interrupt that cancels the queries of a request when its client disconnects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from multimeter.visualization.errors import QueryCancelledError

__all__ = ["Interrupt"]


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
