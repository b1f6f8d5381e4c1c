"""The JSON API of the page: runs, their series and their marks. See docs/http-api.md."""

from __future__ import annotations

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
from multimeter.visualization.embedded.http.parameters import (
    integer_of,
    range_of,
    require_run,
)
from multimeter.visualization.embedded.http.responses import RequestError, json_response
from multimeter.visualization.embedded.http.run_view import summary_of, view_of_run
from multimeter.visualization.embedded.store.runs import list_runs, run_marks
from multimeter.visualization.embedded.store.store import Store

__all__ = ["PageApi"]

_BUCKETS = 1_000


class PageApi:
    """Answers what the page asks for, from the store.

    Args:
        store: Where the points are.
        access: Who may read, by token.
        sessions: Who may read, by cookie.
        limits: How much one request may ask for.
    """

    def __init__(
        self, store: Store, access: Access, sessions: Sessions, limits: Limits
    ) -> None:
        self._store = store
        self._access = access
        self._sessions = sessions
        self._limits = limits

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [
            self._route("runs", self._runs),
            self._route("run", self._run),
            self._route("series", self._series),
            self._route("marks", self._marks),
        ]

    def _route(self, name: str, find: Callable[[QueryParams], Any]) -> Route:
        def answer(parameters: QueryParams) -> Response:
            return json_response(find(parameters))

        async def endpoint(request: Request) -> Response:
            require_reader(request, self._access, self._sessions)
            return await run_in_threadpool(answer, request.query_params)

        return Route(f"/api/{name}", endpoint)

    def _runs(self, _parameters: QueryParams) -> list[dict[str, Any]]:
        return [summary_of(run) for run in list_runs(self._store)]

    def _run(self, parameters: QueryParams) -> dict[str, Any]:
        return view_of_run(self._store, require_run(self._store, parameters))

    def _marks(self, parameters: QueryParams) -> list[dict[str, Any]]:
        marks = run_marks(self._store, require_run(self._store, parameters).identifier)
        return [{"time": mark.time_ns, "label": mark.label} for mark in marks]

    def _series(self, parameters: QueryParams) -> dict[str, Any]:
        run = require_run(self._store, parameters)
        buckets = integer_of(parameters, "buckets", _BUCKETS)
        if not 1 <= buckets <= self._limits.buckets:
            raise RequestError("invalid", f"buckets: from 1 to {self._limits.buckets}")
        start, stop = range_of(parameters, run.start, run.end)
        keys = parameters.getlist("key") or run.fields
        data = self._store.series(run.identifier, keys, start, stop, buckets)
        groups = [
            {
                "tags": each.tags,
                "time": each.times,
                # Not asdict(), which would copy every number.
                "series": {key: vars(summary) for key, summary in each.values.items()},
            }
            for each in data.series
        ]
        return {
            "run": run.identifier,
            "start": start,
            "stop": stop,
            "bucket": data.bucket_ns,
            "groups": groups,
        }
