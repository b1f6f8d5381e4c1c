"""Figures: the numbers of a whole run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from multimeter.visualization.dashboards.definition.column import ColumnDefinition

__all__ = ["DURATION", "FIGURES", "FigureDefinition"]


@dataclass(frozen=True)
class FigureDefinition:
    """One number about a whole run.

    Attributes:
        id: Its name in the API, where the library has it that of
            :mod:`multimeter.analysis.figures`: what the run's own entry says of it counts.
            That is exact, but there is none until the run has ended. Of several with one
            id, the first that a run has the measures for is shown.
        title: What stands above it.
        unit: The unit in which it is shown.
        statistic: What is taken of each measure over the run.
        subject: The key of the subject that is looked at.
        metrics: The keys of the metrics; their numbers are added.
        rare: Whether nobody wants to see it where it is zero.
    """

    id: str
    title: str
    unit: str
    statistic: Literal["max", "mean"]
    subject: str
    metrics: tuple[str, ...]
    rare: bool = False

    @property
    def keys(self) -> list[str]:
        """The keys of its measures."""
        return [f"{self.subject}.{metric}" for metric in self.metrics]


DURATION = ColumnDefinition("duration", "Duration", "s")
"""The figure that every run with points has: from its start, where its entry says that,
else from its first point, to its last point."""

FIGURES = (
    # A run has one or the other, of ResourceProbe or of ProcessProbe.
    *(
        FigureDefinition(
            "peak_memory",
            "Peak memory",
            "bytes",
            "max",
            subject,
            (metric,),
        )
        for subject, metric in (
            ("process", "memory_rss_max"),
            ("tree", "memory_rss_peak"),
            ("process", "memory_rss_peak"),
        )
    ),
    *(
        FigureDefinition(
            "cpu",
            "Mean CPU",
            "percentunit",
            "mean",
            subject,
            ("cpu_rate_user", "cpu_rate_system"),
        )
        for subject in ("tree", "process")
    ),
    FigureDefinition(
        "cpu_time",
        "CPU time, with children",
        "s",
        "max",
        "tree",
        ("cpu_time",),
    ),
    FigureDefinition(
        "late", "Late samples", "short", "max", "sampler", ("samples_late",), rare=True
    ),
    FigureDefinition(
        "missed",
        "Missed samples",
        "short",
        "max",
        "sampler",
        ("samples_missed",),
        rare=True,
    ),
)
