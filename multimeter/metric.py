"""Metrics: which quantity is measured, its unit and its limits.

The quantities of the metrics here are those of getrusage(2),
https://man7.org/linux/man-pages/man2/getrusage.2.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "METRIC_CONTEXT_SWITCHES_INVOL",
    "METRIC_CONTEXT_SWITCHES_VOL",
    "METRIC_CPU_RATE_SYSTEM",
    "METRIC_CPU_RATE_USER",
    "METRIC_IO_BLOCK_IN",
    "METRIC_IO_BLOCK_OUT",
    "METRIC_MEMORY_DATA",
    "METRIC_MEMORY_MAX",
    "METRIC_MEMORY_PAGE_FAULTS_WITHOUT_IO",
    "METRIC_MEMORY_PAGE_FAULTS_WITH_IO",
    "METRIC_MEMORY_SHARED",
    "METRIC_MEMORY_STACK",
    "METRIC_MEMORY_SWAP_OPS",
    "Metric",
]


@dataclass(frozen=True)
class Metric:
    """A quantity that can be measured on a subject.

    Attributes:
        key: The name by which measures refer to the metric.
        description: What the metric is, for people.
        unit: The unit of the values; empty for plain numbers and rates.
        value_type: The Python type of the values.
        min_value: The smallest value, or None for no limit.
        max_value: The largest value, or None for no limit.
        upper_bound: Whether the truth may be less than the values.
        peak_of: The key of the metric whose largest value so far this is, as the
            kernel keeps it, also between two samples; empty for others.
    """

    key: str
    description: str = ""
    unit: str = ""
    value_type: type = float
    min_value: Any = 0.0
    max_value: Any = None
    upper_bound: bool = False
    peak_of: str = ""

    def limit_value(self, value: Any) -> Any:
        """Return the value, or the limit that it exceeds.

        Limits apply to numbers; text, booleans, None and NaN come back as they are.
        """
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        if self.min_value is not None and value < self.min_value:
            return self.value_type(self.min_value)
        if self.max_value is not None and value > self.max_value:
            return self.value_type(self.max_value)
        return value


METRIC_CPU_RATE_USER = Metric(
    "cpu_rate_user",
    "CPU time in user mode, in seconds a second: 1.0 is one core kept busy.",
)
METRIC_CPU_RATE_SYSTEM = Metric(
    "cpu_rate_system",
    "CPU time in the kernel, in seconds a second: 1.0 is one core kept busy.",
)
METRIC_MEMORY_MAX = Metric(
    "memory_rss_max",
    "The largest resident set so far: the most memory held at one moment.",
    "kB",
    int,
    upper_bound=True,
    peak_of="memory_rss",
)
METRIC_MEMORY_SHARED = Metric(
    "memory_rss_shared", "Resident memory shared with others (0 on Linux).", "kB", int
)
METRIC_MEMORY_DATA = Metric(
    "memory_rss_data", "Resident memory for unshared data (0 on Linux).", "kB", int
)
METRIC_MEMORY_STACK = Metric(
    "memory_rss_stack", "Resident memory for unshared stack (0 on Linux).", "kB", int
)
METRIC_MEMORY_PAGE_FAULTS_WITHOUT_IO = Metric(
    "memory_page_faults_without_io",
    "Page faults a second that needed no input or output.",
)
METRIC_MEMORY_PAGE_FAULTS_WITH_IO = Metric(
    "memory_page_faults_with_io",
    "Page faults a second that were served by reading from a disk.",
)
METRIC_MEMORY_SWAP_OPS = Metric(
    "memory_swap_ops", "Swaps out of main memory a second (0 on Linux)."
)
METRIC_IO_BLOCK_IN = Metric("io_block_in", "Block reads from file systems a second.")
METRIC_IO_BLOCK_OUT = Metric("io_block_out", "Block writes to file systems a second.")
METRIC_CONTEXT_SWITCHES_VOL = Metric(
    "context_switches_vol", "Context switches a second that the process asked for."
)
METRIC_CONTEXT_SWITCHES_INVOL = Metric(
    "context_switches_invol", "Context switches a second that the kernel forced."
)
