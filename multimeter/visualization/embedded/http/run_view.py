"""The view of a run: everything that the page shows of it, but its curves and marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from starlette.datastructures import QueryParams

from multimeter.analysis.panel_definitions import PanelDefinition
from multimeter.analysis.units import grafana_name, total_unit
from multimeter.visualization.dashboards.definition import FIGURES
from multimeter.visualization.dashboards.panels import (
    Figure,
    Statistic,
    figures_of,
    missed_peaks,
    panels_of,
    peak_keys,
)
from multimeter.visualization.embedded.http.responses import RequestError
from multimeter.visualization.embedded.store.runs import (
    RunDescription,
    RunSummary,
    describe_run,
    list_runs,
    run_marks,
)
from multimeter.visualization.embedded.store.store import SeriesData, Store

__all__ = [
    "OwnPanels",
    "marks_of",
    "require_run",
    "run_of",
    "series_of",
    "statistics_of",
    "summaries",
    "unknown_run",
    "view_of_run",
]

OwnPanels = Callable[[], Sequence[PanelDefinition]]
"""Returns the panels that somebody has made, as they are now."""

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
    duration = run.end - run.start if run.points else None
    if len(run.starts) > 1:
        # The points of all runs of this name say nothing of the last one.
        statistics, duration = {}, run.end - run.starts[-1] if duration else None
    return figures_of(statistics, duration, run.figures)


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
    store: Store, identifier: str, now_ns: int, own: Sequence[PanelDefinition]
) -> dict[str, Any] | None:
    """Return what the page shows of a run, or None if there is no such run.

    Args:
        store: Where the points are.
        identifier: Of the run.
        now_ns: The time, in ns since the epoch.
        own: Panels that somebody has made.

    Raises:
        StoreError: The store failed.
    """
    run = describe_run(store, identifier, now_ns)
    if run is None:
        return None
    numeric = [key for key, kind in run.fields.items() if kind != "string"]
    keys = _FIGURE_KEYS | peak_keys(run.schema)
    statistics = store.statistics(keys, [identifier]).get(identifier, {})
    peaks = missed_peaks(run.schema, statistics, run.meta_data)
    return {
        **_summary_of(run),
        "starts": run.starts,
        "meta_data": run.meta_data,
        "panels": [asdict(panel) for panel in panels_of(run.schema, numeric, own)],
        "figures": [asdict(figure) for figure in _figures(run, statistics)],
        "peaks": [asdict(peak) for peak in peaks],
        "texts": _texts(store, run),
    }


def statistics_of(store: Store, run: RunDescription) -> list[dict[str, Any]]:
    """Return what each measure of a run did over all of it, in the units of its panel.

    Raises:
        StoreError: The store failed.
    """
    keys = [key for key, kind in run.fields.items() if kind != "string"]
    found = store.statistics(keys, [run.identifier]).get(run.identifier, {})
    seconds = (run.end - run.start) / 1e9
    # Between the runs of one name there was none.
    several = len(run.starts) > 1
    return [
        {
            "key": each.key,
            "title": panel.title,
            "group": panel.group,
            "label": each.label,
            "unit": panel.unit,
            "scale": each.scale,
            "min": found[each.key].min * each.scale,
            "max": found[each.key].max * each.scale,
            "mean": found[each.key].mean * each.scale,
            "total": found[each.key].mean * each.scale * seconds if total else None,
            "total_unit": total,
        }
        for panel in panels_of(run.schema, keys)
        for total in [_total_unit(panel.unit, several=several)]
        for each in panel.series
        if each.key in found
    ]


def _total_unit(unit: str, *, several: bool) -> str:
    total = total_unit(unit)
    return "" if total is None or several else grafana_name(total)


def require_run(store: Store, asked: QueryParams, now_ns: int) -> RunDescription:
    """Return the run that is asked for.

    Raises:
        RequestError: There is none.
        StoreError: The store failed.
    """
    name = run_of(asked)
    found = describe_run(store, name, now_ns)
    if found is None:
        raise unknown_run(name)
    return found


def run_of(asked: QueryParams) -> str:
    """Return the identifier that is asked for.

    Raises:
        RequestError: None is.
    """
    if "run" not in asked:
        raise RequestError("invalid", "run: which one?")
    return asked["run"]


def unknown_run(run: str) -> RequestError:
    """Return the refusal of a run that is not there."""
    return RequestError("not found", f'run "{run}" not found')


def marks_of(store: Store, run: RunDescription) -> list[dict[str, Any]]:
    """Return the marks of a run in the order of time."""
    marks = run_marks(store, run.identifier)
    return [{"time": mark.time_ns, "label": mark.label} for mark in marks]


def series_of(
    run: RunDescription, data: SeriesData, start: int, stop: int
) -> dict[str, Any]:
    """Return curves of a run as the API gives them."""
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
