"""The metrics of processes, and their values from a reading."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from multimeter import metric
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probes.process_run import Reading
from multimeter.probes.usage import COUNTERS
from multimeter.subject import Subject

__all__ = [
    "IO_DISK_READ",
    "IO_DISK_WRITE",
    "MEMORY_RSS",
    "MEMORY_RSS_PEAK",
    "SubjectMeasures",
    "process_measures",
]

CPU_TIME = Metric("cpu_time", "CPU time since the measurement began.", "s")
MEMORY_RSS = Metric(
    "memory_rss",
    "Resident memory now. Of several processes, what they share counts for each.",
    "bytes",
    int,
    upper_bound=True,
)
MEMORY_RSS_PEAK = Metric(
    "memory_rss_peak",
    "The most resident memory that one process held at one moment, so far.",
    "bytes",
    int,
    upper_bound=True,
    peak_of=MEMORY_RSS.key,
)
MEMORY_USS = Metric(
    "memory_uss",
    "Memory that is not shared: what would be free without the process.",
    "bytes",
    int,
)
MEMORY_PSS = Metric(
    "memory_pss",
    "Memory that is not shared, and an equal part of what is.",
    "bytes",
    int,
)
THREADS = Metric("threads", "Threads now.", "", int)
PROCESSES = Metric("processes", "Processes now.", "", int)
OPEN_FILES = Metric("open_files", "Open files, pipes and sockets now.", "", int)
IO_DISK_READ = Metric("io_disk_read", "Bytes fetched from storage a second.", "B/s")
IO_DISK_WRITE = Metric("io_disk_write", "Bytes sent to storage a second.", "B/s")
IO_DISK_WRITE_CANCELLED = Metric(
    "io_disk_write_cancelled",
    "Bytes a second that count as written, by whichever process, and never reached "
    "storage: this one truncated or removed their file before.",
    "B/s",
)
IO_READ = Metric("io_read", "Bytes read by calls a second, wherever they were.", "B/s")
IO_WRITE = Metric("io_write", "Bytes written by calls a second, wherever to.", "B/s")

# The counter of a usage behind each rate.
_RATES = {
    metric.METRIC_CPU_RATE_USER: "user",
    metric.METRIC_CPU_RATE_SYSTEM: "system",
    metric.METRIC_MEMORY_PAGE_FAULTS_WITHOUT_IO: "faults",
    metric.METRIC_MEMORY_PAGE_FAULTS_WITH_IO: "faults_with_io",
    IO_DISK_READ: "disk_read",
    IO_DISK_WRITE: "disk_write",
    IO_DISK_WRITE_CANCELLED: "disk_write_cancelled",
    IO_READ: "read",
    IO_WRITE: "write",
    metric.METRIC_CONTEXT_SWITCHES_VOL: "switches_vol",
    metric.METRIC_CONTEXT_SWITCHES_INVOL: "switches_invol",
}

# The attribute of a reading behind each level; ``served`` uses the same names.
_LEVELS = {
    CPU_TIME: "cpu_time",
    MEMORY_RSS: "rss",
    MEMORY_RSS_PEAK: "rss_peak",
    MEMORY_USS: "uss",
    MEMORY_PSS: "pss",
    THREADS: "threads",
    PROCESSES: "processes",
    OPEN_FILES: "open_files",
}
_ALWAYS = frozenset(("cpu_time", "rss"))


def process_measures(subject: Subject) -> tuple[Measure, ...]:
    """Return all possible measures of a process, or of a tree."""
    return tuple(Measure(subject, metric) for metric in (*_RATES, *_LEVELS))


class SubjectMeasures:
    """The measures of one subject, with precomputed keys.

    Args:
        subject: The subject: a process or a tree.
        served: The counters and levels that are available.
    """

    def __init__(self, subject: Subject, served: AbstractSet[str]) -> None:
        self.subject = subject
        rates = {Measure(subject, m): c for m, c in _RATES.items() if c in served}
        available = served | _ALWAYS
        levels = {Measure(subject, m): n for m, n in _LEVELS.items() if n in available}
        self.measures = (*rates, *levels)
        self._rates = [(m.key, COUNTERS.index(counter)) for m, counter in rates.items()]
        self._levels = [(measure.key, name) for measure, name in levels.items()]

    def put(self, values: dict[str, Any], reading: Reading, seconds: float) -> None:
        """Add the values of a reading; levels that are None are left out.

        Args:
            values: Where they go.
            reading: The reading.
            seconds: Seconds since the previous reading.
        """
        # Dividing by infinity makes a rate over no time zero.
        seconds = seconds if seconds > 0 else float("inf")
        for key, place in self._rates:
            values[key] = reading.growth[place] / seconds
        for key, name in self._levels:
            value = getattr(reading, name)
            if value is not None:
                values[key] = value
