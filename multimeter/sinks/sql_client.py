"""The two ways to a MySQL or MariaDB server: PyMySQL, and ODBC by the name of a source."""

from __future__ import annotations

import ctypes
import importlib
import itertools
import os
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from multimeter.errors import ConfigurationError, MissingExtraError
from multimeter.sinks import sql_statements as statements
from multimeter.sinks.sql_rows import Rows, literal_rows

__all__ = ["Connection", "MySQLServer", "ODBCSource", "SQLError", "Server", "parse_url"]

_LAST_PORT = 65_535
_NATIVE_CODE = re.compile(r"\((\d{3,5})\) *\(SQL")
_LONGEST_MESSAGE = 500
# What ODBC says where the number of the server's own error is missing.
_STATES = {"08S01": 2013, "08001": 2003, "08004": 1045, "28000": 1045, "HYT00": 2013}


class SQLError(Exception):
    """What a driver raised.

    Attributes:
        code: The number of the error, as MySQL and MariaDB count; 0 without one.
        message: What was said.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message[:_LONGEST_MESSAGE]


class Connection(Protocol):
    """What is used of the connections of https://peps.python.org/pep-0249/."""

    def cursor(self) -> Any:
        """Return a cursor."""

    def commit(self) -> None:
        """End the transaction: all of it is stored."""

    def rollback(self) -> None:
        """End the transaction: nothing of it is stored."""

    def close(self) -> None:
        """Close the connection."""


class Server(Protocol):
    """A server, and a driver that speaks to it."""

    placeholder: str

    @property
    def timeout(self) -> float:
        """How many seconds it may be silent."""

    @property
    def name(self) -> str:
        """The place, for people; without secrets."""

    @property
    def address(self) -> Mapping[str, str]:
        """How to find it again, without secrets."""

    def connect(self) -> Connection:
        """Open a connection whose statements make one transaction until a commit.

        Raises:
            SQLError: It cannot be opened.
        """

    def insertion(self, table: str, rows: Rows) -> tuple[str, Sequence[object]]:
        """Return the statement that stores some rows, and its parameters."""

    def error(self, error: Exception) -> SQLError | None:
        """Return what the driver says with an error, or None for one of others."""

    def abandon(self, connection: Connection) -> None:
        """Close our end, as far as the driver can do that without the server."""

    def disown(self, connection: Connection) -> None:
        """Forget a connection of the parent process, without a word to the server."""


