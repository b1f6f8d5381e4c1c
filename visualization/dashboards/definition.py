"""The dashboard: which metrics stand together, in which unit, and what is worth a figure.

Units are those of Grafana, https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/#unit;
a unit that Grafana does not know is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from multimeter.panel_definitions import PANELS, UNITS, PanelDefinition

__all__ = [
    "DELIVERY_COLUMNS",
    "DELIVERY_LOSSES",
    "DELIVERY_SILENCE_SECONDS",
    "DURATION",
    "FIGURES",
    "GAP",
    "HEALTH_HOURS",
    "LOG_SERIES",
    "MOST_COMPARED",
    "PANELS",
    "RUN_COLUMNS",
    "SILENCE_POINTS",
    "SILENCE_SECONDS",
    "SPAN_COLUMNS",
    "SPAN_CPU",
    "SPAN_MEMORY",
    "STATES",
    "STORE_COLUMNS",
    "TOTAL_UNITS",
    "UNITS",
    "ColumnDefinition",
    "FigureDefinition",
    "LogDefinition",
    "PanelDefinition",
    "RangeDefinition",
]


@dataclass(frozen=True)
class ColumnDefinition:
    """A column of a table.

    Attributes:
        id: Its name in the API.
        title: What stands above it.
        unit: The unit of its numbers; ``text``, or ``time`` in ns since the epoch.
    """

    id: str
    title: str
    unit: str


DURATION = ColumnDefinition("duration", "Duration", "s")
"""The figure that every run with points has: from its first to its last point."""


@dataclass(frozen=True)
class FigureDefinition:
    """One number about a whole run.

    Attributes:
        id: Its name in the API. Of several with one id, the first that a run has the
            measures for is shown.
        title: What stands above it.
        unit: The unit in which it is shown.
        statistic: What is taken of each measure over the run.
        subject: The key of the subject that is looked at.
        metrics: The keys of the metrics; their numbers are added.
        rare: Whether nobody wants to see it where it is zero.
        said: Its key in :mod:`multimeter.figures`: where the run's own entry has it, that
            counts. It is exact, but there is none until the run has ended.
    """

    id: str
    title: str
    unit: str
    statistic: Literal["max", "mean"]
    subject: str
    metrics: tuple[str, ...]
    rare: bool = False
    said: str = ""

    @property
    def keys(self) -> list[str]:
        """The keys of its measures."""
        return [f"{self.subject}.{metric}" for metric in self.metrics]


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
        title: What stands above the panel of the codenames without a unit.
        ranges: The time ranges to choose from; the page begins with ``first_range``.
        first_range: The range that is shown first.
    """

    field: str
    tag: str
    title: str
    ranges: tuple[RangeDefinition, ...]
    first_range: RangeDefinition


_HOUR = RangeDefinition(3_600, "Last hour")

GAP = 5.0
"""A distance between points is a gap when it is more than this times the usual one."""

LOG_SERIES = LogDefinition(
    field="value",
    tag="codename",
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
    # A run has one or the other, of ResourceProbe or of ProcessProbe.
    *(
        FigureDefinition(
            "peak-memory",
            "Peak memory",
            "bytes",
            "max",
            subject,
            (metric,),
            said="peak_memory",
        )
        for subject, metric in (
            ("process", "memory_rss_max"),
            ("tree", "memory_rss_peak"),
            ("process", "memory_rss_peak"),
        )
    ),
    *(
        FigureDefinition(
            "mean-cpu",
            "Mean CPU",
            "percentunit",
            "mean",
            subject,
            ("cpu_rate_user", "cpu_rate_system"),
            said="cpu",
        )
        for subject in ("tree", "process")
    ),
    FigureDefinition(
        "cpu-time",
        "CPU time, with children",
        "s",
        "max",
        "tree",
        ("cpu_time",),
        said="cpu_time",
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

SPAN_COLUMNS = (
    ColumnDefinition("label", "From mark", "text"),
    ColumnDefinition("start", "After", "s"),
    ColumnDefinition("duration", "Time", "s"),
    ColumnDefinition("cpu_time", "CPU time", "s"),
    ColumnDefinition("mean_cpu", "Mean CPU", "percentunit"),
    ColumnDefinition("peak_memory", "Peak memory", "bytes"),
)
"""The columns of the table of spans: from the start to the first mark, and from each mark
to the next. ``start`` counts from the start of the run."""

SPAN_CPU = ("process.cpu_rate_user", "process.cpu_rate_system")
"""Busy cores; times the time, they are CPU time. What the run has of them is added."""

SPAN_MEMORY = ("process.memory_rss", "process.memory_rss_max")
"""The first of these that a run has; the second can only rise."""

STATES = {
    "live": "Points come: what is shown moves by itself.",
    "ended": "Ended in order, or written by another client that has stopped.",
    "died": "Its program has stopped without ending the run.",
}
"""The states of a run, with what they mean.

A run of the library says itself how it is (fields of ``multimeter_runs``): one that is
``running`` is live until ``alive_until``, and has died after that. Of points without such
an entry it is only known when the last one came: ``SILENCE_SECONDS`` later the run has
ended, or ``SILENCE_POINTS`` times the mean distance of its points, if that is longer.
"""

STORE_COLUMNS = (
    ColumnDefinition("size_bytes", "Size on disk", "bytes"),
    ColumnDefinition("runs", "Runs", "none"),
    ColumnDefinition("codenames", "Codenames", "none"),
    ColumnDefinition("points", "Points", "short"),
    ColumnDefinition("oldest", "Oldest point", "time"),
    ColumnDefinition("newest", "Newest point", "time"),
)
"""What is said of the store."""

DELIVERY_COLUMNS = (
    ColumnDefinition("accepted", "Accepted", "short"),
    ColumnDefinition("delivered", "Delivered", "short"),
    ColumnDefinition("queued", "Queued", "short"),
    ColumnDefinition("retries", "Retried", "short"),
    ColumnDefinition("rejected", "Rejected", "short"),
    ColumnDefinition("dropped", "Dropped", "short"),
)
"""What is said of each delivery: fields of ``multimeter_health``, each of which has a
panel, too; the line of a panel is a tag set."""

DELIVERY_LOSSES = ("rejected", "dropped")
"""Those of which none should be more than zero."""

DELIVERY_SILENCE_SECONDS = 5 * 60
"""A delivery that has said nothing for so long is silent."""

HEALTH_HOURS = 6
"""How much time the panels of deliveries show."""

TOTAL_UNITS = {"percentunit": "s", "Bps": "bytes", "cps": "short", "ops": "short"}
"""Units of rates: the unit of what they add up to, the mean times the duration."""

MOST_COMPARED = 8
"""How many runs can be compared at once."""

SILENCE_SECONDS = 5 * 60
SILENCE_POINTS = 10

RUN_COLUMNS = (
    ColumnDefinition("identifier", "Run", "text"),
    ColumnDefinition("state", "State", "text"),
    ColumnDefinition("start", "Start", "time"),
    ColumnDefinition("duration", "Duration", "s"),
    ColumnDefinition("peak-memory", "Peak memory", "bytes"),
    ColumnDefinition("mean-cpu", "Mean CPU", "percentunit"),
    ColumnDefinition("tags", "Tags", "text"),
)
"""The columns of the table of runs; those of figures have the id of the figure."""
