"""The pace of a demonstration: what begins when, as shares of its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

__all__ = ["Pace"]


class Pace:
    """Times that are shares, from 0 at the start to 1 at the end.

    Args:
        seconds: How long the demonstration takes.
        clock: Returns the time, in seconds.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._begun = clock()

    @property
    def now(self) -> float:
        """The share that has passed."""
        return (self._clock() - self._begun) / self._seconds

    def wait_until(self, share: float) -> None:
        """Return when so much has passed."""
        if (left := share - self.now) > 0:
            self._sleep(left * self._seconds)

    def steps(self, start: float, stop: float, count: int) -> Iterator[int]:
        """Yield numbers at even times, the first at the start.

        A slow machine does not get through: what would begin after the end is left out,
        but for the first.
        """
        for number in range(count):
            if number and self.now >= stop:
                return
            self.wait_until(start + (stop - start) * number / count)
            yield number
