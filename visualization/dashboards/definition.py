"""The dashboard: which metrics stand together, in which unit, and what is worth a figure.

Panels and units are those of the whole package, see :mod:`multimeter.panel_definitions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from multimeter.panel_definitions import PANELS, UNITS, PanelDefinition

__all__ = ["FIGURES", "PANELS", "UNITS", "FigureDefinition", "PanelDefinition"]


@dataclass(frozen=True)
class FigureDefinition:
    """One number about a whole run.

    Attributes:
        title: What stands above it.
        unit: The unit in which it is shown.
        statistic: What is taken of each measure over the run.
        subject: The key of the subject that is looked at.
        metrics: The keys of the metrics; their numbers are added.
    """

    title: str
    unit: str
    statistic: Literal["max", "mean"]
    subject: str
    metrics: tuple[str, ...]


FIGURES = (
    FigureDefinition("Peak memory", "bytes", "max", "process", ("memory_rss_max",)),
    # A run has one or the other, of ResourceProbe or of ProcessProbe.
    FigureDefinition("Peak memory", "bytes", "max", "process", ("memory_rss_peak",)),
    FigureDefinition(
        "Mean CPU",
        "percentunit",
        "mean",
        "process",
        ("cpu_rate_user", "cpu_rate_system"),
    ),
    FigureDefinition("CPU time, with children", "s", "max", "tree", ("cpu_time",)),
)
