"""A whole run as line protocol, for programs that read it back. See docs/http-api.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from multimeter.data.identifiers import MARKS, RUNS
from multimeter.lines.protocol import MAX_TIME_NS, raw_line
from multimeter.visualization.embedded.http.reading import ReadRoutes, range_of
from multimeter.visualization.embedded.http.run_view import require_run
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store.store import Store

__all__ = ["LinesApi"]


class LinesApi:
    """Gives runs as they were written: their entry, their marks, their points.

    Args:
        store: Where the points are.
        reading: Makes the routes.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(
        self, store: Store, reading: ReadRoutes, now_ns: Callable[[], int]
    ) -> None:
        self._store = store
        self._reading = reading
        self._now_ns = now_ns

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [self._reading.route("lines", self._lines)]

    def _lines(self, asked: QueryParams, _interrupt: Interrupt) -> Response:
        run = require_run(self._store, asked, self._now_ns())
        start, stop = range_of(asked, -MAX_TIME_NS, MAX_TIME_NS)
        return StreamingResponse(
            self._parts(run.identifier, start, stop),
            media_type="text/plain; charset=utf-8",
            headers={"Cache-Control": "no-store"},
        )

    def _parts(self, name: str, start_ns: int, stop_ns: int) -> Iterator[str]:
        """Yield the lines; who reads knows from the first ones what the points are.

        An empty line comes first where a name would be read as a byte order mark.
        """
        if name.startswith("\ufeff"):
            yield "\n"
        for measurement in (RUNS, MARKS):
            for record in self._store.rows(measurement, tags={"measurement": name}):
                assert record.time_ns is not None, "the store has given it one"
                inside = start_ns <= record.time_ns <= stop_ns
                if inside or measurement == RUNS:
                    yield f"{raw_line(record)}\n"
        for part in self._store.lines(name, start_ns, stop_ns):
            yield "\n".join([*part, ""])
