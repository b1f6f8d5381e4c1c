"""A whole run as line protocol, for programs that read it back. See docs/http-api.md."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from multimeter.identifiers import MARKS, RUNS
from multimeter.line_protocol import MAX_TIME_NS, encode
from multimeter.visualization.embedded.http.access import Access, Sessions
from multimeter.visualization.embedded.http.authorization import require_reader
from multimeter.visualization.embedded.http.parameters import range_of, require_run
from multimeter.visualization.embedded.store.store import Store

__all__ = ["LinesApi"]


class LinesApi:
    """Gives runs as they were written: their entry, their marks, their points.

    Args:
        store: Where the points are.
        access: Who may read, by token.
        sessions: Who may read, by cookie.
    """

    def __init__(self, store: Store, access: Access, sessions: Sessions) -> None:
        self._store = store
        self._access = access
        self._sessions = sessions

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [Route("/api/lines", self._lines)]

    async def _lines(self, request: Request) -> Response:
        require_reader(request, self._access, self._sessions)
        return await run_in_threadpool(self._answer, request.query_params)

    def _answer(self, parameters: QueryParams) -> Response:
        run = require_run(self._store, parameters)
        start, stop = range_of(parameters, -MAX_TIME_NS, MAX_TIME_NS)
        return StreamingResponse(
            self._parts(run.identifier, start, stop),
            media_type="text/plain; charset=utf-8",
            headers={"Cache-Control": "no-store"},
        )

    def _parts(self, name: str, start_ns: int, stop_ns: int) -> Iterator[str]:
        """Yield the lines; who reads knows from the first ones what the points are."""
        for measurement in (RUNS, MARKS):
            for record in self._store.rows(measurement, tags={"measurement": name}):
                assert record.time_ns is not None, "the store has given it one"
                inside = start_ns <= record.time_ns <= stop_ns
                line = encode(record) if inside or measurement == RUNS else None
                if line is not None:
                    yield f"{line}\n"
        for part in self._store.lines(name, start_ns, stop_ns):
            yield "\n".join([*part, ""])
