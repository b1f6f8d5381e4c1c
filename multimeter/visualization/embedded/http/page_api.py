"""The JSON API of the page: runs, logged values and health. See docs/http-api.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from starlette.datastructures import QueryParams
from starlette.routing import Route

from multimeter.analysis.units import shown_unit, units_json
from multimeter.data.identifiers import HEALTH
from multimeter.visualization.dashboards.definition import (
    DELIVERY_COLUMNS,
    DELIVERY_SILENCE_SECONDS,
    MOST_DELIVERIES,
)
from multimeter.visualization.embedded.http.reading import (
    Limits,
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
from multimeter.visualization.embedded.store.database import Interrupt
from multimeter.visualization.embedded.store.health import (
    Delivered,
    list_deliveries,
    store_health,
)
from multimeter.visualization.embedded.store.logs import (
    Codename,
    list_codenames,
    log_curves,
)
from multimeter.visualization.embedded.store.run_figures import RunFigures, run_spans
from multimeter.visualization.embedded.store.store import Store

__all__ = ["HealthApi", "LogsApi", "PageApi"]


class PageApi:
    """The API of runs: the list, one run, its series, marks and spans.

    Args:
        store: The store.
        reading: Makes the routes.
        limits: The limits of a request.
        now_ns: Returns the time, in ns since the epoch.
        user_panels: Returns the user-defined panels.
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


class LogsApi:
    """The API of logged values: codenames and their curves.

    Args:
        store: The store.
        reading: Makes the routes.
        limits: The limits of a request.
    """

    def __init__(self, store: Store, reading: ReadRoutes, limits: Limits) -> None:
        self._store = store
        self._reading = reading
        self._limits = limits

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [
            self._reading.route("logs", self._codenames),
            self._reading.route("logs/series", self._series),
        ]

    def _codenames(self, _asked: QueryParams, _interrupt: Interrupt) -> Any:
        return [_described(each) for each in list_codenames(self._store)]

    def _series(self, asked: QueryParams, interrupt: Interrupt) -> dict[str, Any]:
        codenames = asked.getlist("codename")
        start, stop = range_of(asked)
        width, curves = log_curves(
            self._store,
            codenames,
            start,
            stop,
            buckets_of(asked, self._limits),
            interrupt,
        )
        return {
            "start": start,
            "stop": stop,
            "bucket": width,
            "curves": [
                {
                    "codename": each.codename,
                    "tags": each.tags,
                    "time": each.time,
                    **vars(each.values),
                    "breaks": each.breaks,
                }
                for each in curves
            ],
        }


def _described(codename: Codename) -> dict[str, Any]:
    unit, scale = shown_unit(codename.unit)
    return {**vars(codename), "unit": unit, "scale": scale}


class HealthApi:
    """The API of health: the store and the deliveries.

    Args:
        store: The store.
        reading: Makes the routes.
        limits: The limits of a request.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(
        self, store: Store, reading: ReadRoutes, limits: Limits, now_ns: Callable[[], int]
    ) -> None:
        self._store = store
        self._reading = reading
        self._limits = limits
        self._now_ns = now_ns

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [
            self._reading.route("health", self._health),
            self._reading.route("health/series", self._series),
        ]

    def _health(self, _asked: QueryParams, _interrupt: Interrupt) -> dict[str, Any]:
        deliveries, all_deliveries = list_deliveries(self._store, MOST_DELIVERIES)
        last = self._now_ns() - DELIVERY_SILENCE_SECONDS * 10**9
        return {
            "store": vars(store_health(self._store)),
            "all_deliveries": all_deliveries,
            "deliveries": [
                {
                    "tags": each.tags,
                    "time": each.time,
                    "counts": each.counts,
                    "state": _state(each, last),
                }
                for each in deliveries
            ],
        }

    def _series(self, asked: QueryParams, interrupt: Interrupt) -> dict[str, Any]:
        start, stop = range_of(asked)
        keys = [each.id for each in DELIVERY_COLUMNS]
        buckets = buckets_of(asked, self._limits)
        data = self._store.series(HEALTH, keys, start, stop, buckets, interrupt=interrupt)
        return {
            "start": start,
            "stop": stop,
            "bucket": data.bucket_ns,
            "groups": [
                {
                    "tags": each.tags,
                    "time": each.times,
                    "series": {key: vars(some) for key, some in each.values.items()},
                    "breaks": each.breaks,
                }
                for each in data.series
            ],
        }


def _state(delivery: Delivered, last: int) -> Literal["live", "ended", "silent"]:
    if delivery.closed:
        return "ended"
    return "silent" if delivery.time < last else "live"
