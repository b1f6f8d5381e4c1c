"""A client of servers that give runs: the embedded one, and InfluxDB 2.

On the standard library's ``urllib``, without proxies and redirects: a token goes to the
server that it is for, and to no other.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast
from urllib.parse import urlencode, urlsplit

from multimeter.connection import Connection
from multimeter.errors import ConfigurationError, StorageError
from multimeter.http.proof import expects_proof
from multimeter.http.proven_connection import HTTPConnection, HTTPSConnection
from multimeter.http.server_url import checked_server_url

__all__ = ["ReadClient"]

_SECONDS = 60.0
_LONGEST_ANSWER = 1 << 16
_LONGEST_REASON = 500
_NEXT_STEPS = {
    401: "multimeter-visu status shows the stack; install it again if its tokens are lost.",
    403: "Use a token that may read this bucket.",
    503: "Wait a moment, or look at: multimeter-visu doctor",
}
_HANDLERS = (
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)


class ReadClient:
    """Asks one server.

    Args:
        connection: Where it is, and the token that may read.

    Attributes:
        url: The URL of the server.

    Raises:
        ConfigurationError: The URL or the token cannot be used.
    """

    def __init__(self, connection: Connection) -> None:
        self.url = checked_server_url(connection.url)
        self._token = connection.read_token or connection.token
        if not (self._token.isascii() and self._token.isprintable()):
            raise ConfigurationError("The token that may read holds odd characters.")
        self._opener = urllib.request.OpenerDirector()
        for handler in _HANDLERS:
            self._opener.add_handler(handler())
        path = urlsplit(self.url).path
        self._opener.add_handler(_Http(self._token, path))
        self._opener.add_handler(_Https(self._token, path))

    @contextlib.contextmanager
    def answer(
        self,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        with_token: bool = True,
    ) -> Iterator[IO[bytes]]:
        """Ask, and lend the answer to be read; ask by ``POST`` where there is a body.

        Args:
            path: The path, behind that of the URL.
            parameters: The query.
            body: What is sent as JSON.
            with_token: Whether the token is sent.

        Raises:
            UnprovenServerError: What listens there is not the server of the token.
            StorageError: The server does not answer, refuses it, or stops half way.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        headers = {"Content-Type": "application/json"}
        if with_token:
            headers["Authorization"] = f"Token {self._token}"
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            f"{self.url}{path}{query}",
            None if body is None else json.dumps(body).encode(),
            headers,
        )
        try:
            with self._opener.open(request, timeout=_SECONDS) as response:
                yield cast("IO[bytes]", response)
                if response.isclosed() and response.length:
                    # Who reads in pieces is not told that the last ones are missing.
                    raise http.client.IncompleteRead(b"", response.length)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise StorageError(
                f"{self.url} does not answer: {reason}",
                cause="The stack is stopped, or still starting.",
                next_step="multimeter-visu start",
            ) from error

    def json(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """Return an answer in JSON.

        Raises:
            StorageError: As :meth:`answer`, or the answer is not JSON.
        """
        try:
            with self.answer(path, parameters) as response:
                return json.load(response)
        except (ValueError, RecursionError) as error:
            raise StorageError(
                f"{self.url} answered something else than JSON.",
                cause="Another server listens there, or a network asks for a login.",
                next_step="multimeter-visu status",
            ) from error

    def is_embedded(self) -> bool:
        """Return whether it is the server of ``multimeter-visu install --engine embedded``.

        Raises:
            StorageError: It does not answer.
        """
        if expects_proof(self._token):
            return True
        with self.answer("/ping", with_token=False) as response:
            headers = cast("http.client.HTTPResponse", response).headers
            return headers.get("X-Influxdb-Build") == "multimeter"

    def _refused(self, error: urllib.error.HTTPError) -> StorageError:
        try:
            text = error.read(_LONGEST_ANSWER).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            text = ""
        with contextlib.suppress(ValueError, RecursionError, TypeError, KeyError):
            text = str(json.loads(text)["message"])
        text = text.replace(self._token, "...") if self._token else text
        return StorageError(
            f"{self.url} answered {error.code}: {text.strip()[:_LONGEST_REASON]}",
            next_step=_NEXT_STEPS.get(error.code, "multimeter-visu status"),
        )


class _Http(urllib.request.HTTPHandler):
    """Opens connections over which the token may go."""

    def __init__(self, token: str, path: str) -> None:
        super().__init__()
        self._connection = functools.partial(HTTPConnection, token=token, path=path)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _Https(urllib.request.HTTPSHandler):
    """The same, encrypted."""

    def __init__(self, token: str, path: str) -> None:
        super().__init__()
        self._connection = functools.partial(HTTPSConnection, token=token, path=path)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)
