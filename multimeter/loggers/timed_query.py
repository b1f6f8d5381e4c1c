"""One query in a thread of its own, so that nobody has to wait for its end."""

from __future__ import annotations

import threading
from typing import Any

from multimeter.system.log import log

__all__ = ["NONE_RESPONSE", "InterruptableThread", "NoneResponse", "timeout_query"]


class NoneResponse:
    """What stands for a result that is not there: a query can well have None as one."""

    def __repr__(self) -> str:
        return "NONE_RESPONSE"


NONE_RESPONSE = NoneResponse()
"""The result of a query that has not ended in time, or failed."""


class InterruptableThread(threading.Thread):
    """Runs one query, as a daemon: a program can end while the server is silent.

    Args:
        cursor: A cursor of https://peps.python.org/pep-0249/, of this thread alone
            until the query has ended.
        query: The query.

    Attributes:
        result: The rows as a tuple; :data:`NONE_RESPONSE` until there is a result.
        error: What the query raised, if it did.
    """

    def __init__(self, cursor: Any, query: str) -> None:
        super().__init__(name="multimeter-query", daemon=True)
        self.cursor = cursor
        self.query = query
        self.result: tuple[Any, ...] | NoneResponse = NONE_RESPONSE
        self.error: Exception | None = None

    def run(self) -> None:
        """Run the query; not to be called, but by :meth:`start`."""
        try:
            self.cursor.execute(self.query)
            # What returns no rows (INSERT) is refused by some drivers.
            has_rows = self.cursor.description is not None
            self.result = tuple(self.cursor.fetchall()) if has_rows else ()
        except Exception as error:  # noqa: BLE001 - who waits is told by the result
            self.error = error
            log().warning("A query failed: %s", error)


def timeout_query(
    cursor: Any, query: str, timeout_duration: float = 3
) -> tuple[Any, ...] | NoneResponse:
    """Run a query, and wait for it no longer than given.

    Args:
        cursor: A cursor; not to be used again when the query has not ended in time.
        query: The query.
        timeout_duration: In seconds.

    Returns:
        The rows as a tuple, empty for a query without any; or :data:`NONE_RESPONSE`
        when the query has not ended in time, or failed (the log says why).
    """
    thread = InterruptableThread(cursor, query)
    thread.start()
    thread.join(timeout_duration)
    return thread.result
