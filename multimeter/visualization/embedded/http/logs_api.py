"""The JSON API of logged values: codenames and their curves. See docs/http-api.md."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams
from starlette.routing import Route

from multimeter.analysis.units import shown_unit
from multimeter.visualization.embedded.http.limits import Limits
from multimeter.visualization.embedded.http.reading import (
    ReadRoutes,
    buckets_of,
    range_of,
)
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store.logs import (
    Codename,
    list_codenames,
    log_curves,
)
from multimeter.visualization.embedded.store.store import Store

__all__ = ["LogsApi"]


class LogsApi:
    """Answers what the page of logged values asks for, from the store.

    Args:
        store: Where the points are.
        reading: Makes the routes.
        limits: How much one request may ask for.
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
