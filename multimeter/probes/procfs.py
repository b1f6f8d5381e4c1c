"""Read and parse the files of /proc on Linux.

https://man7.org/linux/man-pages/man5/proc.5.html. Pressure stall information, the share of
the time in which tasks waited for a resource, has the same form for a machine and for a
control group: https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

import os
from typing import NamedTuple

from multimeter.metric import Metric

__all__ = [
    "PRESSURES",
    "RESOURCES",
    "Stat",
    "Status",
    "parse_io",
    "parse_kb",
    "parse_pressure",
    "parse_stat",
    "parse_status",
    "read_bytes",
]

_CHUNK = 1 << 16


def read_bytes(path: str) -> bytes | None:
    """Return the contents of a file of /proc, or None if it is missing or forbidden."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        data = os.read(descriptor, _CHUNK)
        if len(data) < _CHUNK // 16:  # the kernel returns small files in one read
            return data
        while more := os.read(descriptor, _CHUNK):
            data += more
    except OSError:  # ESRCH: the process ended in between
        return None
    else:
        return data
    finally:
        os.close(descriptor)


class Stat(NamedTuple):
    """Some fields of /proc/PID/stat: proc_pid_stat(5). Times are in clock ticks."""

    name: str
    state: str
    parent: int
    faults: int
    reaped_faults: int
    faults_with_io: int
    reaped_faults_with_io: int
    user: int
    system: int
    reaped_user: int
    reaped_system: int
    threads: int
    started: int
    rss_pages: int


def parse_stat(data: bytes) -> Stat:
    """Parse /proc/PID/stat. The name is in parentheses and may have any character."""
    head, _, tail = data.rpartition(b")")
    fields = tail.split(None, 22)
    return Stat(
        head.partition(b"(")[2].decode("utf-8", "replace"),
        fields[0].decode("ascii", "replace"),
        int(fields[1]),
        int(fields[7]),
        int(fields[8]),
        int(fields[9]),
        int(fields[10]),
        int(fields[11]),
        int(fields[12]),
        int(fields[13]),
        int(fields[14]),
        int(fields[17]),
        int(fields[19]),
        int(fields[21]),
    )


class Status(NamedTuple):
    """Some fields of /proc/PID/status: proc_pid_status(5).

    Context switches are those of one thread only; memory is in bytes, and 0 if the
    process has ended.
    """

    rss: int
    rss_peak: int
    threads: int
    switches_vol: int
    switches_invol: int


def parse_status(data: bytes) -> Status:
    """Parse /proc/PID/status."""
    return Status(
        parse_kb(data, b"\nVmRSS:"),
        parse_kb(data, b"\nVmHWM:"),
        _number(data, b"\nThreads:"),
        _number(data, b"\nvoluntary_ctxt_switches:"),
        _number(data, b"\nnonvoluntary_ctxt_switches:"),
    )


def parse_kb(data: bytes, key: bytes) -> int:
    """Return the value of a key in kB, in bytes; 0 if the key is missing."""
    return 1024 * _number(data, key)


def _number(data: bytes, key: bytes) -> int:
    start = data.find(key)
    if start < 0:
        return 0
    start += len(key)
    return int(data[start : data.find(b"\n", start)].split(None, 1)[0])


def parse_io(data: bytes) -> tuple[int, int, int, int]:
    """Parse /proc/PID/io, proc_pid_io(5).

    Returns:
        Bytes fetched from storage, sent to storage, read by calls, written by calls.
        Writes that were cancelled (by a truncation before they reached storage) do not
        count.
    """
    cancelled = _number(data, b"\ncancelled_write_bytes:")
    return (
        _number(data, b"\nread_bytes:"),
        max(0, _number(data, b"\nwrite_bytes:") - cancelled),
        _number(data, b"rchar:"),
        _number(data, b"\nwchar:"),
    )


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
