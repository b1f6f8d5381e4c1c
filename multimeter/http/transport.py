"""HTTP to one server, over one connection that stays open; what is sent is its callers'.

The connection outlives requests, is left to the parent after a fork, and is opened again
where the server has closed it meanwhile. The token goes to the server that it is for, and
to no other: there are no proxies, no redirects, and where the server can prove that it
knows the token, it has to (:mod:`multimeter.http.proven_connection`).

Written on the standard library's client: a program that is measured has nothing more to
install, and loads nothing more.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from multimeter.errors import ConfigurationError, StorageError
from multimeter.http.proven_connection import (
    HTTPConnection,
    HTTPSConnection,
    UnprovenServerError,
)
from multimeter.http.server_url import checked_server_url
from multimeter.http.tls import Authorities, make_context

__all__ = [
    "HttpAnswer",
    "Token",
    "Transport",
    "checked_token",
    "refusal_error",
    "unreachable_error",
]

Token = str | Callable[[], str]
"""A token, or what gives it; asked again after the server has refused one."""

_LONGEST_ANSWER = 2**20
_LONGEST_REASON = 500
_CONNECT_SECONDS = 10.0
_UNAUTHORIZED = (401, 403)
_SCHEME = "Token "
_HUNG_UP = (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected)
_NEXT_STEPS = {
    401: "multimeter-visu status shows the stack; install it again if its tokens are lost.",
    403: "Use a token that has the right to this bucket.",
    404: "Check the names of the organisation and the bucket: multimeter-visu status",
    503: "Wait a moment, or look at: multimeter-visu doctor",
}


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

    @property
    def message(self) -> str:
        """The message in a body of JSON, as InfluxDB sends it; or the body as text."""
        text = self.body.decode("utf-8", "replace").strip()
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return text
        message = data.get("message") if isinstance(data, dict) else None
        return message if isinstance(message, str) else text


class Transport:
    """Sends requests with a token to one server.

    Args:
        url: The URL of the server; a path in it precedes those of requests.
        token: The token. It appears in no error message, no answer and no ``repr``.
        timeout: How many seconds the server may be silent.
        ca: The file of certificates to trust, with ``https``; by default the system's.

    Attributes:
        url: The URL of the server.

    Raises:
        ConfigurationError: There is no token, or it, the URL or ``ca`` cannot be used.
    """

    def __init__(
        self, url: str, token: Token, *, timeout: float, ca: Authorities | None = None
    ) -> None:
        self.url = checked_server_url(url)
        self._token = token
        # A callable is asked when the first request is made.
        self._secret = "" if callable(token) else checked_token(token)
        self._is_refused = False
        self._timeout = timeout
        self._ca = ca
        self._tls = self._make_tls()
        self._connection: http.client.HTTPConnection | None = None
        self._owner: int | None = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        # Another process opens a connection of its own.
        return {**vars(self), "_connection": None, "_tls": None, "_owner": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._tls = self._make_tls()
        self._owner = os.getpid()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        with_token: bool = True,
    ) -> HttpAnswer:
        """Send a request, and return the answer.

        Args:
            method: The method.
            path: The path behind that of the URL, with its query.
            body: What is sent.
            headers: More headers than the token's.
            with_token: Whether the token is sent.

        Raises:
            ConfigurationError: There is no token.
            UnprovenServerError: What listens there is not the server of the token.
            OSError: The server cannot be reached, or does not answer in time.
            http.client.HTTPException: It does not speak HTTP.
        """
        headers = dict(headers or {})
        response = self._open(method, path, body, headers, with_token=with_token)
        with self._closing(response):
            return self.read(response)

    @contextlib.contextmanager
    def stream(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """Ask by ``GET`` for something long, and lend the answer to be read in pieces.

        Raises:
            Exception: As :meth:`request`; also where the answer ends half way.
        """
        response = self._open("GET", path, None, {})
        with self._closing(response):
            yield response
            if response.isclosed() and response.length:
                # Reading in pieces does not notice that the last ones are missing.
                raise http.client.IncompleteRead(b"", response.length)

    def read(self, response: http.client.HTTPResponse) -> HttpAnswer:
        """Return an answer that was streamed, as :meth:`request` would."""
        text = response.read(_LONGEST_ANSWER).replace(self._secret.encode(), b"...")
        headers = {name.lower(): value for name, value in response.getheaders()}
        return HttpAnswer(response.status, headers, text)

    def close(self) -> None:
        """Close the connection without a message; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        *,
        with_token: bool = True,
    ) -> http.client.HTTPResponse:
        """Send a request, over a new connection where an idle one was closed."""
        if self._is_refused or not self._secret:
            self._secret = checked_token(self._token)
            self._is_refused = False
        if self._owner != os.getpid():
            # After a fork the connection is the parent's; it does not notice this.
            self.close()
            self._owner = os.getpid()

        def exchange() -> http.client.HTTPResponse:
            if with_token:
                headers["Authorization"] = _SCHEME + self._secret
            return self._exchange(method, path, body, headers)

        was_idle = self._connection is not None
        try:
            response = exchange()
        except _HUNG_UP:
            if not was_idle:
                raise
            response = exchange()
        except UnprovenServerError:
            if not self._has_another_token():
                raise
            response = exchange()
        self._is_refused = response.status in _UNAUTHORIZED
        return response

    def _has_another_token(self) -> bool:
        """Ask for the token again: a stack that was installed anew has a new one."""
        before, self._secret = self._secret, checked_token(self._token)
        return self._secret != before

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        try:
            connection = self._connect()
            # A server that finds a body too large may answer before it cuts the connection.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                path = urlsplit(self.url).path + path
                connection.request(method, path, body, dict(headers))
            return connection.getresponse()
        except BaseException:
            self.close()
            raise

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

    @contextlib.contextmanager
    def _closing(self, response: http.client.HTTPResponse) -> Iterator[None]:
        """Close the connection where it has ended, or more of the answer may come."""
        try:
            yield
        finally:
            if response.will_close or not response.isclosed():
                response.close()  # a connection that ends belongs to its last answer
                self.close()

    def _make_tls(self) -> ssl.SSLContext | None:
        encrypted = self.url.startswith("https:")
        return make_context(True if self._ca is None else self._ca) if encrypted else None


def checked_token(token: Token) -> str:
    """Return a token, or what its function returns.

    Raises:
        ConfigurationError: There is no token, or it does not fit in a header, and would
            end up in an error message of the client.
    """
    text = token() if callable(token) else token
    if not text:
        raise ConfigurationError(
            "'token' must be set.",
            next_step="InfluxDBStorage.from_stack() finds that of the installed stack.",
        )
    if not (isinstance(text, str) and text.isascii() and text.isprintable()):
        raise ConfigurationError(
            "The token holds characters that no token has.",
            cause="It was copied with a line break, or from the wrong place.",
        )
    return text


def unreachable_error(url: str, reason: object) -> StorageError:
    """Return the error that a server does not answer, or stops half way."""
    return StorageError(
        f"{url} does not answer: {reason}",
        cause="The stack is stopped, or still starting.",
        next_step="multimeter-visu start",
    )


def refusal_error(url: str, status: int, message: str) -> StorageError:
    """Return the error that a server refuses a request.

    Args:
        url: The URL of the server.
        status: The status code of its answer.
        message: What the answer says.
    """
    return StorageError(
        f"{url} answered {status}: {message.strip()[:_LONGEST_REASON]}",
        next_step=_NEXT_STEPS.get(status, "multimeter-visu status"),
    )
