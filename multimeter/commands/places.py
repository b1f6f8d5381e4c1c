"""Places: what opens those that a spool's points are for.

A spool says where its points go, and holds no secrets: what it takes to write there comes
from the configuration of the stack, or from files that the user names.
"""

from __future__ import annotations

import pathlib
import urllib.parse
from dataclasses import dataclass

from multimeter.connection import Connection
from multimeter.delivery.backlog import Backlog
from multimeter.delivery.spool import Address
from multimeter.errors import ConfigurationError
from multimeter.sinks.base import Sink
from multimeter.sinks.influx import InfluxDBSink
from multimeter.sinks.sql import DESCRIPTIONS, SQLSink
from multimeter.sinks.sql_client import (
    URL_SCHEMES,
    MySQLServer,
    ODBCSource,
    parse_url,
)

__all__ = ["Keys", "make_sink"]

_PORT = 3306


@dataclass(frozen=True)
class Keys:
    """What opens places.

    Attributes:
        stack: The installed stack, if there is one.
        token_file: A file with the token of another server of InfluxDB's API.
        url_file: A file with the URLs of databases, one a line, with user and password.
        ca: A file of certificates to trust.
    """

    stack: Connection | None = None
    token_file: pathlib.Path | None = None
    url_file: pathlib.Path | None = None
    ca: pathlib.Path | None = None

    @property
    def known(self) -> list[Address]:
        """The places that are known without a spool."""
        return [_address(self.stack)] if self.stack else []


def make_sink(backlog: Backlog, keys: Keys) -> Sink:
    """Make the sink that a backlog goes to.

    Raises:
        ConfigurationError: Its place is not known, or what opens it.
        MissingExtraError: The driver of its database is not installed.
    """
    address = backlog.address
    if address is None:
        raise ConfigurationError(
            f"The description in {backlog.folders[0]} is damaged.",
            next_step="multimeter deliver --config FILE, with the stack they are for; or "
            "start the program that wrote them: it sends what it has left.",
        )
    if address.get("kind") == "influxdb":
        return _influxdb(address, keys)
    if address.get("kind") == "mysql":
        return _mysql(address, keys)
    if address.get("kind") == "odbc":
        return _odbc(address, keys)
    raise ConfigurationError(
        f"This version cannot send to '{address.get('kind')}'.",
        next_step="Start the program that wrote them: it sends what it has left.",
    )


def _influxdb(address: Address, keys: Keys) -> InfluxDBSink:
    if keys.token_file:
        token = _read(keys.token_file).strip()
    elif keys.stack and _address(keys.stack) == address:
        token = keys.stack.token
    else:
        raise ConfigurationError(
            f"The token for {address.get('url')} is not known.",
            next_step="multimeter deliver --token-file FILE",
        )
    url, org, bucket = address["url"], address["org"], address["bucket"]
    return InfluxDBSink(token, url, org, bucket, ca=keys.ca)


def _mysql(address: Address, keys: Keys) -> SQLSink:
    host, port, database = address["host"], int(address["port"]), address["database"]
    place = {"host": host.lower(), "port": port, "database": database}
    for url in _urls(keys, *URL_SCHEMES):
        # What a line leaves out fits every database; a password goes nowhere else.
        found = {"port": _PORT, "database": database, **parse_url(url)}
        if place.items() <= found.items():
            user, password = found.get("username", ""), found.get("password", "")
            server = MySQLServer(user, password, host, port, database, ca=keys.ca)
            return _sql_sink(server, address)
    raise ConfigurationError(
        f"The user and the password for {host}:{port} are not known.",
        next_step="multimeter deliver --url-file FILE, with a line such as "
        f"mysql://user:password@{host}:{port}/{database}",
    )


def _odbc(address: Address, keys: Keys) -> SQLSink:
    """Open a source by what it knows itself, where no line of the file is for it."""
    for url in _urls(keys, "odbc"):
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


def _urls(keys: Keys, *schemes: str) -> list[str]:
    """Return the lines of the file of URLs that have one of some schemes."""
    text = _read(keys.url_file) if keys.url_file else ""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line.partition("://")[0].partition("+")[0] in schemes]


def _read(path: pathlib.Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _address(stack: Connection) -> Address:
    return InfluxDBSink(stack.token, stack.url, stack.org, stack.bucket).address
