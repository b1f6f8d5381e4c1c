"""Reading: routes for those who may read, whose queries end when nobody waits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from multimeter.visualization.embedded.http.access import Access, Sessions
from multimeter.visualization.embedded.http.authorization import require_reader
from multimeter.visualization.embedded.http.limits import Limits
from multimeter.visualization.embedded.http.responses import RequestError, json_response
from multimeter.visualization.embedded.store.interrupt import Interrupt

__all__ = ["Find", "ReadRoutes", "buckets_of", "integer", "range_of"]

Find = Callable[[QueryParams, Interrupt], Any]
"""Finds an answer to what is asked; a response, or what becomes JSON."""

_BUCKETS = 1_000
_INTEGER = re.compile(r"-?[0-9]{1,19}")


class ReadRoutes:
    """Makes routes that answer readers.

    Args:
        access: Who may read, by token.
        sessions: Who may read, by cookie.
    """

    def __init__(self, access: Access, sessions: Sessions) -> None:
        self._access = access
        self._sessions = sessions

    def route(self, name: str, find: Find) -> Route:
        """Return the route of one question; it is answered in a thread."""

        async def endpoint(request: Request) -> Response:
            require_reader(request, self._access, self._sessions)
            interrupt = Interrupt()

            def answer() -> Response:
                found = find(request.query_params, interrupt)
                return found if isinstance(found, Response) else json_response(found)

            return await _while_wanted(request, interrupt, answer)

        return Route(f"/api/{name}", endpoint)


async def _while_wanted(
    request: Request, interrupt: Interrupt, answer: Callable[[], Response]
) -> Response:
    """Answer; when the client goes away meanwhile, end its queries."""
    answering = asyncio.ensure_future(run_in_threadpool(answer))
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            interrupt.set()
        return await answering
    finally:
        leaving.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def integer(parameters: QueryParams, name: str, default: int | None = None) -> int:
    """Return a number that is asked for, or the default where none is.

    Raises:
        RequestError: It is none, or there is neither.
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
    """Return ``start`` and ``stop`` in ns since the epoch, or what is given for them.

    Raises:
        RequestError: One is no integer, or is missing, or they are the wrong way round.
    """
    start = integer(parameters, "start", start)
    stop = integer(parameters, "stop", stop)
    if stop < start:
        raise RequestError("invalid", "stop: not before start")
    return start, stop


def buckets_of(parameters: QueryParams, limits: Limits) -> int:
    """Return into how many buckets a range is to be cut.

    Raises:
        RequestError: Into too many.
    """
    buckets = integer(parameters, "buckets", _BUCKETS)
    if not 1 <= buckets <= limits.buckets:
        raise RequestError("invalid", f"buckets: from 1 to {limits.buckets}")
    return buckets
