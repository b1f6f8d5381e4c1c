"""The two ways to a MySQL or MariaDB server: PyMySQL, and ODBC by the name of a source."""

from __future__ import annotations

import ctypes
import importlib
import itertools
import re
import ssl
import struct
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from multimeter.errors import ConfigurationError, MissingExtraError, MultimeterError
from multimeter.http.tls import Authorities, make_context
from multimeter.sinks import sql_statements as statements
from multimeter.sinks.sql_rows import Rows, literal_rows

__all__ = [
    "URL_SCHEMES",
    "MySQLServer",
    "ODBCSource",
    "SQLConnection",
    "SQLError",
    "Server",
    "parse_url",
]

URL_SCHEMES = ("mysql", "mariadb")
"""What a URL of a database begins with; a driver may follow: ``mysql+pymysql``."""

_LAST_PORT = 65_535
_NATIVE_CODE = re.compile(r"\((\d{3,5})\) *\(SQL")
_LONGEST_MESSAGE = 500
_CONNECT_SECONDS = 10.0
_OURS = (MultimeterError, UnicodeEncodeError)
_STRANGE = (OSError, EOFError, IndexError, AssertionError, ValueError, struct.error)
# What ODBC says where the number of the server's own error is missing.
_STATES = {"08S01": 2013, "08001": 2003, "08004": 1045, "28000": 1045, "HYT00": 2013}


class SQLError(Exception):
    """What a driver raised.

    Attributes:
        code: The number of the error, as MySQL and MariaDB count; 0 without one.
        message: The message.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message[:_LONGEST_MESSAGE]


class SQLConnection(Protocol):
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

    def connect(self) -> SQLConnection:
        """Open a connection whose statements make one transaction until a commit.

        Raises:
            SQLError: It cannot be opened.
        """

    def insertion(self, table: str, rows: Rows) -> tuple[str, Sequence[object]]:
        """Return the statement that stores some rows, and its parameters."""

    def error(self, error: Exception) -> SQLError | None:
        """Return what the driver says with an error, or None for one of others."""

    def abandon(self, connection: SQLConnection) -> None:
        """Close our end, as far as the driver can do that without the server."""

    def disown(self, connection: SQLConnection) -> None:
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
        ca: The file of certificates to trust, or True for those that the system trusts;
            the connection is encrypted then, and the server verified. Without, a server
            never gets a password that it could read.
    """

    username: str
    password: str = field(repr=False)
    host: str = "localhost"
    port: int = 3306
    database: str = ""
    timeout: float = 30.0
    ca: Authorities | None = None

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
        for name in ("host", "database", "username", "password"):
            if not _is_unicode(getattr(self, name)):
                raise ConfigurationError(f"'{name}' is no valid text.")
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

    def connect(self) -> SQLConnection:
        """Open a connection.

        Raises:
            ConfigurationError: The file of certificates cannot be used.
            SQLError: It cannot be opened.
        """
        from pymysql.converters import conversions

        from multimeter.sinks import sql_login as login

        context = self._context()
        kind = login.VerifiedConnection if context else login.UnverifiedConnection
        try:
            connection: SQLConnection = kind(
                conv={**conversions, Rows: literal_rows},
                host=self.host,
                port=self.port,
                user=self.username,
                password=self.password.encode(),  # PyMySQL takes text for latin1
                database=self.database,
                charset="utf8mb4",
                autocommit=False,
                connect_timeout=min(self.timeout, _CONNECT_SECONDS),
                read_timeout=self.timeout,
                write_timeout=self.timeout,
                ssl=context,
                auth_plugin_map=kind.plugins,
            )
        except Exception as error:  # noqa: BLE001 - it is raised again
            raise self.error(error) or error from None
        return connection

    def _context(self) -> ssl.SSLContext | None:
        return None if self.ca in (None, False) else make_context(self.ca)

    def insertion(self, table: str, rows: Rows) -> tuple[str, Sequence[object]]:
        """Return a statement with all rows as one parameter."""
        return statements.insert_all(table), (rows,)

    def error(self, error: Exception) -> SQLError | None:
        """Return the number and the text of an error of PyMySQL or the network."""
        import pymysql

        if isinstance(error, pymysql.err.InterfaceError):
            return SQLError(2006, "the connection is closed")
        cause = getattr(error, "original_exception", None)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SQLError(2026, f"its certificate is not trusted: {cause.verify_message}")
        if isinstance(error, pymysql.MySQLError):
            code, *words = error.args or (0,)
            if not isinstance(code, int):
                code, words = 0, [str(code), *words]
            return SQLError(code, " ".join(map(str, words)) or type(error).__name__)
        if isinstance(error, RuntimeError):
            return _of_pymysql(str(error))
        # PyMySQL lets some through: a reset while it sends, bytes that were cut off or
        # are no answer at all.
        if isinstance(error, _STRANGE) and not isinstance(error, _OURS):
            return SQLError(2013, str(error) or type(error).__name__)
        return None

    def abandon(self, connection: Any) -> None:
        """Close the socket, without the message that would end the session."""
        connection._force_close()  # noqa: SLF001 - it has no public name

    def disown(self, connection: Any) -> None:
        """Close the socket, which the parent does not notice."""
        self.abandon(connection)


def _of_pymysql(message: str) -> SQLError | None:
    """Return what PyMySQL says without a number."""
    if "LOAD_LOCAL" in message:
        return SQLError(2068, "it asked for a file of this machine, and got none")
    if "package is required" in message:  # 'pynacl' for ed25519
        return SQLError(2059, message)
    return None


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

    def connect(self) -> SQLConnection:
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
        found: SQLConnection = connection
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

    def abandon(self, connection: SQLConnection) -> None:
        """Let go of it: that closes it."""

    def disown(self, connection: SQLConnection) -> None:
        """Keep it for good: to let go of it would end the session of the parent."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _is_unicode(text: str) -> bool:
    return text.encode(errors="ignore").decode() == text


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

    A driver (``mysql+pymysql``) and ``?charset=utf8mb4`` may stand in it, as others write
    them, and change nothing.

    Raises:
        ConfigurationError: It is of another kind, or says more. The URL is not repeated:
            it has a password in it.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
        options = dict(
            urllib.parse.parse_qsl(parts.query, strict_parsing=bool(parts.query))
        )
        database = urllib.parse.unquote(parts.path.removeprefix("/"))
    except (ValueError, AttributeError, TypeError):
        raise _not_a_url() from None
    known = parts.scheme.partition("+")[0] in URL_SCHEMES and not parts.fragment
    if not (known and parts.hostname) or "/" in database:
        raise _not_a_url()
    if options.pop("charset", "utf8mb4").lower() not in ("utf8mb4", "utf8") or options:
        raise _not_a_url("It says more: behind the '?' only charset=utf8mb4 may stand.")
    found = {
        "username": urllib.parse.unquote(parts.username or ""),
        "password": urllib.parse.unquote(parts.password or ""),
        "host": parts.hostname,
        "port": port,
        "database": database,
    }
    return {key: value for key, value in found.items() if value}


def _not_a_url(cause: str = "") -> ConfigurationError:
    return ConfigurationError(
        "The URL of the database cannot be used.",
        cause=cause or "It is not of the form mysql://user:password@host:port/database.",
        next_step="Write special characters in a password as %XX.",
    )