@dataclass(frozen=True)
class MySQLServer:
    """A server over TCP, by PyMySQL.

    Attributes:
        username: The user.
        password: The password.
        host: The host.
        port: The port.
        database: The database.
        timeout: How many seconds the server may be silent.
        ca: The file of certificates to trust; TLS is demanded then.
    """

    username: str
    password: str = field(repr=False)
    host: str = "localhost"
    port: int = 3306
    database: str = ""
    timeout: float = 30.0
    ca: str | os.PathLike[str] | None = None

    placeholder = "%s"

    def __post_init__(self) -> None:
        if not isinstance(self.port, int) or not 0 < self.port <= _LAST_PORT:
            raise ConfigurationError(f"{self.port!r} is not the number of a port.")
        for name in ("host", "database", "username"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text:
                raise ConfigurationError(f"'{name}' must be a text that is not empty.")
        if not self.timeout > 0:
            raise ConfigurationError("'timeout' must be a positive number of seconds.")
        _import("pymysql", "PyMySQL", "mysql")

    @property
    def name(self) -> str:
        """Host, port and database."""
        return f"MySQL at {self.host}:{self.port} (database {self.database})"

    @property
    def address(self) -> Mapping[str, str]:
        """``kind``, ``host``, ``port`` and ``database``."""
        return {
            "kind": "mysql",
            "host": self.host,
            "port": str(self.port),
            "database": self.database,
        }

    def connect(self) -> Connection:
        """Open a connection."""
        import pymysql
        from pymysql.converters import conversions

        try:
            connection: Connection = pymysql.connect(
                conv={**conversions, Rows: literal_rows},
                host=self.host,
                port=self.port,
                user=self.username,
                password=self.password,
                database=self.database,
                charset="utf8mb4",
                autocommit=False,
                connect_timeout=self.timeout,
                read_timeout=self.timeout,
                write_timeout=self.timeout,
                ssl_ca=None if self.ca is None else os.fspath(self.ca),
                ssl_verify_cert=None if self.ca is None else True,
                ssl_verify_identity=None if self.ca is None else True,
            )
        except Exception as error:  # noqa: BLE001 - it is raised again
            raise self.error(error) or error from None
        return connection

    def insertion(self, table: str, rows: Rows) -> tuple[str, Sequence[object]]:
        """Return a statement with all rows as one parameter."""
        return statements.insert_all(table), (rows,)

    def error(self, error: Exception) -> SQLError | None:
        """Return the number and the text of an error of PyMySQL or the network."""
        import pymysql

        if isinstance(error, pymysql.err.InterfaceError):
            return SQLError(2006, "the connection is closed")
        if isinstance(error, pymysql.MySQLError):
            code, *words = error.args or (0,)
            if not isinstance(code, int):
                code, words = 0, [str(code), *words]
            return SQLError(code, " ".join(map(str, words)) or type(error).__name__)
        # PyMySQL lets some through: a reset while it sends, bytes that were cut off.
        if isinstance(error, (OSError, EOFError, IndexError, AssertionError)):
            return SQLError(2013, str(error) or type(error).__name__)
        return None

    def abandon(self, connection: Any) -> None:
        """Close the socket, without the message that would end the session."""
        connection._force_close()  # noqa: SLF001 - it has no public name

    def disown(self, connection: Any) -> None:
        """Close the socket, which the parent does not notice."""
        self.abandon(connection)


@dataclass(frozen=True)
class ODBCSource:
    """A data source of ODBC, by its name, through pyodbc.

    Attributes:
        dsn: The name of the source, as the system's settings of ODBC have it.
        username: The user; empty where the source knows it.
        password: The password.
        timeout: How many seconds the server may be silent.
    """

    dsn: str
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 30.0

    placeholder = "?"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(?!.*://)[^\[\]{}(),;?*=!@\\]{1,32}", self.dsn):
            raise ConfigurationError("'dsn' is not the name of a data source of ODBC.")
        _import("pyodbc", "pyodbc", "odbc")

    @property
    def name(self) -> str:
        """The name of the source."""
        return f"ODBC source {self.dsn}"

    @property
    def address(self) -> Mapping[str, str]:
        """``kind`` and ``dsn``."""
        return {"kind": "odbc", "dsn": self.dsn}

    def connect(self) -> Connection:
        """Open a connection."""
        pyodbc = importlib.import_module("pyodbc")
        words = {"DSN": self.dsn, "UID": self.username, "PWD": self.password}
        seconds = max(1, round(self.timeout))
        try:
            connection: Any = pyodbc.connect(
                ";".join(f"{key}={_quote(text)}" for key, text in words.items() if text),
                autocommit=False,
                timeout=seconds,
            )
            connection.timeout = seconds
        except Exception as error:  # noqa: BLE001 - it is raised again
            raise self.error(error) or error from None
        found: Connection = connection
        return found

    def insertion(self, table: str, rows: Rows) -> tuple[str, Sequence[object]]:
        """Return a statement with a parameter for each number."""
        statement = statements.insert(table, len(rows))
        return statement, tuple(itertools.chain.from_iterable(rows))

    def error(self, error: Exception) -> SQLError | None:
        """Return the number and the text of an error of ODBC."""
        pyodbc = importlib.import_module("pyodbc")
        if not isinstance(error, pyodbc.Error):
            return None
        words = [str(each) for each in error.args]
        state, message = (words or [""])[0], " ".join(words[1:])
        match = _NATIVE_CODE.search(message)
        return SQLError(int(match[1]) if match else _STATES.get(state, 0), message)

    def abandon(self, connection: Connection) -> None:
        """Let go of it: that closes it."""

    def disown(self, connection: Connection) -> None:
        """Keep it for good: to let go of it would end the session of the parent."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _quote(text: str) -> str:
    """Quote a value for a connection string, so that it cannot end there."""
    return text if text.isalnum() else "{" + text.replace("}", "}}") + "}"


def _import(module: str, package: str, extra: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError:
        raise MissingExtraError(package, extra) from None
    except ImportError as error:
        raise MissingExtraError(package, extra, str(error)) from error


def parse_url(url: str) -> dict[str, Any]:
    """Return what a URL ``mysql://user:password@host:port/database`` says, as keywords.

    Raises:
        ConfigurationError: It is of another kind, or says more. The URL is not repeated:
            it has a password in it.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except (ValueError, AttributeError):
        raise _not_a_url() from None
    database = urllib.parse.unquote(parts.path.removeprefix("/"))
    known = parts.scheme in ("mysql", "mariadb") and not (parts.query or parts.fragment)
    if not (known and parts.hostname) or "/" in database:
        raise _not_a_url()
    found = {
        "username": urllib.parse.unquote(parts.username or ""),
        "password": urllib.parse.unquote(parts.password or ""),
        "host": parts.hostname,
        "port": port,
        "database": database,
    }
    return {key: value for key, value in found.items() if value}


def _not_a_url() -> ConfigurationError:
    return ConfigurationError(
        "The URL of the database cannot be used.",
        cause="It is not of the form mysql://user:password@host:port/database.",
        next_step="Write special characters in a password as %XX.",
    )
