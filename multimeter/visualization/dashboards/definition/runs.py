"""The overview: how runs are, and what is listed of them."""

from __future__ import annotations

from multimeter.visualization.dashboards.definition.column import ColumnDefinition

__all__ = [
    "AHEAD_SECONDS",
    "RUN_COLUMNS",
    "SILENCE_POINTS",
    "SILENCE_SECONDS",
    "STATES",
]

STATES = {
    "live": "Points come: what is shown moves by itself.",
    "ended": "Ended in order, or written by another client that has stopped.",
    "died": "Its program has stopped without ending the run.",
    "ahead": "Its last time is yet to come: whether points still come is not known.",
}
"""The states of a run, with what they mean.

A run of the library says itself how it is (fields of ``multimeter_runs``): one that is
``running`` is live until ``alive_until``, and has died after that. Of points without such
an entry it is only known when the last one came: ``SILENCE_SECONDS`` later the run has
ended, or ``SILENCE_POINTS`` times the mean distance of its points, if that is longer.
Times that are more than ``AHEAD_SECONDS`` ahead of the clock of the server say nothing of
that, and do not make a run the newest one.
"""

SILENCE_SECONDS = 5 * 60
SILENCE_POINTS = 10

AHEAD_SECONDS = 5 * 60
"""How far clocks of other machines may be ahead."""

RUN_COLUMNS = (
    ColumnDefinition("identifier", "Run", "text"),
    ColumnDefinition("state", "State", "text"),
    ColumnDefinition("start", "Start", "time"),
    ColumnDefinition("duration", "Duration", "s"),
    ColumnDefinition("peak_memory", "Peak memory", "bytes"),
    ColumnDefinition("cpu", "Mean CPU", "percentunit"),
    ColumnDefinition("tags", "Tags", "text"),
)
"""The columns of the table of runs; those of figures have the id of the figure."""
