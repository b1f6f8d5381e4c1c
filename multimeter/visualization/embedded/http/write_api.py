"""The write API of InfluxDB 2, as official clients and Telegraf speak it.

Checks, their order, statuses and messages are InfluxDB's:
https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from multimeter.lines.protocol import PRECISIONS
from multimeter.visualization.embedded.http.access import Access, Right
from multimeter.visualization.embedded.http.authorization import (
    require_organisation,
    require_right,
    require_token,
)
from multimeter.visualization.embedded.http.limits import Limits, gunzip
from multimeter.visualization.embedded.http.responses import RequestError
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Store

__all__ = ["WriteApi"]

# The first version of the API had short names too.
_V1_PRECISIONS = {name: name for name in PRECISIONS} | {"n": "ns", "u": "us"}
_GZIP = ("gzip", "x-gzip")


class WriteApi:
    """Takes points over HTTP and writes them to the store.

    Args:
        store: Where they go.
        access: Who may write, and to which bucket.
        limits: How much one request may bring.
        now_ns: Returns the time of points that have none, in ns since the epoch.
    """

    def __init__(
        self, store: Store, access: Access, limits: Limits, now_ns: Callable[[], int]
    ) -> None:
        self._store = store
        self._access = access
        self._limits = limits
        self._now_ns = now_ns

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [
            Route("/api/v2/write", self._write, methods=["POST"]),
            Route("/write", self._write_v1, methods=["POST"]),
        ]

    async def _write(self, request: Request) -> Response:
        right = require_token(request, self._access)
        precision = request.query_params.get("precision") or "ns"
        if precision not in PRECISIONS:
            raise RequestError(
                "invalid",
                "invalid precision; valid precision units are ns, us, ms, and s",
            )
        bucket = request.query_params.get("bucket")
        if not bucket:
            raise RequestError("not found", "bucket not found")
        require_organisation(request, self._access)
        if bucket not in (self._access.bucket, self._access.bucket_id):
            raise RequestError("not found", f'bucket "{bucket}" not found')
        return await self._take(request, right, precision)

    async def _write_v1(self, request: Request) -> Response:
        """Take what clients of InfluxDB 1 send; the database is the bucket."""
        right = require_token(request, self._access)
        parameters = request.query_params
        precision = _V1_PRECISIONS.get(parameters.get("precision") or "ns")
        if precision is None:
            raise RequestError(
                "invalid",
                "invalid precision; valid precision units are n, ns, u, us, ms, and s",
            )
        if not parameters.get("db"):
            raise RequestError("invalid", "missing db")
        policy = parameters.get("rp", "autogen")
        if parameters["db"] != self._access.bucket or policy != "autogen":
            raise RequestError("not found", "no dbrp mapping found")
        response = await self._take(request, right, precision)
        response.headers["Vary"] = "Accept-Encoding"
        return response

    async def _take(self, request: Request, right: Right, precision: str) -> Response:
        require_right(right, "write")
        body = await request.body()
        # RFC 9110 8.4.1: the names of codings know no upper case.
        zipped = request.headers.get("content-encoding", "").strip().lower() in _GZIP
        await run_in_threadpool(self._store_body, body, precision, zipped=zipped)
        return Response(status_code=204)

    def _store_body(self, body: bytes, precision: str, *, zipped: bool) -> None:
        if zipped:
            body = gunzip(body, self._limits.body_bytes)
        conflicts = self._store.write(decode_columns(body, precision, self._now_ns()))
        if conflicts:
            dropped = sum(conflict.dropped for conflict in conflicts)
            raise RequestError(
                "unprocessable entity",
                "failure writing points to database: partial write: "
                f"{conflicts[0].message} dropped={dropped}",
            )
