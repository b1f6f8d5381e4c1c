"""The rest of InfluxDB's API, as far as clients that write ask for it.

There is one organisation with one bucket, and nothing can be set up, created or queried
here: those parts of https://docs.influxdata.com/influxdb/v2/api/ say so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from multimeter.http.proof import CHALLENGE, PROOF, is_challenge
from multimeter.visualization.embedded.http.access import Access
from multimeter.visualization.embedded.http.authorization import (
    require_organisation,
    require_token,
)
from multimeter.visualization.embedded.http.headers import INFLUXDB_VERSION
from multimeter.visualization.embedded.http.responses import RequestError, json_response

__all__ = ["InfluxApi"]

_NOT_SERVED = (
    "authorizations",
    "backup",
    "buckets",
    "dashboards",
    "delete",
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
    """Tells clients that the server is there, and which bucket it has.

    Args:
        access: The organisation, the bucket, and who may ask for them.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(self, access: Access, now_ns: Callable[[], int]) -> None:
        self._access = access
        self._now_ns = now_ns
        self._started_ns = now_ns()

    def routes(self) -> list[Route]:
        """Return the routes of this API; the first that fits counts."""
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
        asked = request.query_params
        if asked.get("org") or asked.get("orgID"):
            require_organisation(request, self._access)
        ours = {"name": self._access.bucket, "id": self._access.bucket_id}
        meant = all(asked.get(key) in (None, value) for key, value in ours.items())
        buckets = [self._bucket()] if meant else []
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
            f"{request.method} {request.url.path} is not served by Multimeter: it takes"
            " points at /api/v2/write and gives them at /api/runs and /api/series",
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
