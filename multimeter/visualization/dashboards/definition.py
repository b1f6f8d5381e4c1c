"""The definitions of what is shown of runs, logged values and the stack itself.

The page and Grafana show the same columns, states, ranges and limits. Units are those of
Grafana, https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/#unit;
a unit that Grafana does not have is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from multimeter.analysis.figures import figure_named
from multimeter.analysis.series import DELIVERY_COUNTS, LOG_FIELD, LOG_TAG
from multimeter.analysis.units import grafana_name

__all__ = [
    "DELIVERY_COLUMNS",
    "DELIVERY_LOSSES",
    "DELIVERY_SILENCE_SECONDS",
    "HEALTH_HOURS",
    "LOG_SERIES",
    "MOST_COMPARED",
    "MOST_DELIVERIES",
    "RUN_COLUMNS",
    "SPAN_COLUMNS",
    "STATES",
    "STORE_COLUMNS",
    "ColumnDefinition",
    "LogDefinition",
    "RangeDefinition",
]


@dataclass(frozen=True)
class ColumnDefinition:
    """A column of a table.

    Attributes:
        id: Its name in the API.
        title: Its heading.
        unit: The unit of its numbers; ``text``, or ``time`` in ns since the epoch.
    """

    id: str
    title: str
    unit: str


STATES = {
    "live": "Points keep coming: the view updates by itself.",
    "ended": "Ended normally, or written by another client that has stopped.",
    "died": "Its program has stopped without ending the run.",
    "ahead": "Its last time is in the future: whether points still come is unknown.",
}
"""The states of a run, with their meaning.

The library stores the state of a run in ``multimeter_runs``: a run that is ``running`` is
live until ``alive_until``, and has died after that. Where there is no such entry, only
the time of the last point is available: after a silence the run has ended. Times too far
ahead of the server's clock are ignored there, and do not make a run the newest one.
:mod:`multimeter.analysis.series` has the limits.
"""

RUN_COLUMNS = (
    ColumnDefinition("identifier", "Run", "text"),
    ColumnDefinition("state", "State", "text"),
    ColumnDefinition("start", "Start", "time"),
    ColumnDefinition("duration", "Duration", "s"),
    *(
        ColumnDefinition(each.id, each.title, grafana_name(each.unit))
        for each in map(figure_named, ("peak_memory", "cpu"))
    ),
    ColumnDefinition("tags", "Tags", "text"),
)
"""The columns of the table of runs; the column of a figure has the figure's id."""


MOST_COMPARED = 8
"""The maximum number of runs in a comparison."""


SPAN_COLUMNS = (
    ColumnDefinition("label", "From mark", "text"),
    ColumnDefinition("start", "After", "s"),
    ColumnDefinition("duration", "Time", "s"),
    ColumnDefinition("cpu_time", "CPU time", "s"),
    ColumnDefinition("mean_cpu", "Mean CPU", "percentunit"),
    ColumnDefinition("peak_memory", "Peak memory", "bytes"),
)
"""The columns of the table of spans: from the start to the first mark, and from each mark
to the next. ``start`` is relative to the start of the run."""


@dataclass(frozen=True)
class RangeDefinition:
    """A time range that ends now.

    Attributes:
        seconds: Its length.
        title: Its title.
    """

    seconds: int
    title: str


@dataclass(frozen=True)
class LogDefinition:
    """How single values are shown: codenames of one unit share a panel.

    Attributes:
        field: The field that holds the value.
        tag: The tag that holds the codename, which labels the line.
        title: The title of the panel of codenames without a unit.
        ranges: The time ranges offered; the page starts with ``first_range``.
        first_range: The range shown first.
    """

    field: str
    tag: str
    title: str
    ranges: tuple[RangeDefinition, ...]
    first_range: RangeDefinition


_HOUR = RangeDefinition(3_600, "Last hour")

LOG_SERIES = LogDefinition(
    field=LOG_FIELD,
    tag=LOG_TAG,
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


STORE_COLUMNS = (
    ColumnDefinition("size_bytes", "Size on disk", "bytes"),
    ColumnDefinition("runs", "Runs", "none"),
    ColumnDefinition("codenames", "Codenames", "none"),
    ColumnDefinition("points", "Points", "short"),
    ColumnDefinition("oldest", "Oldest point", "time"),
    ColumnDefinition("newest", "Newest point", "time"),
)
"""The columns about the store."""

_DELIVERY_TITLES = {"retries": "Sent again", "left_out": "Left out"}

DELIVERY_COLUMNS = tuple(
    ColumnDefinition(each, _DELIVERY_TITLES.get(each, each.capitalize()), "short")
    for each in DELIVERY_COUNTS
)
"""The counts of each delivery. Each count has a panel too, with a line for each tag
set."""

DELIVERY_LOSSES = ("rejected", "dropped")
"""The counts that should be zero."""

DELIVERY_SILENCE_SECONDS = 5 * 60
"""A delivery that has not ended is silent when its last report is older than this."""

MOST_DELIVERIES = 50
"""The maximum number of deliveries listed; the last to report come first."""

HEALTH_HOURS = 6
"""The time range of the delivery panels, in hours."""
