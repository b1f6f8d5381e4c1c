"""The JSON API of the page: runs, their series and their marks. See docs/http-api.md."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams
from starlette.routing import Route

from multimeter.visualization.embedded.http.limits import Limits
from multimeter.visualization.embedded.http.parameters import (
    buckets_of,
    range_of,
    require_run,
)
from multimeter.visualization.embedded.http.reading import Reading
from multimeter.visualization.embedded.http.run_view import summary_of, view_of_run
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store.runs import list_runs, run_marks
from multimeter.visualization.embedded.store.store import Store

__all__ = ["PageApi"]


class PageApi:
    """Answers what the page asks for, from the store.

    Args:
        store: Where the points are.
        reading: Makes the routes.
        limits: How much one request may ask for.
    """

    def __init__(self, store: Store, reading: Reading, limits: Limits) -> None:
        self._store = store
        self._reading = reading
        self._limits = limits

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [
            self._reading.route("runs", self._runs),
            self._reading.route("run", self._run),
            self._reading.route("series", self._series),
            self._reading.route("marks", self._marks),
        ]

    def _runs(self, _asked: QueryParams, _interrupt: Interrupt) -> list[dict[str, Any]]:
        return [summary_of(run) for run in list_runs(self._store)]

    def _run(self, asked: QueryParams, _interrupt: Interrupt) -> dict[str, Any]:
        return view_of_run(self._store, require_run(self._store, asked))

    def _marks(self, asked: QueryParams, _interrupt: Interrupt) -> list[dict[str, Any]]:
        marks = run_marks(self._store, require_run(self._store, asked).identifier)
        return [{"time": mark.time_ns, "label": mark.label} for mark in marks]

    def _series(self, asked: QueryParams, interrupt: Interrupt) -> dict[str, Any]:
        run = require_run(self._store, asked)
        buckets = buckets_of(asked, self._limits)
        start, stop = range_of(asked, run.start, run.end)
        keys = asked.getlist("key") or run.fields
        data = self._store.series(
            run.identifier, keys, start, stop, buckets, interrupt=interrupt
        )
        groups = [
            {
                "tags": each.tags,
                "time": each.times,
                # Not asdict(), which would copy every number.
                "series": {key: vars(summary) for key, summary in each.values.items()},
                "breaks": each.breaks,
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
