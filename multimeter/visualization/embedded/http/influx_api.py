"""The API of InfluxDB 2, as far as official clients and Telegraf use it to write.

There is one organisation with one bucket; set-up, creation and queries are refused. The
checks of a write, their order, statuses and messages are InfluxDB's:
https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from multimeter.http.proof import CHALLENGE, PROOF, is_challenge
from multimeter.lines.protocol import PRECISIONS
from multimeter.visualization.embedded.http.access import (
    Access,
    Right,
    require_bucket,
    require_organisation,
    require_right,
    require_token,
)
from multimeter.visualization.embedded.http.reading import Limits, gunzip
from multimeter.visualization.embedded.http.responses import (
    INFLUXDB_VERSION,
    RequestError,
    json_response,
)
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Store

__all__ = ["InfluxApi", "WriteApi"]

# Version 1 of the API had short names too.
_V1_PRECISIONS = {name: name for name in PRECISIONS} | {"n": "ns", "u": "us"}
_GZIP = ("gzip", "x-gzip")


class WriteApi:
    """Accepts points over HTTP and writes them to the store.

    Args:
        store: The store.
        access: The organisation, the bucket and the tokens.
        limits: The limits of a request.
        now_ns: Returns the time for points without one, in ns since the epoch.
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
        require_bucket(request, self._access, "bucket")
        return await self._accept(request, right, precision)

    async def _write_v1(self, request: Request) -> Response:
        """Accept points from clients of InfluxDB 1; the database is the bucket."""
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
        response = await self._accept(request, right, precision)
        response.headers["Vary"] = "Accept-Encoding"
        return response

    async def _accept(self, request: Request, right: Right, precision: str) -> Response:
        require_right(right, "write")
        body = await request.body()
        # RFC 9110 8.4.1: the names of codings are case-insensitive.
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


_NOT_SERVED = (
    "authorizations",
    "backup",
    "buckets",
    "dashboards",
    "labels",
    "me",
    "orgs",
    "query",
    "signin",
    "tasks",
    "telegrafs",
    "users",
    "variables",
)
_EVERY_METHOD = ["DELETE", "GET", "PATCH", "POST", "PUT"]


class InfluxApi:
    """Answers clients that ask for the health of the server, or for its bucket.

    Args:
        access: The organisation, the bucket and the tokens.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(self, access: Access, now_ns: Callable[[], int]) -> None:
        self._access = access
        self._now_ns = now_ns
        self._started_ns = now_ns()

    def routes(self) -> list[Route]:
        """Return the routes of this API; the first match applies."""
        not_served = [
            Route(path, self._refuse, methods=_EVERY_METHOD)
            for name in _NOT_SERVED
            for path in (f"/api/v2/{name}", f"/api/v2/{name}/{{rest:path}}")
        ]
        return [
            Route("/ping", self._ping),
            Route("/health", _health),
            Route("/ready", self._ready),
            Route("/api/v2/setup", _is_setup_allowed),
            Route("/api/v2/setup", _refuse_setup, methods=["POST"]),
            Route("/api/v2/orgs", self._organisations),
            Route("/api/v2/buckets", self._buckets),
            *not_served,
        ]

    async def _ping(self, request: Request) -> Response:
        headers = {"Vary": "Accept-Encoding"}
        challenge = request.headers.get(CHALLENGE, "")
        if is_challenge(challenge):
            headers[PROOF] = self._access.prove(challenge)
        return Response(status_code=204, headers=headers)

    async def _ready(self, _request: Request) -> Response:
        started = datetime.fromtimestamp(self._started_ns // 10**9, timezone.utc)
        seconds = (self._now_ns() - self._started_ns) / 1e9
        return json_response(
            {
                "status": "ready",
                "started": f"{started:%Y-%m-%dT%H:%M:%S}Z",
                "up": f"{seconds:.3f}s",
            }
        )

    async def _organisations(self, request: Request) -> Response:
        require_token(request, self._access)
        if request.query_params.get("org") or request.query_params.get("orgID"):
            require_organisation(request, self._access)
        organisations = [self._organisation()]
        return json_response({"links": {"self": "/api/v2/orgs"}, "orgs": organisations})

    def _organisation(self) -> dict[str, Any]:
        return {"id": self._access.org_id, "name": self._access.org, "description": ""}

    async def _buckets(self, request: Request) -> Response:
        require_token(request, self._access)
        parameters = request.query_params
        if parameters.get("org") or parameters.get("orgID"):
            require_organisation(request, self._access)
        names = {"name": self._access.bucket, "id": self._access.bucket_id}
        matches = all(parameters.get(key) in (None, value) for key, value in names.items())
        buckets = [self._bucket()] if matches else []
        return json_response({"buckets": buckets})

    def _bucket(self) -> dict[str, Any]:
        identifier, organisation = self._access.bucket_id, self._access.org_id
        write = f"/api/v2/write?org={organisation}&bucket={identifier}"
        return {
            "id": identifier,
            "orgID": organisation,
            "type": "user",
            "name": self._access.bucket,
            "retentionRules": [{"type": "expire", "everySeconds": 0}],
            "links": {"write": write},
            "labels": [],
        }

    async def _refuse(self, request: Request) -> Response:
        require_token(request, self._access)
        raise RequestError(
            "not implemented",
            f"{request.method} {request.url.path} is not served by Multimeter: it accepts"
            " points at /api/v2/write and returns them at /api/runs and /api/series",
        )


async def _health(_request: Request) -> Response:
    return json_response(
        {
            "name": "multimeter",
            "message": "ready for writes",
            "status": "pass",
            "checks": [],
            "version": INFLUXDB_VERSION,
        }
    )


async def _is_setup_allowed(_request: Request) -> Response:
    return json_response({"allowed": False})


async def _refuse_setup(_request: Request) -> Response:
    raise RequestError("conflict", "onboarding has already been completed")
