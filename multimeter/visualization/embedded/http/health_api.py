"""The JSON API of health: the store and the deliveries. See docs/http-api.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from starlette.datastructures import QueryParams
from starlette.routing import Route

from multimeter.data.identifiers import HEALTH
from multimeter.visualization.dashboards.definition import (
    DELIVERY_COLUMNS,
    DELIVERY_SILENCE_SECONDS,
    MOST_DELIVERIES,
)
from multimeter.visualization.embedded.http.limits import Limits
from multimeter.visualization.embedded.http.reading import ReadRoutes, buckets_of, range_of
from multimeter.visualization.embedded.store.health import (
    Delivered,
    list_deliveries,
    store_health,
)
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store.store import Store

__all__ = ["HealthApi"]


class HealthApi:
    """Answers how the stack is.

    Args:
        store: Where the points are.
        reading: Makes the routes.
        limits: How much one request may ask for.
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
