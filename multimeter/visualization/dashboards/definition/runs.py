"""The overview: how runs are, and what is listed of them."""

from __future__ import annotations

from multimeter.analysis.figures import figure_named
from multimeter.analysis.units import grafana_name
from multimeter.visualization.dashboards.definition.column import ColumnDefinition

__all__ = [
    "RUN_COLUMNS",
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
an entry it is only known when the last one came: after a silence the run has ended. Times
that are too far ahead of the clock of the server do not count for that, and do not make a
run the newest one. :mod:`multimeter.analysis.series` has the limits.
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
"""The columns of the table of runs; those of figures have the id of the figure."""
