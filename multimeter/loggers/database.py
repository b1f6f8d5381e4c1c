"""Database: the place that a logger's arguments name, and whether it takes the values."""

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
    named: Mapping[str, Any],
    usual: Mapping[str, Any],
    timeout: float,
    ca: Authorities | None,
) -> Server:
    """Return the server that is named, one way or another.

    Args:
        url: ``mysql://user:password@host:port/database``, or None.
        dsn: The name of a data source of ODBC, or None.
        named: ``username``, ``password``, ``host``, ``port``, ``database``; None or empty
            where they are not named.
        usual: What to take for ``host``, ``port`` and ``database`` then.
        timeout: How many seconds it may be silent.
        ca: The file of certificates to trust, True for those of the system, or None.

    Raises:
        ConfigurationError: It is named twice, or an argument cannot be used.
        MissingExtraError: The driver is not installed.
    """
    words = {key: value for key, value in named.items() if value not in (None, "")}
    if url is not None and (dsn is not None or words):
        raise ConfigurationError(
            "The database is named twice: by 'url', and by other arguments.",
            next_step="Leave out the others.",
        )
    if dsn is not None:
        if words.keys() & usual.keys():
            raise ConfigurationError("'dsn' cannot stand beside host, port, database.")
        if ca is not None:
            raise ConfigurationError(
                "'ca' cannot stand beside 'dsn'.",
                next_step="Name the file in the settings of the source: SSLCA, SSLVERIFY.",
            )
        user, secret = words.get("username", ""), words.get("password", "")
        return ODBCSource(dsn, user, secret, timeout)
    found = {"username": "", "password": "", **usual}
    found |= words if url is None else parse_url(url)
    return MySQLServer(**found, timeout=timeout, ca=ca)


def checked_sink(
    make_sink: Callable[[], SQLSink], codenames: Sequence[str], patience: float
) -> SQLSink:
    """Return a sink, unless the database says that it will not take the points.

    Args:
        make_sink: Makes the sink.
        codenames: The codenames of the points.
        patience: How many seconds to wait for what the database says.

    Raises:
        StartupException: It has said so.
    """
    sink = make_sink()
    answers = queue.SimpleQueue[Answer | Exception]()
    # Nothing else bounds the wait for names of hosts, and for all that a driver does.
    threading.Thread(
        target=_check, args=[sink, codenames, answers], name="multimeter-check", daemon=True
    ).start()
    try:
        answer = answers.get(timeout=max(0.0, patience))
    except queue.Empty:
        answer = Retry(f"it has not answered in {patience:g} s")
        sink = make_sink()  # the other one is still being asked
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, Rejected) or (isinstance(answer, Retry) and answer.refused):
        reason = answer if isinstance(answer, Retry) else answer.reason
        raise StartupException(f"{sink.name}: {reason}")
    if isinstance(answer, Retry):
        log().warning(
            "%s: %s\nThe logger starts all the same; points wait until it answers.",
            sink.name,
            answer,
        )
    return sink


def _check(
    sink: SQLSink, codenames: Sequence[str], answers: queue.SimpleQueue[Answer | Exception]
) -> None:
    try:
        answer: Answer | Exception = sink.check(codenames)
    except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
        answer = error
    sink.close()
    answers.put(answer)
