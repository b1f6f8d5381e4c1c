"""The clock that counts suspends, and the time of a run on it; light to import."""

from __future__ import annotations

import time

__all__ = ["boottime_ns", "time_of_run_ns"]

_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_US = 1_000


def boottime_ns() -> int:
    """Return ``CLOCK_BOOTTIME``, in ns; where there is none, the monotonic clock."""
    return time.monotonic_ns() if _BOOTTIME is None else time.clock_gettime_ns(_BOOTTIME)


def time_of_run_ns(started_ns: int, anchor_ns: int, now_ns: int) -> int:
    """Return the time of a run, in ns since the epoch: whole microseconds since its start.

    Args:
        started_ns: The time of day at the start, in ns since the epoch.
        anchor_ns: What :func:`boottime_ns` returned at the start.
        now_ns: What it returns now.
    """
    return started_ns + (now_ns - anchor_ns) // _US * _US
