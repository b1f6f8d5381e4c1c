"""InfluxDB's request to delete points.

https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostDelete; a predicate is one or
more ``key="value"``, joined by ``AND``:
https://docs.influxdata.com/influxdb/v2/reference/syntax/delete-predicate/
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from multimeter.data.timestamps import parse_iso
from multimeter.errors import FormatError
from multimeter.visualization.embedded.http.access import (
    Access,
    require_bucket,
    require_right,
    require_token,
)
from multimeter.visualization.embedded.http.responses import RequestError
from multimeter.visualization.embedded.store.store import Selection, Store

__all__ = ["DeleteApi", "parse_predicate"]

_MEASUREMENT = "_measurement"
_TEXT = r'"(?:[^"\\]|\\.)*"'
_TERM = re.compile(rf"\s*({_TEXT}|[A-Za-z_]\w*)\s*=\s*({_TEXT}|\w+)\s*", re.DOTALL)
_AND = re.compile(r"AND(?=[\s\"])", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t"}


class DeleteApi:
    """Deletes points of the store.

    Args:
        store: The store.
        access: The organisation, the bucket and the tokens.
    """

    def __init__(self, store: Store, access: Access) -> None:
        self._store = store
        self._access = access

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [Route("/api/v2/delete", self._delete, methods=["POST"])]

    async def _delete(self, request: Request) -> Response:
        right = require_token(request, self._access)
        require_bucket(request, self._access, "bucket", "bucketID")
        require_right(right, "write")
        selection = _selection(await request.body())
        await run_in_threadpool(self._store.remove, [selection])
        return Response(status_code=204)


def _selection(body: bytes) -> Selection:
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict):
        raise RequestError("invalid", "invalid request; error parsing request json")
    tags = parse_predicate(str(wanted.get("predicate") or ""))
    return Selection(
        _time(wanted, "start"), _time(wanted, "stop"), tags.pop(_MEASUREMENT, None), tags
    )


def _time(wanted: dict[str, Any], field: str) -> int:
    try:
        return min(max(parse_iso(str(wanted.get(field))), -(2**63)), 2**63 - 1)
    except FormatError as error:
        raise RequestError(
            "invalid",
            f"invalid RFC3339Nano for field {field}, please format your time with "
            "RFC3339Nano format, example: 2009-01-02T23:00:00Z",
        ) from error


def parse_predicate(text: str) -> dict[str, str]:
    """Return the tags that a predicate asks for; ``_measurement`` is among them.

    Raises:
        RequestError: It has another form.

    >>> parse_predicate('_measurement="train" AND host="a"')
    {'_measurement': 'train', 'host': 'a'}
    """
    tags: dict[str, str] = {}
    place = 0
    if not text.strip():
        return tags
    while term := _TERM.match(text, place):
        key, value = _unquoted(term[1]), _unquoted(term[2])
        if tags.setdefault(key, value) != value:
            raise RequestError("invalid", f"the predicate asks for two values of {key!r}")
        place = term.end()
        if place == len(text):
            return tags
        joined = _AND.match(text, place)
        if joined is None:
            break
        place = joined.end()
    raise RequestError("invalid", f"bad logical expression, at position {place}")


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _ESCAPED.sub(lambda match: _CONTROL.get(match[1], match[1]), text[1:-1])
