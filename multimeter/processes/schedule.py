"""The sampling schedule for a process that may end at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["LONGEST_CYCLE", "Schedule"]

LONGEST_CYCLE = 1.0
"""Seconds between two samples of a long run."""

_SHORTEST_CYCLE = 0.02
_CYCLE_SHARE = 0.02
_SHORTEST_GLANCE = 0.001
_GLANCE_SHARE = 0.05


class Schedule:
    """Samples often at the start of a run, and less often the longer it lasts.

    So a short run has some hundred points as well, and at most the last twentieth of a
    process's life is not observed.

    Args:
        sample: Takes a sample.
        glance: Reads the process without taking a sample.
        cycle_time: Seconds between two samples, which the sampler takes; None to take
            them here, in proportion to the age of the run, until the interval reaches
            :data:`LONGEST_CYCLE`.
        clock: A monotonic clock, in s.
    """

    def __init__(
        self,
        sample: Callable[[], object],
        glance: Callable[[], object],
        cycle_time: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sample = sample
        self._glance = glance
        self._cycle_time = cycle_time
        self._clock = clock
        self._started = self._sampled = clock()
        self._is_first = True

    @property
    def age(self) -> float:
        """The duration of the run so far, in s."""
        return self._clock() - self._started

    def look(self) -> float:
        """Sample or glance at the process; return the time until the next call, in s."""
        now, age = self._clock(), self.age
        cycle = max(_SHORTEST_CYCLE, age * _CYCLE_SHARE)
        is_due = self._cycle_time is None and now - self._sampled >= cycle < LONGEST_CYCLE
        if self._is_first or is_due:
            self._is_first, self._sampled = False, now
            self._sample()
        else:
            self._glance()
        longest = min(self._cycle_time or cycle, LONGEST_CYCLE)
        return min(max(_SHORTEST_GLANCE, age * _GLANCE_SHARE), longest)
