"""Read and parse the files of /proc on Linux.

https://man7.org/linux/man-pages/man5/proc.5.html
"""

from __future__ import annotations

import os

__all__ = [
    "Stat",
    "parse_io",
    "parse_kb",
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


class Stat:
    """Some fields of /proc/PID/stat: proc_pid_stat(5). Times are in clock ticks.

    Args:
        data: The contents. The name is in parentheses and may have any character.
    """

    __slots__ = (
        "faults",
        "faults_with_io",
        "name",
        "parent",
        "reaped_faults",
        "reaped_faults_with_io",
        "reaped_system",
        "reaped_user",
        "rss_pages",
        "started",
        "state",
        "system",
        "threads",
        "user",
    )

    def __init__(self, data: bytes) -> None:
        head, _, tail = data.rpartition(b")")
        fields = tail.split(None, 22)
        self.name = head.partition(b"(")[2].decode("utf-8", "replace")
        self.state = fields[0].decode("ascii", "replace")
        self.parent = int(fields[1])
        self.faults = int(fields[7])
        self.reaped_faults = int(fields[8])
        self.faults_with_io = int(fields[9])
        self.reaped_faults_with_io = int(fields[10])
        self.user = int(fields[11])
        self.system = int(fields[12])
        self.reaped_user = int(fields[13])
        self.reaped_system = int(fields[14])
        self.threads = int(fields[17])
        self.started = int(fields[19])
        self.rss_pages = int(fields[21])


def parse_stat(data: bytes) -> Stat:
    """Parse /proc/PID/stat."""
    return Stat(data)


def parse_status(data: bytes) -> tuple[int, int, int, int, int]:
    """Parse /proc/PID/status: proc_pid_status(5).

    Returns:
        Resident memory and its peak, in bytes, 0 if the process has ended; threads;
        voluntary and involuntary context switches of the one thread.
    """
    return (
        parse_kb(data, b"\nVmRSS:"),
        parse_kb(data, b"\nVmHWM:"),
        _number(data, b"\nThreads:"),
        _number(data, b"\nvoluntary_ctxt_switches:"),
        _number(data, b"\nnonvoluntary_ctxt_switches:"),
    )


def parse_anonymous(status: bytes, stat: bytes) -> tuple[int, int]:
    """Parse what differs between a forked child and one that has executed a program.

    Returns:
        Resident memory without a file behind it, in bytes; and the bottom of the stack,
        which a forked child has where its parent has it. 0 for what is not known.
    """
    fields = stat.rpartition(b")")[2].split(None, 27)
    return parse_kb(status, b"\nRssAnon:"), int(fields[25]) if len(fields) > 25 else 0  # noqa: PLR2004 - field 28 of proc_pid_stat(5)


def parse_kb(data: bytes, key: bytes) -> int:
    """Return the value of a key in kB, in bytes; 0 if the key is missing."""
    return 1024 * _number(data, key)


def _number(data: bytes, key: bytes) -> int:
    start = data.find(key)
    if start < 0:
        return 0
    start += len(key)
    return int(data[start : data.find(b"\n", start)].split(None, 1)[0])


def parse_io(data: bytes) -> tuple[int, int, int, int, int]:
    """Parse /proc/PID/io, proc_pid_io(5).

    Returns:
        Bytes fetched from storage, sent to storage, sent before and cancelled (by who
        removes a file before it reached storage), read by calls, written by calls.
    """
    return (
        _number(data, b"\nread_bytes:"),
        _number(data, b"\nwrite_bytes:"),
        _number(data, b"\ncancelled_write_bytes:"),
        _number(data, b"rchar:"),
        _number(data, b"\nwchar:"),
    )
