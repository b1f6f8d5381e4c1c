"""Responses: JSON, errors in the form of InfluxDB 2, and the headers of every response.

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

from multimeter import __version__
from multimeter.errors import LineProtocolError
from multimeter.visualization.errors import QueryCancelledError, StoreFullError

__all__ = [
    "CONTENT_SECURITY_POLICY",
    "EXCEPTION_HANDLERS",
    "HEADERS",
    "INFLUXDB_VERSION",
    "INTERNAL_ERROR",
    "RequestError",
    "error_response",
    "json_response",
]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self'; "
    "connect-src 'self'; "
    "base-uri 'none'; "
    "form-action 'self'; "
    "frame-ancestors 'none'"
)
"""The pages may load resources of this server only."""

INFLUXDB_VERSION = f"v2.7.0-multimeter.{__version__}"
"""The version of InfluxDB that clients see; some check the first number.

It is a pre-release of 2.7.0, made by Multimeter (https://semver.org, 9).
"""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Influxdb-Build": "multimeter",
    "X-Influxdb-Version": INFLUXDB_VERSION,
}
"""The headers of every response."""


INTERNAL_ERROR = "An internal error has occurred - check server logs"
"""InfluxDB's message for an error that only its log explains."""

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
        code: InfluxDB's code of the reason; it determines the status.
        message: What is wrong, for the user.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(_STATUSES[code], message)
        self.code = code


def json_response(content: Any) -> Response:
    """Return a JSON response, with null in place of NaN and infinity."""
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
    """Handle what Starlette refuses: an unknown path or a wrong method."""
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
    """Handle a client that disconnected; the response is never read."""
    return error_response("invalid", "the client went away")


async def _failed(_request: Request, _error: Exception) -> Response:
    """Handle an unexpected error, which the server logs itself.

    Starlette calls this outside of the middleware, so the headers are added here.
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
"""The handlers by type of error; for :class:`starlette.applications.Starlette`."""
