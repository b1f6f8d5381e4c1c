"""Responses: JSON, and errors in the form in which InfluxDB 2 gives them.

An error is ``{"code": ..., "message": ...}`` with the code in the header
``X-Platform-Error-Code`` too, see
https://docs.influxdata.com/influxdb/v2/api/v2/#tag/Response-codes
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from multimeter.errors import LineProtocolError
from multimeter.visualization.embedded.http.headers import HEADERS
from multimeter.visualization.errors import QueryCancelledError, StoreFullError

__all__ = [
    "EXCEPTION_HANDLERS",
    "INTERNAL_ERROR",
    "RequestError",
    "error_response",
    "json_response",
]

INTERNAL_ERROR = "An internal error has occurred - check server logs"
"""What InfluxDB says of an error that only its log explains."""

_STATUSES = {
    "invalid": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not found": 404,
    "method not allowed": 405,
    "request timeout": 408,
    "request too large": 413,
    "conflict": 422,
    "unprocessable entity": 422,
    "internal error": 500,
    "not implemented": 501,
    "unavailable": 503,
}
_CODES = {status: code for code, status in _STATUSES.items()}
_RETRY_SECONDS = 10


class RequestError(HTTPException):
    """A request is refused.

    Args:
        code: Why, as InfluxDB names it; the status follows from it.
        message: What is wrong, for the person who sent it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(_STATUSES[code], message)
        self.code = code


def json_response(content: Any) -> Response:
    """Return an answer in JSON, with null in the place of NaN and infinity."""
    try:
        text = _encode(content)
    except ValueError:
        text = _encode(_without_infinity(content))
    return Response(
        text,
        media_type="application/json; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )


def _encode(content: Any) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def _without_infinity(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_infinity(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_infinity(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def error_response(
    code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error in InfluxDB's form."""
    response = json_response({"code": code, "message": message})
    response.status_code = _STATUSES[code]
    response.headers["X-Platform-Error-Code"] = code
    response.headers.update(headers or {})
    return response


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return error_response(error.code, error.detail)


async def _not_routed(_request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "invalid")
    message = "path not found" if code == "not found" else error.detail
    return error_response(code, message, error.headers)


async def _not_line_protocol(_request: Request, error: Exception) -> Response:
    return error_response("invalid", str(error))


async def _no_room(_request: Request, error: Exception) -> Response:
    wait = {"Retry-After": str(_RETRY_SECONDS)}
    return error_response("unavailable", str(error), wait)


async def _gone(_request: Request, _error: Exception) -> Response:
    """Answer a client that went away; nobody reads it."""
    return error_response("invalid", "the client went away")


async def _failed(_request: Request, _error: Exception) -> Response:
    """Answer what nobody expected; the server logs the error itself.

    Starlette asks for this answer outside of all middleware, so it brings the headers.
    """
    return error_response("internal error", INTERNAL_ERROR, HEADERS)


EXCEPTION_HANDLERS: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    RequestError: _refused,
    HTTPException: _not_routed,
    LineProtocolError: _not_line_protocol,
    StoreFullError: _no_room,
    ClientDisconnect: _gone,
    QueryCancelledError: _gone,
    Exception: _failed,
}
"""Which error is answered how; for :class:`starlette.applications.Starlette`."""
