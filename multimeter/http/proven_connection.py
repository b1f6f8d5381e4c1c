"""Connections over which a token may go: each new one asks the server for its proof."""

from __future__ import annotations

import http.client
import io
import re
import socket
import time
from http import HTTPStatus
from typing import Any

from multimeter.errors import StorageError
from multimeter.http.proof import CHALLENGE, PROOF, expects_proof, is_proof, new_challenge

__all__ = ["HTTPConnection", "HTTPSConnection", "UnprovenServerError"]

_LONGEST_ANSWER = 1 << 16
_MOST_SECONDS = 10.0
_HTTP = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |$)")
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class UnprovenServerError(StorageError):
    """What listens did not prove that it is the server of a token; nothing was sent.

    Args:
        where: Its host and port.
    """

    def __init__(self, where: str) -> None:
        super().__init__(
            f"What listens at {where} did not prove that it is the server of this stack: "
            "nothing was sent to it.",
            cause="The stack is stopped, and another program has its port; or its server "
            "was started by an earlier version of Multimeter.",
            next_step="multimeter-visu start, which names the program that has the port; "
            "after an upgrade, multimeter-visu stop first.",
        )


class _ProvenConnection(http.client.HTTPConnection):
    """A connection for requests that carry a token.

    Where the server can prove that it knows the token, it has to as soon as the
    connection is open, also when the client opens it again on its own.

    Args:
        host: The name or address of the server.
        port: Its port; by default that of the protocol.
        timeout: How many seconds it may be silent.
        token: The token that will be sent.
        path: What is before ``/ping`` in the server's paths.
        **more: What the protocol needs.
    """

    def __init__(
        self,
        host: str,
        port: int | None = None,
        timeout: float | None = None,
        *,
        token: str,
        path: str = "",
        **more: Any,
    ) -> None:
        super().__init__(host, port, timeout=timeout, **more)
        self._token = token
        self._path = path

    def connect(self) -> None:
        """Open the connection.

        Raises:
            UnprovenServerError: The server should prove who it is, and does not.
            OSError: It cannot be reached, or is too busy to answer.
        """
        super().connect()
        _require_proof(self, self._token, self._path)


class HTTPConnection(_ProvenConnection):
    """Such a connection, not encrypted; ``localhost`` is one address for it."""

    def __init__(self, *place: Any, token: str, **more: Any) -> None:
        super().__init__(*place, token=token, **more)
        if expects_proof(token) and self.host.lower() == "localhost":
            # The server listens on one address. On another address of that name,
            # another program could listen, and pass the challenge on to the server.
            self.host = "127.0.0.1"


class HTTPSConnection(_ProvenConnection, http.client.HTTPSConnection):
    """Such a connection, encrypted; ``context`` says whose certificates are trusted."""


def _require_proof(connection: http.client.HTTPConnection, token: str, path: str) -> None:
    if not expects_proof(token):
        return
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    where = f"{host}:{connection.port}"
    try:
        _ask(connection.sock, where, token, path)
    except BaseException:
        connection.close()
        raise


def _ask(sock: socket.socket, where: str, token: str, path: str) -> None:
    """Ask for the proof, below http.client's requests: one of them may be waiting."""
    challenge = new_challenge()
    head = f"GET {path}/ping HTTP/1.1\r\nHost: {where}\r\n{CHALLENGE}: {challenge}\r\n\r\n"
    try:
        sock.sendall(head.encode())
        status, headers = _read_answer(sock)
    except TimeoutError:
        # Not a TimeoutError: smaller batches would not help.
        raise OSError(f"{where} did not prove who it is in time") from None
    except http.client.RemoteDisconnected:
        raise
    except (http.client.HTTPException, ValueError) as error:
        raise UnprovenServerError(where) from error
    # Behind any other status there could be a body, which the next request would read.
    proven = is_proof(headers.get(PROOF, ""), token, challenge)
    if proven and status == HTTPStatus.NO_CONTENT:
        return
    if status in _BUSY:
        raise OSError(f"{where} is busy: it answered {status}")
    raise UnprovenServerError(where)


def _read_answer(sock: socket.socket) -> tuple[int, http.client.HTTPMessage]:
    """Read the head of an answer to ``/ping``, which has no body.

    All of it has to arrive in the time that a connection may take: a foreign program that
    sends a byte now and then would block its caller for hours.
    """
    timeout = sock.gettimeout()
    try:
        head = _read_head(sock, timeout)
    finally:
        sock.settimeout(timeout)
    line, _, rest = head.partition(b"\r\n")
    status = _STATUS_LINE.match(line)
    if status is None:
        raise http.client.BadStatusLine(repr(line))
    return int(status[1]), http.client.parse_headers(io.BytesIO(rest))


def _read_head(sock: socket.socket, timeout: float | None) -> bytes:
    seconds = _MOST_SECONDS if timeout is None else min(timeout, _MOST_SECONDS)
    deadline = time.monotonic() + seconds
    head = b""
    while b"\r\n\r\n" not in head and head.startswith(_HTTP[: len(head)]):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        part = sock.recv(_LONGEST_ANSWER - len(head))
        if not (part or head):
            raise http.client.RemoteDisconnected("it closed the connection")
        if not part:
            break
        head += part
    return head
