"""Pressure stall information: the share of the time in which tasks waited for a resource.

It has the same form for a machine and for a control group:
https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

from multimeter.metric import Metric

__all__ = ["PRESSURES", "RESOURCES", "parse_pressure"]

RESOURCES = ("cpu", "memory", "io")

_PRESSURES = {
    "pressure_cpu_some": "Share of the time in which some task waited for a CPU.",
    "pressure_memory_some": "Share of the time in which some task waited for memory.",
    "pressure_memory_full": "Share of the time in which all tasks waited for memory.",
    "pressure_io_some": "Share of the time in which some task waited for I/O.",
    "pressure_io_full": "Share of the time in which all tasks waited for I/O.",
}

PRESSURES = tuple(
    Metric(key, text, "", float, 0.0, 1.0) for key, text in _PRESSURES.items()
)
"""The metrics. ``pressure_cpu_full`` is not defined for a whole machine."""


def parse_pressure(resource: str, data: bytes) -> dict[str, float]:
    """Return how long tasks have waited, in s, by the key of the metric.

    Args:
        resource: The resource: cpu, memory or io.
        data: ``some avg10=0.00 avg60=0.00 avg300=0.00 total=0``, in us, and the same
            for ``full``.
    """
    counters = {}
    for line in data.splitlines():
        kind, _, rest = line.partition(b" ")
        key = f"pressure_{resource}_{kind.decode()}"
        if key in _PRESSURES:
            counters[key] = int(rest.rpartition(b"total=")[2]) / 1e6
    return counters
