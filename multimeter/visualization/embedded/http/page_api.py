"""The JSON API of the page: runs, their series and their marks. See docs/http-api.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.datastructures import QueryParams
from starlette.routing import Route

from multimeter.analysis.units import units_json
from multimeter.visualization.embedded.http.limits import Limits
from multimeter.visualization.embedded.http.reading import (
    ReadRoutes,
    buckets_of,
    range_of,
)
from multimeter.visualization.embedded.http.run_view import (
    PanelSource,
    marks_of,
    require_run,
    run_of,
    series_of,
    statistics_of,
    summaries,
    unknown_run,
    view_of_run,
)
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store.run_figures import RunFigures
from multimeter.visualization.embedded.store.spans import run_spans
from multimeter.visualization.embedded.store.store import Store

__all__ = ["PageApi"]


class PageApi:
    """Answers what the page asks for, from the store.

    Args:
        store: Where the points are.
        reading: Makes the routes.
        limits: How much one request may ask for.
        now_ns: Returns the time, in ns since the epoch.
        user_panels: User-defined panels.
    """

    def __init__(
        self,
        store: Store,
        reading: ReadRoutes,
        limits: Limits,
        now_ns: Callable[[], int],
        user_panels: PanelSource,
    ) -> None:
        self._store = store
        self._figures = RunFigures(store)
        self._reading = reading
        self._limits = limits
        self._now_ns = now_ns
        self._own_panels = user_panels

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [
            self._reading.route("runs", self._runs),
            self._reading.route("run", self._run),
            self._reading.route("series", self._series),
            self._reading.route("marks", self._marks),
            self._reading.route("spans", self._spans),
            self._reading.route("statistics", self._statistics),
            self._reading.route("units", lambda _asked, _interrupt: units_json()),
        ]

    def _runs(self, _asked: QueryParams, _interrupt: Interrupt) -> list[dict[str, Any]]:
        return summaries(self._store, self._figures, self._now_ns())

    def _run(self, asked: QueryParams, _interrupt: Interrupt) -> dict[str, Any]:
        name = run_of(asked)
        view = view_of_run(
            self._store, self._figures, name, self._now_ns(), self._own_panels()
        )
        if view is None:
            raise unknown_run(name)
        return view

    def _marks(self, asked: QueryParams, _interrupt: Interrupt) -> list[dict[str, Any]]:
        return marks_of(self._store, require_run(self._store, asked, self._now_ns()))

    def _spans(self, asked: QueryParams, interrupt: Interrupt) -> list[dict[str, Any]]:
        run = require_run(self._store, asked, self._now_ns())
        return [asdict(each) for each in run_spans(self._store, run, interrupt)]

    def _statistics(
        self, asked: QueryParams, _interrupt: Interrupt
    ) -> list[dict[str, Any]]:
        run = require_run(self._store, asked, self._now_ns())
        return statistics_of(self._store, run)

    def _series(self, asked: QueryParams, interrupt: Interrupt) -> dict[str, Any]:
        run = require_run(self._store, asked, self._now_ns())
        start, stop = range_of(asked, run.start, run.end)
        buckets = buckets_of(asked, self._limits)
        keys = asked.getlist("key") or run.fields
        data = self._store.series(
            run.identifier, keys, start, stop, buckets, interrupt=interrupt
        )
        return series_of(run, data, start, stop)
