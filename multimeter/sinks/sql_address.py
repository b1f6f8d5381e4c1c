"""Open the database that the address of a spool names."""

from __future__ import annotations

import urllib.parse

from multimeter.errors import ConfigurationError
from multimeter.sinks.registry import Address, Credentials
from multimeter.sinks.sql import DESCRIPTIONS, SQLSink
from multimeter.sinks.sql_client import (
    URL_SCHEMES,
    MySQLServer,
    ODBCSource,
    parse_url,
)

__all__ = ["open_mysql", "open_odbc"]

_PORT = 3306


def open_mysql(address: Address, credentials: Credentials) -> SQLSink:
    """Return the sink for a table of MySQL or MariaDB.

    Raises:
        ConfigurationError: No line of the file of URLs is for this database.
        MissingExtraError: The driver is not installed.
    """
    host, port, database = address["host"], int(address["port"]), address["database"]
    place = {"host": host.lower(), "port": port, "database": database}
    for url in _urls(credentials, *URL_SCHEMES):
        # What a line leaves out fits every database; a password goes nowhere else.
        parts = {"port": _PORT, "database": database, **parse_url(url)}
        if place.items() <= parts.items():
            user, password = parts.get("username", ""), parts.get("password", "")
            server = MySQLServer(user, password, host, port, database, ca=credentials.ca)
            return _sql_sink(server, address)
    raise ConfigurationError(
        f"The user and the password for {host}:{port} are not known.",
        next_step="multimeter deliver --url-file FILE, with a line such as "
        f"mysql://user:password@{host}:{port}/{database}",
    )


def open_odbc(address: Address, credentials: Credentials) -> SQLSink:
    """Return the sink for a table of an ODBC source.

    Where no line of the file of URLs is for it, the source is opened by what it knows.

    Raises:
        MissingExtraError: The driver is not installed.
    """
    for url in _urls(credentials, "odbc"):
        opener, _, source = url.partition("://")[2].rpartition("@")
        if urllib.parse.unquote(source.rstrip("/")) == address["dsn"]:
            user, _, password = opener.partition(":")
            unquote = urllib.parse.unquote
            server = ODBCSource(address["dsn"], unquote(user), unquote(password))
            return _sql_sink(server, address)
    return _sql_sink(ODBCSource(address["dsn"]), address)


def _sql_sink(server: MySQLServer | ODBCSource, address: Address) -> SQLSink:
    descriptions = address.get("descriptions", DESCRIPTIONS)
    return SQLSink(server, address["table"], descriptions=descriptions)


def _urls(credentials: Credentials, *schemes: str) -> list[str]:
    """Return the lines of the file of URLs that have one of some schemes."""
    text = credentials.read(credentials.url_file) if credentials.url_file else ""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line.partition("://")[0].partition("+")[0] in schemes]
