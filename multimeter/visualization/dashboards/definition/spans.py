"""Spans: the columns of the table of a run between its marks."""

from __future__ import annotations

from multimeter.visualization.dashboards.definition.column import ColumnDefinition

__all__ = ["SPAN_COLUMNS"]

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
