"""Schedule: when to look at a process that may end at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["LONGEST_CYCLE", "Schedule"]

LONGEST_CYCLE = 1.0
"""Seconds between two samples of a run that has gone on for long."""

_SHORTEST_CYCLE = 0.02
_CYCLE_SHARE = 0.02
_SHORTEST_GLANCE = 0.001
_GLANCE_SHARE = 0.05


class Schedule:
    """Looks often at the beginning, and less so the longer it goes on.

    A run of any length then has some hundred points, and what a process did before it
    ended is seen but for the last 20th of its life.

    Args:
        sample: Takes a sample.
        glance: Looks at the process, and takes none.
        cycle_time: Seconds between two samples, which somebody else takes; None where
            they shall come at the pace of the run, as long as that is shorter than
            :data:`LONGEST_CYCLE`.
        clock: Seconds that never go back.
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
        """How many seconds it has gone on."""
        return self._clock() - self._started

    def look(self) -> float:
        """Look at the process; return the seconds until it should be looked at again."""
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
