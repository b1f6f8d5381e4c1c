"""Run a query in a thread of its own, so that the caller can stop waiting for it."""

from __future__ import annotations

import threading
from typing import Any

from multimeter.system.log import log

__all__ = ["NONE_RESPONSE", "InterruptableThread", "NoneResponse", "timeout_query"]


class NoneResponse:
    """The type of :data:`NONE_RESPONSE`; None itself can be a value in a result."""

    def __repr__(self) -> str:
        return "NONE_RESPONSE"


NONE_RESPONSE = NoneResponse()
"""The result of a query that timed out or failed."""


class InterruptableThread(threading.Thread):
    """Runs one query, as a daemon: an unresponsive server does not keep a program alive.

    Args:
        cursor: A cursor of https://peps.python.org/pep-0249/; no other thread may use
            it until the query has ended.
        query: The query.

    Attributes:
        result: The rows as a tuple; :data:`NONE_RESPONSE` until there is a result.
        error: The exception that the query raised, if any.
    """

    def __init__(self, cursor: Any, query: str) -> None:
        super().__init__(name="multimeter-query", daemon=True)
        self.cursor = cursor
        self.query = query
        self.result: tuple[Any, ...] | NoneResponse = NONE_RESPONSE
        self.error: Exception | None = None

    def run(self) -> None:
        """Run the query; call :meth:`start`, not this."""
        try:
            self.cursor.execute(self.query)
            # Some drivers refuse fetchall() after a query without rows, such as INSERT.
            has_rows = self.cursor.description is not None
            self.result = tuple(self.cursor.fetchall()) if has_rows else ()
        except Exception as error:  # noqa: BLE001 - the caller gets it in ``error``
            self.error = error
            log().warning("A query failed: %s", error)


def timeout_query(
    cursor: Any, query: str, timeout_duration: float = 3
) -> tuple[Any, ...] | NoneResponse:
    """Run a query with a timeout.

    Args:
        cursor: A cursor; do not use it again after a timeout.
        query: The query.
        timeout_duration: The timeout, in s.

    Returns:
        The rows as a tuple, empty for a query without rows; or :data:`NONE_RESPONSE`
        if the query timed out or failed (the log has the reason).
    """
    thread = InterruptableThread(cursor, query)
    thread.start()
    thread.join(timeout_duration)
    return thread.result
