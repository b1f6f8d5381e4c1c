"""The view of a run: everything that the page shows of it, but its curves and marks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from multimeter.visualization.dashboards.definition import FIGURES
from multimeter.visualization.dashboards.panels import Statistic, figures_of, panels_of
from multimeter.visualization.embedded.store.runs import RunDescription, RunSummary
from multimeter.visualization.embedded.store.store import Store

__all__ = ["summary_of", "view_of_run"]

_FIGURE_KEYS = {f"{each.subject}.{metric}" for each in FIGURES for metric in each.metrics}


def summary_of(run: RunSummary) -> dict[str, Any]:
    """Return what the list of runs shows of a run."""
    return {
        "identifier": run.identifier,
        "start": run.start,
        "end": run.end,
        "points": run.points,
        "tags": run.tags,
        "state": run.state,
    }


def view_of_run(store: Store, run: RunDescription) -> dict[str, Any]:
    """Return what the page shows of a run.

    Raises:
        StoreError: The store failed.
    """
    numeric = [key for key, kind in run.fields.items() if kind != "string"]
    duration = run.end - run.start if run.points else None
    figures = figures_of(numeric, _statistics(store, run), duration)
    return {
        **summary_of(run),
        "meta_data": run.meta_data,
        "panels": [asdict(panel) for panel in panels_of(run.schema, numeric)],
        "figures": [asdict(figure) for figure in figures],
        "texts": _texts(store, run),
    }


def _statistics(store: Store, run: RunDescription) -> dict[str, Statistic]:
    keys = _FIGURE_KEYS & run.fields.keys()
    # Buckets begin at multiples of their width, so those of a range that begins with
    # the epoch are one, which holds the whole run.
    data = store.series(run.identifier, keys, min(run.start, 0), run.end, 2)
    found: dict[str, list[tuple[float, float]]] = {}
    for group in data.series:
        for key, summary in group.values.items():
            for most, mean in zip(summary.max, summary.mean):
                if most is not None and mean is not None:
                    found.setdefault(key, []).append((most, mean))
    return {
        key: Statistic(max(m for m, _ in some), sum(m for _, m in some) / len(some))
        for key, some in found.items()
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
