"""Panels and figures: the definition of the dashboard, applied to one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from multimeter.panels import (
    Panel,
    PanelSeries,
    known_metric,
    panels_of,
    scale_of,
    shown_unit,
)
from multimeter.visualization.dashboards.definition import FIGURES

__all__ = [
    "Figure",
    "Panel",
    "PanelSeries",
    "Statistic",
    "figures_of",
    "panels_of",
    "shown_unit",
]


@dataclass(frozen=True)
class Statistic:
    """What a numeric measure did over a whole run."""

    max: float
    mean: float


@dataclass(frozen=True)
class Figure:
    """One number about a run, in its unit."""

    title: str
    unit: str
    value: float


def figures_of(
    keys: Iterable[str], statistics: Mapping[str, Statistic], duration_ns: int | None
) -> list[Figure]:
    """Return the figures of a run: its duration, and those for which it has measures.

    Args:
        keys: The keys of the numeric measures.
        statistics: What they did over the run.
        duration_ns: From the first to the last point, in ns; None without points.
    """
    if duration_ns is None:
        return []
    figures = [Figure("Duration", "s", duration_ns / 1e9)]
    known = set(keys) & set(statistics)
    for figure in FIGURES:
        measures = [f"{figure.subject}.{metric}" for metric in figure.metrics]
        if known.issuperset(measures):
            value = sum(
                getattr(statistics[key], figure.statistic) * scale_of(known_metric(key))
                for key in measures
            )
            figures.append(Figure(figure.title, figure.unit, value))
    return figures
