"""Spans: what is said of a run between its marks."""

from __future__ import annotations

from multimeter.visualization.dashboards.definition.column import ColumnDefinition

__all__ = ["SPAN_COLUMNS", "SPAN_CPU", "SPAN_MEMORY"]

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
