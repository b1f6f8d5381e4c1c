"""Reading of requests: limits, parameters, and queries cancelled on disconnect."""

from __future__ import annotations

import asyncio
import gzip
import io
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multimeter.visualization.embedded.http.access import Access, Sessions, require_reader
from multimeter.visualization.embedded.http.responses import (
    INTERNAL_ERROR,
    RequestError,
    json_response,
)
from multimeter.visualization.embedded.store.database import Interrupt

__all__ = [
    "BodyLimits",
    "Handler",
    "Limits",
    "ReadRoutes",
    "buckets_of",
    "gunzip",
    "integer",
    "range_of",
]

_TOO_LARGE = "unable to read data: points batch is too large"
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Limits:
    """The limits of a request.

    Attributes:
        body_bytes: The maximum size of a body, as sent and uncompressed.
        body_seconds: The time for a body to arrive, counted from the head of its request.
        buckets: The maximum number of buckets of a series.
    """

    body_bytes: int = 64 * 1024 * 1024
    body_seconds: float = 30.0
    buckets: int = 5_000


class BodyLimits:
    """Refuses bodies that are too large or too slow (ASGI middleware).

    A response sent before the whole body has arrived would often be lost: the client is
    still sending when the connection closes. So the rest is read and discarded until the
    time for the body is over; then the connection is closed.

    Args:
        app: The application that handles the requests.
        limits: The limits.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        body = _Body(receive, headers, self._limits)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not await body.drain():
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, body.receive, answer)


class _Body:
    """An incoming body."""

    def __init__(self, receive: Receive, headers: Headers, limits: Limits) -> None:
        self._receive = receive
        self._clock = asyncio.get_running_loop().time
        self._deadline = self._clock() + limits.body_seconds
        self._most_bytes = limits.body_bytes
        # The client may send a wrong length: use it only to refuse the request early.
        length = headers.get("content-length", "")
        self._claimed_bytes = int(length) if length.isdecimal() else 0
        self._received_bytes = 0
        self._complete = False

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            RequestError: The body is too large, or too slow.
        """
        if self._claimed_bytes > self._most_bytes:
            raise RequestError("request too large", _TOO_LARGE)
        message = await self._next()
        if message is None:
            raise RequestError("request timeout", "the body did not arrive in time")
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > self._most_bytes:
            raise RequestError("request too large", _TOO_LARGE)
        return message

    async def drain(self) -> bool:
        """Discard the rest of the body; return whether it arrived completely."""
        while not self._complete:
            if await self._next() is None:
                return False
        return True

    async def _next(self) -> Message | None:
        if self._complete:
            return await self._receive()
        try:
            left = self._deadline - self._clock()
            message = await asyncio.wait_for(self._receive(), max(left, 0))
        except asyncio.TimeoutError:
            return None
        self._complete = not message.get("more_body", False)
        return message


def gunzip(data: bytes, limit: int) -> bytes:
    """Return the uncompressed content of a gzip file, with all its members.

    Args:
        data: The file.
        limit: The maximum size of the content; not one byte more is uncompressed.

    Raises:
        RequestError: It is not gzip, is truncated, or exceeds the limit.
    """
    if not data.startswith(_GZIP_MAGIC):
        raise RequestError("internal error", INTERNAL_ERROR)  # as InfluxDB answers
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError("invalid", f"unable to read data: {error}") from error
    if len(unpacked) > limit:
        raise RequestError("request too large", _TOO_LARGE)
    return unpacked


Handler = Callable[[QueryParams, Interrupt], Any]
"""Handles a query: returns a response, or content that becomes JSON."""

_BUCKETS = 1_000
_INTEGER = re.compile(r"-?[0-9]{1,19}")


class ReadRoutes:
    """Makes the routes of queries, which need the right to read.

    Args:
        access: The tokens that may read.
        sessions: The sessions that may read.
    """

    def __init__(self, access: Access, sessions: Sessions) -> None:
        self._access = access
        self._sessions = sessions

    def route(self, name: str, handle: Handler) -> Route:
        """Return the route of a query, which is handled in a thread."""

        async def endpoint(request: Request) -> Response:
            require_reader(request, self._access, self._sessions)
            interrupt = Interrupt()

            def answer() -> Response:
                result = handle(request.query_params, interrupt)
                if isinstance(result, Response):
                    return result
                return json_response(result)

            return await _while_connected(request, interrupt, answer)

        return Route(f"/api/{name}", endpoint)


async def _while_connected(
    request: Request, interrupt: Interrupt, answer: Callable[[], Response]
) -> Response:
    """Handle a request; cancel its queries if the client disconnects."""
    answering = asyncio.ensure_future(run_in_threadpool(answer))
    disconnect = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((answering, disconnect), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            interrupt.set()
        return await answering
    finally:
        disconnect.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def integer(parameters: QueryParams, name: str, default: int | None = None) -> int:
    """Return an integer parameter, or the default where it is missing.

    Raises:
        RequestError: It is not an integer, or is missing without a default.
    """
    text = parameters.get(name)
    if not text and default is not None:
        return default
    if not _INTEGER.fullmatch(text or ""):
        raise RequestError("invalid", f"{name}: not an integer of at most 19 digits")
    return int(text or "")


def range_of(
    parameters: QueryParams, start: int | None = None, stop: int | None = None
) -> tuple[int, int]:
    """Return ``start`` and ``stop`` in ns since the epoch, or the given defaults.

    Raises:
        RequestError: One is not an integer or is missing, or stop is before start.
    """
    start = integer(parameters, "start", start)
    stop = integer(parameters, "stop", stop)
    if stop < start:
        raise RequestError("invalid", "stop: not before start")
    return start, stop


def buckets_of(parameters: QueryParams, limits: Limits) -> int:
    """Return the requested number of buckets.

    Raises:
        RequestError: The number is out of range.
    """
    buckets = integer(parameters, "buckets", _BUCKETS)
    if not 1 <= buckets <= limits.buckets:
        raise RequestError("invalid", f"buckets: from 1 to {limits.buckets}")
    return buckets
