"""A client of InfluxDB's write API: one bucket, one connection that stays open.

https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite

Written on the standard library's client: one kind of request over one connection needs
no more, and whoever measures has nothing more to install.
"""

from __future__ import annotations

import gzip
import http.client
import os
import ssl
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from multimeter.errors import ConfigurationError
from multimeter.http.proven_connection import (
    HTTPConnection,
    HTTPSConnection,
    UnprovenServerError,
)
from multimeter.http.server_url import checked_server_url

__all__ = ["HttpAnswer", "Token", "WriteClient"]

Token = str | Callable[[], str]
"""A token, or what gives it; asked again after the server has refused one."""

_LONGEST_ANSWER = 2**20
_CONNECT_SECONDS = 10.0
_UNAUTHORIZED = (401, 403)
# Beyond the first levels, time grows much faster than bytes shrink.
_GZIP_LEVEL = 3
_SCHEME = "Token "
_HUNG_UP = (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected)


class HttpAnswer(NamedTuple):
    """What a server answered.

    Attributes:
        status: The status code.
        headers: The headers; names in lower case.
        body: The body, or its first MiB.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class WriteClient:
    """Posts line protocol, times in ns.

    Args:
        token: The token that may write to the bucket. It appears in no error message
            and no ``repr``.
        url: The URL of the server; a path in it precedes ``/api``.
        org: The name or id of the organisation.
        bucket: The name or id of the bucket.
        timeout: How many seconds the server may be silent.
        gzip: Whether bodies are compressed.
        ca: The file of certificates to trust, with ``https``; by default the system's.

    Attributes:
        url: The URL of the server.

    Raises:
        ConfigurationError: There is no token, or it, the URL or ``ca`` cannot be used.
    """

    def __init__(
        self,
        token: Token,
        url: str,
        org: str,
        bucket: str,
        *,
        timeout: float,
        gzip: bool,
        ca: str | os.PathLike[str] | None,
    ) -> None:
        self.url = checked_server_url(url)
        self._token = token
        # A callable is asked when the first request is made.
        self._secret = "" if callable(token) else _checked_token(token)
        self._timeout = timeout
        self._gzip = gzip
        self._ca = ca
        self._tls = _tls(ca) if self.url.startswith("https:") else None
        self._connection: http.client.HTTPConnection | None = None
        self._owner = os.getpid()
        query = urlencode({"org": org, "bucket": bucket, "precision": "ns"})
        self._path = f"{urlsplit(self.url).path}/api/v2/write?{query}"

    def __getstate__(self) -> dict[str, Any]:
        # Another process opens a connection of its own.
        return {**vars(self), "_connection": None, "_tls": None, "_owner": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._tls = _tls(self._ca) if self.url.startswith("https:") else None
        self._owner = os.getpid()

    def post(self, body: bytes) -> HttpAnswer:
        """Post lines; where a connection was idle and is closed, over a new one.

        Raises:
            ConfigurationError: There is no token.
            UnprovenServerError: What listens there is not the server of the token.
            OSError: The server cannot be reached, or does not answer in time.
            http.client.HTTPException: It does not speak HTTP.
        """
        self._secret = self._secret or _checked_token(self._token)
        body = gzip.compress(body, _GZIP_LEVEL) if self._gzip else body
        if self._owner != os.getpid():
            # After a fork the connection is the parent's; it does not notice this.
            self.close()
            self._owner = os.getpid()
        was_idle = self._connection is not None
        try:
            answer = self._exchange(body)
        except _HUNG_UP:
            self.close()
            if not was_idle:
                raise
            answer = self._exchange_or_close(body)
        except UnprovenServerError:
            if not self._finds_another_token():
                raise
            answer = self._exchange_or_close(body)
        except BaseException:
            self.close()
            raise
        if answer.status in _UNAUTHORIZED and callable(self._token):
            self._secret = ""
        return answer

    def _finds_another_token(self) -> bool:
        """Ask for the token again: a stack that was installed anew has a new one."""
        before = self._secret
        if callable(self._token):
            self._secret = _checked_token(self._token)
        return self._secret != before

    def _exchange_or_close(self, body: bytes) -> HttpAnswer:
        try:
            return self._exchange(body)
        except BaseException:
            self.close()
            raise

    def _exchange(self, body: bytes) -> HttpAnswer:
        connection = self._connect()
        headers = {
            "Authorization": _SCHEME + self._secret,
            "Content-Type": "text/plain; charset=utf-8",
        }
        if self._gzip:
            headers["Content-Encoding"] = "gzip"
        try:
            connection.request("POST", self._path, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            # Who finds a body too large may have said so before it cut the connection.
            response = connection.getresponse()
        else:
            response = connection.getresponse()
        text = response.read(_LONGEST_ANSWER)
        found = {name.lower(): value for name, value in response.getheaders()}
        # It may have more to say, which nobody wants to read.
        if response.will_close or not response.isclosed():
            self.close()
        secret = self._secret.encode()
        return HttpAnswer(response.status, found, text.replace(secret, b"..."))

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urlsplit(self.url)
            assert parts.hostname, "the URL was checked"
            seconds = min(self._timeout, _CONNECT_SECONDS)
            place = (parts.hostname, parts.port, seconds)
            connection: http.client.HTTPConnection = (
                HTTPSConnection(
                    *place, token=self._secret, path=parts.path, context=self._tls
                )
                if self._tls
                else HTTPConnection(*place, token=self._secret, path=parts.path)
            )
            connection.connect()
            connection.sock.settimeout(self._timeout)
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Close the connection, without a word; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _checked_token(token: Token) -> str:
    """Return a token, or what its function returns.

    Raises:
        ConfigurationError: There is no token, or it does not fit in a header, and would
            end up in an error message of the client.
    """
    found = token() if callable(token) else token
    if not found:
        raise ConfigurationError(
            "'token' must be set.",
            next_step="InfluxDBStorage.from_stack() finds that of the installed stack.",
        )
    if not (isinstance(found, str) and found.isascii() and found.isprintable()):
        raise ConfigurationError(
            "The token holds characters that no token has.",
            cause="It was copied with a line break, or from the wrong place.",
        )
    return found


def _tls(ca: str | os.PathLike[str] | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ConfigurationError(
            f"The certificates in {ca} cannot be used: {error}",
            next_step="Name a file of certificates in PEM format.",
        ) from error
