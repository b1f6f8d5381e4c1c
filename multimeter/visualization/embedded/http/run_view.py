"""The views of runs in JSON: the list of runs, one run, its statistics and curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from starlette.datastructures import QueryParams

from multimeter.analysis.figures import Figure
from multimeter.analysis.panel_definitions import PanelDefinition
from multimeter.analysis.panels import panels_of
from multimeter.analysis.units import grafana_name, total_unit
from multimeter.visualization.embedded.http.responses import RequestError
from multimeter.visualization.embedded.store.run_figures import RunFigures
from multimeter.visualization.embedded.store.runs import (
    RunDescription,
    RunSummary,
    describe_run,
    list_runs,
    run_marks,
)
from multimeter.visualization.embedded.store.store import SeriesData, Store

__all__ = [
    "PanelSource",
    "marks_of",
    "require_run",
    "run_of",
    "series_of",
    "statistics_of",
    "summaries",
    "unknown_run",
    "view_of_run",
]

PanelSource = Callable[[], Sequence[PanelDefinition]]
"""Returns the current user-defined panels."""


def summaries(store: Store, figures: RunFigures, now_ns: int) -> list[dict[str, Any]]:
    """Return the entries of the list of runs, with figures by id.

    Raises:
        StoreError: The store failed.
    """
    runs = list_runs(store, now_ns)
    return [
        {
            **_summary_of(run),
            "figures": {each.id: each.estimate.to_json() for each in some},
        }
        for run, some in zip(runs, figures.listed(runs, now_ns))
    ]


def _summary_of(run: RunSummary) -> dict[str, Any]:
    return {
        "identifier": run.identifier,
        "start": run.start,
        "end": run.end,
        "points": run.points,
        "tags": run.tags,
        "state": run.state,
    }


def view_of_run(
    store: Store,
    figures: RunFigures,
    identifier: str,
    now_ns: int,
    own: Sequence[PanelDefinition],
) -> dict[str, Any] | None:
    """Return the view of a run, or None if there is no such run.

    Args:
        store: The store.
        figures: Computes its figures.
        identifier: The identifier of the run.
        now_ns: The time, in ns since the epoch.
        own: User-defined panels.

    Raises:
        StoreError: The store failed.
    """
    run = describe_run(store, identifier, now_ns)
    if run is None:
        return None
    numeric = [key for key, kind in run.fields.items() if kind != "string"]
    return {
        **_summary_of(run),
        "starts": run.starts,
        "meta_data": run.meta_data,
        "panels": [asdict(panel) for panel in panels_of(run.schema, numeric, own)],
        "figures": [_figure(each) for each in figures.of(run)],
        "peaks": [asdict(peak) for peak in figures.missed_peaks(run)],
        "texts": _texts(store, run),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "id": figure.id,
        "title": figure.title,
        "unit": grafana_name(figure.unit),
        **figure.estimate.to_json(),
    }


def statistics_of(store: Store, run: RunDescription) -> list[dict[str, Any]]:
    """Return statistics of each measure over the whole run, in the unit of its panel.

    Raises:
        StoreError: The store failed.
    """
    keys = [key for key, kind in run.fields.items() if kind != "string"]
    statistics = store.statistics(keys, {run.identifier: run.began}).get(run.identifier, {})
    return [
        {
            "key": each.key,
            "title": panel.title,
            "group": panel.group,
            "label": each.label,
            "unit": panel.unit,
            "scale": each.scale,
            "min": statistics[each.key].min * each.scale,
            "max": statistics[each.key].max * each.scale,
            "mean": statistics[each.key].mean * each.scale,
            "total": _scaled(statistics[each.key].total, each.scale) if total else None,
            "total_unit": total,
        }
        for panel in panels_of(run.schema, keys)
        for total in [_total_unit(panel.unit)]
        for each in panel.series
        if each.key in statistics
    ]


def _scaled(value: float | None, scale: float) -> float | None:
    # JSON has no infinity, which a sum of large values can reach.
    return value * scale if value is not None and math.isfinite(value * scale) else None


def _total_unit(unit: str) -> str:
    total = total_unit(unit)
    return "" if total is None else grafana_name(total)


def require_run(store: Store, parameters: QueryParams, now_ns: int) -> RunDescription:
    """Return the requested run.

    Raises:
        RequestError: There is no such run.
        StoreError: The store failed.
    """
    name = run_of(parameters)
    run = describe_run(store, name, now_ns)
    if run is None:
        raise unknown_run(name)
    return run


def run_of(parameters: QueryParams) -> str:
    """Return the requested identifier.

    Raises:
        RequestError: The parameter is missing.
    """
    if "run" not in parameters:
        raise RequestError("invalid", "run: which one?")
    return parameters["run"]


def unknown_run(run: str) -> RequestError:
    """Return the error that there is no such run."""
    return RequestError("not found", f'run "{run}" not found')


def marks_of(store: Store, run: RunDescription) -> list[dict[str, Any]]:
    """Return the marks of a run, sorted by time."""
    marks = run_marks(store, run.identifier)
    return [{"time": mark.time_ns, "label": mark.label} for mark in marks]


def series_of(
    run: RunDescription, data: SeriesData, start: int, stop: int
) -> dict[str, Any]:
    """Return the curves of a run in the form of the API."""
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


def _texts(store: Store, run: RunDescription) -> list[dict[str, str]]:
    """Return the newest values of text fields, which have no curves."""
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
