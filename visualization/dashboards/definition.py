"""The dashboard: which metrics stand together, in which unit, and what is worth a figure.

Panels and units are those of the whole package, see :mod:`multimeter.panel_definitions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from multimeter.panel_definitions import PANELS, UNITS, PanelDefinition

__all__ = [
    "FIGURES",
    "LOG_SERIES",
    "PANELS",
    "UNITS",
    "FigureDefinition",
    "LogDefinition",
    "PanelDefinition",
    "RangeDefinition",
]


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


@dataclass(frozen=True)
class RangeDefinition:
    """A time range that ends now.

    Attributes:
        seconds: How long it is.
        title: What it is called.
    """

    seconds: int
    title: str


@dataclass(frozen=True)
class LogDefinition:
    """How single values are shown: codenames of one unit share a panel.

    Attributes:
        field: The field that holds the value.
        tag: The tag that holds the codename, which is the label of its line.
        unit_tag: The tag that holds the unit; points may lack it.
        title: What stands above the panel of the codenames without a unit.
        ranges: The time ranges to choose from; the page begins with ``first_range``.
        first_range: The range that is shown first.
    """

    field: str
    tag: str
    unit_tag: str
    title: str
    ranges: tuple[RangeDefinition, ...]
    first_range: RangeDefinition


_HOUR = RangeDefinition(3_600, "Last hour")

LOG_SERIES = LogDefinition(
    field="value",
    tag="codename",
    unit_tag="unit",
    title="Values",
    ranges=(
        RangeDefinition(5 * 60, "Last 5 minutes"),
        RangeDefinition(15 * 60, "Last 15 minutes"),
        _HOUR,
        RangeDefinition(6 * 3_600, "Last 6 hours"),
        RangeDefinition(24 * 3_600, "Last 24 hours"),
        RangeDefinition(7 * 86_400, "Last 7 days"),
        RangeDefinition(30 * 86_400, "Last 30 days"),
    ),
    first_range=_HOUR,
)

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
