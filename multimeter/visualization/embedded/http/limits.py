"""Limits: how much one request may take, and for how long."""

from __future__ import annotations

import asyncio
import gzip
import io
import zlib
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multimeter.visualization.embedded.http.responses import INTERNAL_ERROR, RequestError

__all__ = ["BodyLimits", "Limits", "gunzip"]

_TOO_LARGE = "unable to read data: points batch is too large"
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Limits:
    """What one request may take.

    Attributes:
        body_bytes: The size of a body, as sent and after gunzip.
        body_seconds: How long a body may take to arrive, from the head of its request.
        buckets: Into how many buckets a series can be cut.
    """

    body_bytes: int = 64 * 1024 * 1024
    body_seconds: float = 30.0
    buckets: int = 5_000


class BodyLimits:
    """Ends bodies that are too large or too slow (ASGI middleware).

    An answer that is given before all of the body has arrived would often be lost: the
    client is still sending, and finds the connection closed. So the rest is read, and
    thrown away, as long as the time of the body lasts; after that the connection is
    closed.

    Args:
        app: What answers.
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
    """One body on its way in."""

    def __init__(self, receive: Receive, headers: Headers, limits: Limits) -> None:
        self._receive = receive
        self._clock = asyncio.get_running_loop().time
        self._deadline = self._clock() + limits.body_seconds
        self._most_bytes = limits.body_bytes
        # The length is a claim of the client: enough to refuse, not enough to trust.
        length = headers.get("content-length", "")
        self._claimed_bytes = int(length) if length.isdecimal() else 0
        self._received_bytes = 0
        self._complete = False

    async def receive(self) -> Message:
        """Return the next part.

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
        """Throw away what is still to come; whether that was all of it."""
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
    """Return what a gzip file holds, all of its members.

    Args:
        data: The file.
        limit: How many bytes it may hold; not one more is unpacked.

    Raises:
        RequestError: It is no gzip, it is torn, or it holds more.
    """
    if not data.startswith(_GZIP_MAGIC):
        raise RequestError("internal error", INTERNAL_ERROR)  # as InfluxDB has it
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError("invalid", f"unable to read data: {error}") from error
    if len(unpacked) > limit:
        raise RequestError("request too large", _TOO_LARGE)
    return unpacked
