"""The JSON API of the page: runs, their series and their marks. See docs/http-api.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.datastructures import QueryParams
from starlette.routing import Route

from multimeter.visualization.embedded.http.limits import Limits
from multimeter.visualization.embedded.http.reading import Reading, buckets_of, integer
from multimeter.visualization.embedded.http.responses import RequestError
from multimeter.visualization.embedded.http.run_view import summaries, view_of_run
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store.runs import (
    RunDescription,
    describe_run,
    run_marks,
)
from multimeter.visualization.embedded.store.store import Store

__all__ = ["PageApi"]


class PageApi:
    """Answers what the page asks for, from the store.

    Args:
        store: Where the points are.
        reading: Makes the routes.
        limits: How much one request may ask for.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(
        self, store: Store, reading: Reading, limits: Limits, now_ns: Callable[[], int]
    ) -> None:
        self._store = store
        self._reading = reading
        self._limits = limits
        self._now_ns = now_ns

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [
            self._reading.route("runs", self._runs),
            self._reading.route("run", self._run),
            self._reading.route("series", self._series),
            self._reading.route("marks", self._marks),
        ]

    def _runs(self, _asked: QueryParams, _interrupt: Interrupt) -> list[dict[str, Any]]:
        return summaries(self._store, self._now_ns())

    def _run(self, asked: QueryParams, _interrupt: Interrupt) -> dict[str, Any]:
        name = _run_of(asked)
        view = view_of_run(self._store, name, self._now_ns())
        if view is None:
            raise _unknown(name)
        return view

    def _marks(self, asked: QueryParams, _interrupt: Interrupt) -> list[dict[str, Any]]:
        marks = run_marks(self._store, self._require_run(asked).identifier)
        return [{"time": mark.time_ns, "label": mark.label} for mark in marks]

    def _series(self, asked: QueryParams, interrupt: Interrupt) -> dict[str, Any]:
        run = self._require_run(asked)
        start = integer(asked, "start", run.start)
        stop = integer(asked, "stop", run.end)
        buckets = buckets_of(asked, self._limits)
        if stop < start:
            raise RequestError("invalid", "stop: not before start")
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

    def _require_run(self, parameters: QueryParams) -> RunDescription:
        name = _run_of(parameters)
        found = describe_run(self._store, name, self._now_ns())
        if found is None:
            raise _unknown(name)
        return found


def _run_of(parameters: QueryParams) -> str:
    if "run" not in parameters:
        raise RequestError("invalid", "run: which one?")
    return parameters["run"]


def _unknown(run: str) -> RequestError:
    return RequestError("not found", f'run "{run}" not found')
