"""The dashboard: which metrics stand together, in which unit, and what is worth a figure.

Units are those of Grafana, https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/#unit;
a unit that Grafana does not know is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["FIGURES", "PANELS", "UNITS", "FigureDefinition", "PanelDefinition"]


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


PANELS = (
    PanelDefinition(
        "cpu",
        "CPU",
        "percentunit",
        {"cpu_rate_user": "user", "cpu_rate_system": "system"},
    ),
    PanelDefinition(
        "memory",
        "Memory",
        "bytes",
        {
            "memory_rss_max": "peak so far",
            "memory_rss_shared": "shared",
            "memory_rss_data": "data",
            "memory_rss_stack": "stack",
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
)

FIGURES = (
    FigureDefinition("Peak memory", "bytes", "max", "process", ("memory_rss_max",)),
    FigureDefinition(
        "Mean CPU",
        "percentunit",
        "mean",
        "process",
        ("cpu_rate_user", "cpu_rate_system"),
    ),
)

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
