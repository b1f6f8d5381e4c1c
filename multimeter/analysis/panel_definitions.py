"""Panels: which metrics, or which measures, share a chart, in which unit.

Units are those of Grafana, https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/#unit;
a unit that Grafana does not know is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "HEADLINES",
    "PANELS",
    "Axis",
    "HeadlineDefinition",
    "PanelDefinition",
    "key_pattern",
]

Axis = Literal["linear", "log"]
"""How an axis counts."""


@dataclass(frozen=True)
class PanelDefinition:
    """A panel for some metrics, on whatever subjects they are measured.

    A user-defined one names patterns of measures instead, see :func:`key_pattern`: it shows
    all that match, whatever other panel they are in.

    Attributes:
        id: The name of the panel in links and tests.
        title: Its heading.
        unit: The unit of its axis; with patterns, that of the values.
        metrics: The keys of the metrics with their labels, in the order of the legend.
        group: The heading of its group; the panels of nearly every run have none.
        measures: Patterns of the keys of measures, in place of metrics.
        description: What it shows, in words.
        axis: How its axis counts.
    """

    id: str
    title: str
    unit: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    measures: tuple[str, ...] = ()
    description: str = ""
    axis: Axis = "linear"


_WILD = {"*": ".*", "?": "."}


def key_pattern(patterns: Iterable[str]) -> str:
    """Return one regular expression for patterns of keys.

    In a pattern ``*`` matches any characters, and ``?`` one. The expression is one
    of Python and of RE2, and holds no ``/`` or ``$`` that Flux or Grafana would take for
    something of theirs, but for the last.
    """
    each = ("".join(_WILD.get(char) or _plain(char) for char in one) for one in patterns)
    return f"^({'|'.join(each)})$"


def _plain(char: str) -> str:
    return {"$": "[$]", "/": r"\/"}.get(char) or re.escape(char)


_PROCESSES = "More of the processes"
_GPU = "GPU and energy"
_CONTAINER = "Container"
_MACHINE = "Machine"
_PYTHON = "Interpreter"
_MEASURING = "Measuring itself"

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
            "memory_rss": "RSS",
            "memory_rss_peak": "peak RSS so far",
            "memory_pss": "PSS",
            "memory_uss": "USS",
            "memory_rss_max": "peak RSS so far",
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
        _GPU,
    ),
    PanelDefinition("gpu-memory", "GPU memory", "bytes", {"gpu_memory_used": "used"}, _GPU),
    PanelDefinition(
        "gpu-temperature", "GPU temperature", "°C", {"gpu_temperature": ""}, _GPU
    ),
    PanelDefinition(
        "power", "Power", "watt", {"power": "power", "gpu_power": "power"}, _GPU
    ),
    PanelDefinition("energy", "Energy so far", "joule", {"energy": ""}, _GPU),
    PanelDefinition(
        "disk",
        "Disk",
        "Bps",
        {
            "io_disk_read": "read",
            "io_disk_write": "written",
            "io_disk_write_cancelled": "written, removed before it was stored",
            "disk_read": "read",
            "disk_write": "written",
        },
        _PROCESSES,
    ),
    PanelDefinition(
        "calls",
        "Read and written by calls",
        "Bps",
        {"io_read": "read", "io_write": "written"},
        _PROCESSES,
    ),
    PanelDefinition(
        "network",
        "Network",
        "Bps",
        {"network_received": "received", "network_sent": "sent"},
        _MACHINE,
    ),
    PanelDefinition(
        "threads", "CPU of threads", "percentunit", {"cpu_rate": ""}, _PROCESSES
    ),
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
        _PROCESSES,
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
    PanelDefinition("cpu-time", "CPU time so far", "s", {"cpu_time": ""}, _PROCESSES),
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
        _CONTAINER,
    ),
    PanelDefinition(
        "oom", "Killed for want of memory", "short", {"oom_kills": ""}, _CONTAINER
    ),
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
        _MACHINE,
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
        _MACHINE,
    ),
    PanelDefinition("load", "Load of the machine", "short", {"load_1": ""}, _MACHINE),
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
        _MACHINE,
    ),
    PanelDefinition(
        "gc-time", "Garbage collector", "percentunit", {"gc_time": "time"}, _PYTHON
    ),
    PanelDefinition(
        "gc-runs", "Garbage collector runs", "cps", {"gc_runs": "runs"}, _PYTHON
    ),
    PanelDefinition(
        "blocks", "Memory blocks of Python", "short", {"allocated_blocks": ""}, _PYTHON
    ),
    PanelDefinition("lag", "Lag of the event loop", "s", {"event_loop_lag": ""}, _PYTHON),
    PanelDefinition(
        "overhead",
        "Cost of measuring",
        "percentunit",
        {"overhead_cpu": "CPU", "overhead_gil": "interpreter lock"},
        _MEASURING,
    ),
    PanelDefinition(
        "sampling",
        "Sampling",
        "s",
        {"sample_time": "time of a sample", "cycle_time": "time between samples"},
        _MEASURING,
    ),
    PanelDefinition(
        "late",
        "Late and missed samples so far",
        "short",
        {"samples_late": "late", "samples_missed": "missed"},
        _MEASURING,
    ),
)


@dataclass(frozen=True)
class HeadlineDefinition:
    """The curve that belongs to a figure: the sum of some measures at one moment.

    Attributes:
        figures: The ids of the figures to which it belongs.
        title: Its heading.
        unit: The unit of its axis.
        choices: Keys of measures that are added; the first of these counts of which a run
            has all.
    """

    figures: tuple[str, ...]
    title: str
    unit: str
    choices: tuple[tuple[str, ...], ...]

    def keys(self, measured: Container[str]) -> tuple[str, ...]:
        """Return the measures that are added, of those that a run has; none without."""
        fitting = (some for some in self.choices if all(key in measured for key in some))
        return next(fitting, ())


def _of_processes(*metrics: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(f"{s}.{m}" for m in metrics) for s in ("tree", "process"))


HEADLINES = (
    HeadlineDefinition(
        ("cpu_time", "cpu"),
        "CPU",
        "percentunit",
        _of_processes("cpu_rate_user", "cpu_rate_system"),
    ),
    HeadlineDefinition(
        ("peak_memory",),
        "Memory",
        "bytes",
        (*_of_processes("memory_rss"), *_of_processes("memory_rss_max")),
    ),
    HeadlineDefinition(
        ("read",),
        "Read",
        "Bps",
        (*_of_processes("io_disk_read"), *_of_processes("io_read")),
    ),
    HeadlineDefinition(
        ("written",),
        "Written",
        "Bps",
        (*_of_processes("io_disk_write"), *_of_processes("io_write")),
    ),
    HeadlineDefinition(("gpu",), "GPU", "percentunit", (("gpu0.gpu_use",),)),
    HeadlineDefinition(
        ("gpu_memory",), "GPU memory", "bytes", (("gpu0.gpu_memory_used",),)
    ),
)
"""The curves that come first: those of whole runs, and beside figures."""
