"""Resolve a logger's arguments to a database server, and check that it accepts points."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from multimeter.errors import ConfigurationError, StartupException
from multimeter.http.tls import Authorities
from multimeter.sinks.base import Answer, Rejected, Retry
from multimeter.sinks.sql import SQLSink
from multimeter.sinks.sql_client import MySQLServer, ODBCSource, Server, parse_url
from multimeter.system.log import log

__all__ = ["checked_sink", "find_server"]


def find_server(
    url: str | None,
    dsn: str | None,
    arguments: Mapping[str, Any],
    defaults: Mapping[str, Any],
    timeout: float,
    ca: Authorities | None,
) -> Server:
    """Return the server from a URL, a data source name, or single arguments.

    Args:
        url: ``mysql://user:password@host:port/database``, or None.
        dsn: The name of an ODBC data source, or None.
        arguments: ``username``, ``password``, ``host``, ``port``, ``database``; None or
            empty if not given.
        defaults: The defaults of ``host``, ``port`` and ``database``.
        timeout: The maximum time without a response, in s.
        ca: The file of certificates to trust, True for those of the system, or None.

    Raises:
        ConfigurationError: The server is given twice, or an argument is invalid.
        MissingExtraError: The driver is not installed.
    """
    given = {key: value for key, value in arguments.items() if value not in (None, "")}
    if url is not None and (dsn is not None or given):
        raise ConfigurationError(
            "The database is given twice: by 'url', and by other arguments.",
            next_step="Leave out the others.",
        )
    if dsn is not None:
        if given.keys() & defaults.keys():
            raise ConfigurationError(
                "'dsn' cannot be combined with host, port or database."
            )
        if ca is not None:
            raise ConfigurationError(
                "'ca' cannot be combined with 'dsn'.",
                next_step="Set the file in the data source: SSLCA, SSLVERIFY.",
            )
        user, secret = given.get("username", ""), given.get("password", "")
        return ODBCSource(dsn, user, secret, timeout)
    options = {"username": "", "password": "", **defaults}
    options |= given if url is None else parse_url(url)
    return MySQLServer(**options, timeout=timeout, ca=ca)


def checked_sink(
    make_sink: Callable[[], SQLSink], codenames: Sequence[str], patience: float
) -> SQLSink:
    """Return a sink, unless the database refuses the points.

    Args:
        make_sink: Creates the sink.
        codenames: The codenames of the points.
        patience: How many seconds to wait for the answer of the database.

    Raises:
        StartupException: The database refuses the points.
    """
    sink = make_sink()
    answers = queue.SimpleQueue[Answer | Exception]()
    # In a thread: nothing else bounds the time of name resolution and of the driver.
    threading.Thread(
        target=_check, args=[sink, codenames, answers], name="multimeter-check", daemon=True
    ).start()
    try:
        answer = answers.get(timeout=max(0.0, patience))
    except queue.Empty:
        answer = Retry(f"it has not answered in {patience:g} s")
        sink = make_sink()  # the thread still uses the other one
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, Rejected) or (isinstance(answer, Retry) and answer.refused):
        reason = answer if isinstance(answer, Retry) else answer.reason
        raise StartupException(f"{sink.name}: {reason}")
    if isinstance(answer, Retry):
        log().warning(
            "%s: %s\nThe logger starts anyway; points wait until it answers.",
            sink.name,
            answer,
        )
    return sink


def _check(
    sink: SQLSink, codenames: Sequence[str], answers: queue.SimpleQueue[Answer | Exception]
) -> None:
    try:
        answer: Answer | Exception = sink.check(codenames)
    except Exception as error:  # noqa: BLE001 - raised again in checked_sink
        answer = error
    sink.close()
    answers.put(answer)
