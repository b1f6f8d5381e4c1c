"""The clock of a run: anchored once to the time of day, monotonic from there."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from multimeter.sampling.native import Event
from multimeter.system.clocks import boottime_ns, time_of_run_ns

__all__ = ["Clock", "RunClock", "SystemClock"]

_US = 1_000


class Clock(Protocol):
    """An injectable clock."""

    def time_ns(self) -> int:
        """Return the time of day in ns since the epoch; it may be set."""

    def monotonic_ns(self) -> int:
        """Return the time of a monotonic clock, in ns."""

    def boottime_ns(self) -> int:
        """Return the time of a monotonic clock that counts suspends too, in ns."""

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until the event is set or the time is over; return whether it is set."""


class SystemClock:
    """The clocks of the system; clock_gettime(2) has their definitions."""

    time_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)
    boottime_ns = staticmethod(boottime_ns)

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until the event is set or the time is over; return whether it is set."""
        return event.wait(min(seconds, threading.TIMEOUT_MAX))


@dataclass
class RunClock:
    """Counts the time of a run, in whole microseconds.

    Whole microseconds are exact in a datetime and in every database. A copy in another
    process of this machine has the same time.

    Attributes:
        started_ns: The time of day at the start, in ns since the epoch.
        boottime_ns: The clock that counts suspends at the start, in ns.
        suspended_ns: How long the machine was suspended so far, in ns.
        steps: The steps of the time of day so far: when, in ns since the epoch on the
            clock of the run, and by how many ns. At most :data:`MOST_STEPS`.
    """

    started_ns: int = 0
    boottime_ns: int = 0
    suspended_ns: int = 0
    steps: list[tuple[int, int]] = field(default_factory=list)
    _awake_ns: int = 0
    _time_of_day_off: int = 0

    @classmethod
    def start(cls, clock: Clock) -> RunClock:
        """Return the clock of a run that starts now."""
        boottime, awake = clock.boottime_ns(), clock.monotonic_ns()
        started = clock.time_ns() // _US * _US
        return cls(started, boottime, _awake_ns=boottime - awake)

    def time_ns(self, clock: Clock) -> int:
        """Return the time of the run, in ns since the epoch: a whole microsecond."""
        return self._at(clock.boottime_ns())

    def _at(self, now_ns: int) -> int:
        return time_of_run_ns(self.started_ns, self.boottime_ns, now_ns)

    def watch(self, clock: Clock) -> None:
        """Look for a step of the time of day and for a suspend since the last call."""
        for _ in range(_TRIES):
            before = clock.monotonic_ns()
            time_of_day, boottime = clock.time_ns(), clock.boottime_ns()
            if clock.monotonic_ns() - before <= _UNSURE_NS:
                break  # this thread did not have to wait between the readings
        else:
            return
        now = self._at(boottime)
        off = time_of_day - now
        step, self._time_of_day_off = off - self._time_of_day_off, off
        if abs(step) > _SMALLEST_STEP_NS and len(self.steps) < MOST_STEPS:
            self.steps.append((now, step))
        suspended = boottime - before - self._awake_ns
        if suspended - self.suspended_ns > _SMALLEST_STEP_NS:
            self.suspended_ns = suspended

    def meta_data(self) -> dict[str, Any]:
        """Return the steps of the time of day, and the s suspended, where there are any."""
        data: dict[str, Any] = {}
        if self.steps:
            data["clock_steps"] = [
                {"time_ns": when, "seconds": step / 1e9} for when, step in self.steps
            ]
        if self.suspended_ns:
            data["suspended"] = self.suspended_ns / 1e9
        return data


MOST_STEPS = 100
"""How many steps of the time of day are recorded: a clock that is set all the time must
not fill the memory."""

# Corrections by ntpd(8) and the like are slower: at most some hundredths of a second a
# sample.
_SMALLEST_STEP_NS = 10**8
_UNSURE_NS = 10**7
_TRIES = 3
