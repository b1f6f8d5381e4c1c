"""The view of a run: everything that the page shows of it, but its curves and marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from multimeter.visualization.dashboards.definition import FIGURES
from multimeter.visualization.dashboards.panels import (
    Figure,
    Statistic,
    figures_of,
    panels_of,
)
from multimeter.visualization.embedded.store.runs import (
    RunDescription,
    RunSummary,
    describe_run,
    list_runs,
)
from multimeter.visualization.embedded.store.store import Store

__all__ = ["summaries", "view_of_run"]

_FIGURE_KEYS = frozenset(key for each in FIGURES for key in each.keys)


def summaries(store: Store, now_ns: int) -> list[dict[str, Any]]:
    """Return what the list of runs shows of each run, with its figures by their ids.

    Raises:
        StoreError: The store failed.
    """
    statistics = store.statistics(_FIGURE_KEYS)
    return [
        {**_summary_of(run), "figures": {each.id: each.value for each in figures}}
        for run in list_runs(store, now_ns)
        for figures in [_figures(run, statistics.get(run.identifier, {}))]
    ]


def _figures(run: RunSummary, statistics: Mapping[str, Statistic]) -> list[Figure]:
    return figures_of(statistics, statistics, run.end - run.start if run.points else None)


def _summary_of(run: RunSummary) -> dict[str, Any]:
    return {
        "identifier": run.identifier,
        "start": run.start,
        "end": run.end,
        "points": run.points,
        "tags": run.tags,
        "state": run.state,
    }


def view_of_run(store: Store, identifier: str, now_ns: int) -> dict[str, Any] | None:
    """Return what the page shows of a run, or None if there is no such run.

    Raises:
        StoreError: The store failed.
    """
    run = describe_run(store, identifier, now_ns)
    if run is None:
        return None
    numeric = [key for key, kind in run.fields.items() if kind != "string"]
    statistics = store.statistics(_FIGURE_KEYS, [identifier]).get(identifier, {})
    return {
        **_summary_of(run),
        "meta_data": run.meta_data,
        "panels": [asdict(panel) for panel in panels_of(run.schema, numeric)],
        "figures": [asdict(figure) for figure in _figures(run, statistics)],
        "texts": _texts(store, run),
    }


def _texts(store: Store, run: RunDescription) -> list[dict[str, str]]:
    """Return the newest values of what cannot be drawn."""
    described = {each.key: each for each in run.schema.measures} if run.schema else {}
    keys = [key for key, kind in run.fields.items() if kind == "string"]
    values = store.last(run.identifier, keys) if keys else {}
    return [
        {
            "key": key,
            "label": described[key].metric.description or key if key in described else key,
            "value": str(value),
        }
        for key, value in values.items()
    ]
