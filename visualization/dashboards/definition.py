"""The dashboard: which metrics stand together, in which unit, and what is worth a figure.

Units are those of Grafana, https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/#unit;
a unit that Grafana does not know is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "DELIVERY_COLUMNS",
    "DELIVERY_LOSSES",
    "DELIVERY_SILENCE_SECONDS",
    "DURATION",
    "FIGURES",
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
class PanelDefinition:
    """A panel for some metrics, on whatever subjects they are measured.

    Attributes:
        id: The name of the panel in links and tests.
        title: What stands above it.
        unit: The unit of its axis.
        metrics: The keys of the metrics with their labels, in the order of the legend.
    """

    id: str
    title: str
    unit: str
    metrics: Mapping[str, str]


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


PANELS = (
    PanelDefinition(
        "cpu",
        "CPU",
        "percentunit",
        {
            "cpu_rate_user": "user",
            "cpu_rate_system": "system",
            "cpu_throttled": "held back",
            "cpu_limit": "limit",
        },
    ),
    PanelDefinition(
        "memory",
        "Memory",
        "bytes",
        {
            "memory_rss": "resident",
            "memory_rss_peak": "peak so far",
            "memory_pss": "with its part of what is shared",
            "memory_uss": "not shared",
            "memory_rss_max": "peak so far",
            "memory_rss_shared": "shared",
            "memory_rss_data": "data",
            "memory_rss_stack": "stack",
        },
    ),
    PanelDefinition(
        "gpu",
        "GPU",
        "percentunit",
        {"gpu_use": "busy", "gpu_memory_busy": "memory busy"},
    ),
    PanelDefinition("gpu-memory", "GPU memory", "bytes", {"gpu_memory_used": "used"}),
    PanelDefinition("gpu-temperature", "GPU temperature", "°C", {"gpu_temperature": ""}),
    PanelDefinition("power", "Power", "W", {"power": "power", "gpu_power": "power"}),
    PanelDefinition("energy", "Energy so far", "J", {"energy": ""}),
    PanelDefinition(
        "disk",
        "Disk",
        "Bps",
        {
            "io_disk_read": "read",
            "io_disk_write": "written",
            "disk_read": "read",
            "disk_write": "written",
        },
    ),
    PanelDefinition(
        "calls",
        "Read and written by calls",
        "Bps",
        {"io_read": "read", "io_write": "written"},
    ),
    PanelDefinition(
        "network",
        "Network",
        "Bps",
        {"network_received": "received", "network_sent": "sent"},
    ),
    PanelDefinition("threads", "CPU of threads", "percentunit", {"cpu_rate": ""}),
    PanelDefinition(
        "counts",
        "Processes, threads, files",
        "short",
        {
            "processes": "processes",
            "threads": "threads",
            "python_threads": "threads",
            "open_files": "open files",
            "tasks": "tasks",
            "tasks_limit": "limit",
        },
    ),
    PanelDefinition(
        "page-faults",
        "Page faults and swaps",
        "cps",
        {
            "memory_page_faults_without_io": "faults without I/O",
            "memory_page_faults_with_io": "faults with I/O",
            "memory_swap_ops": "swaps",
        },
    ),
    PanelDefinition(
        "block-io",
        "Block I/O",
        "ops",
        {"io_block_in": "read", "io_block_out": "written"},
    ),
    PanelDefinition(
        "context-switches",
        "Context switches",
        "cps",
        {"context_switches_vol": "voluntary", "context_switches_invol": "forced"},
    ),
    PanelDefinition("cpu-time", "CPU time so far", "s", {"cpu_time": ""}),
    PanelDefinition(
        "container-memory",
        "Memory of the container",
        "bytes",
        {
            "memory_charged": "charged, with cached files",
            "memory_charged_peak": "peak so far",
            "memory_working_set": "working set",
            "memory_limit": "limit",
        },
    ),
    PanelDefinition("oom", "Killed for want of memory", "short", {"oom_kills": ""}),
    PanelDefinition(
        "machine-cpu",
        "CPU of the machine",
        "percentunit",
        {
            "cpu_user": "user",
            "cpu_system": "system",
            "cpu_iowait": "waiting for disks",
            "cpu_steal": "taken by others",
        },
    ),
    PanelDefinition(
        "machine-memory",
        "Memory of the machine",
        "bytes",
        {
            "memory_used": "used",
            "memory_available": "available",
            "swap_used": "swapped out",
        },
    ),
    PanelDefinition("load", "Load of the machine", "short", {"load_1": ""}),
    PanelDefinition(
        "pressure",
        "Waiting for CPU, memory, disks",
        "percentunit",
        {
            "pressure_cpu_some": "some for CPU",
            "pressure_memory_some": "some for memory",
            "pressure_memory_full": "all for memory",
            "pressure_io_some": "some for disks",
            "pressure_io_full": "all for disks",
        },
    ),
    PanelDefinition("gc-time", "Garbage collector", "percentunit", {"gc_time": "time"}),
    PanelDefinition("gc-runs", "Garbage collector runs", "cps", {"gc_runs": "runs"}),
    PanelDefinition("blocks", "Memory blocks of Python", "short", {"allocated_blocks": ""}),
    PanelDefinition("lag", "Lag of the event loop", "s", {"event_loop_lag": ""}),
    PanelDefinition(
        "overhead",
        "Cost of measuring",
        "percentunit",
        {"overhead_cpu": "CPU", "overhead_gil": "interpreter lock"},
    ),
    PanelDefinition(
        "sampling",
        "Sampling",
        "s",
        {"sample_time": "time of a sample", "cycle_time": "time between samples"},
    ),
    PanelDefinition(
        "late",
        "Late and missed samples so far",
        "short",
        {"samples_late": "late", "samples_missed": "missed"},
    ),
)

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
    FigureDefinition(
        "peak-memory", "Peak memory", "bytes", "max", "process", ("memory_rss_max",)
    ),
    # A run has one or the other, of ResourceProbe or of ProcessProbe.
    FigureDefinition(
        "peak-memory", "Peak memory", "bytes", "max", "process", ("memory_rss_peak",)
    ),
    FigureDefinition(
        "mean-cpu",
        "Mean CPU",
        "percentunit",
        "mean",
        "process",
        ("cpu_rate_user", "cpu_rate_system"),
    ),
    FigureDefinition(
        "cpu-time", "CPU time, with children", "s", "max", "tree", ("cpu_time",)
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
    ColumnDefinition("retried", "Retried", "short"),
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

UNITS = {
    "": ("short", 1.0),
    "B": ("bytes", 1.0),
    "bytes": ("bytes", 1.0),
    "kB": ("bytes", 1024.0),
    "KiB": ("bytes", 1024.0),
    "MiB": ("bytes", 1024.0**2),
    "B/s": ("Bps", 1.0),
    "%": ("percentunit", 0.01),
    "1/s": ("cps", 1.0),
    "/s": ("cps", 1.0),
    "s": ("s", 1.0),
    "ms": ("s", 1e-3),
    "us": ("s", 1e-6),
    "ns": ("s", 1e-9),
}
"""Unit of a metric: the unit in which it is shown, and what to multiply with.

``kB`` counts 1024 bytes, as in getrusage(2) on Linux.
"""
