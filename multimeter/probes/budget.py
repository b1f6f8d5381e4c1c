"""A time budget for expensive work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Budget"]

_T = TypeVar("_T")


class Budget:
    """Runs work so rarely that it takes at most a share of the time.

    Args:
        share: The share, between 0 and 1.
        clock: A monotonic clock, in s.
    """

    def __init__(
        self, share: float = 0.01, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = share
        self._clock = clock
        self._next = float("-inf")

    def spend(self, work: Callable[[], _T]) -> _T | None:
        """Do the work and return its result; None if the budget is used up for now."""
        begin = self._clock()
        if begin < self._next:
            return None
        try:
            return work()
        finally:
            self._next = begin + (self._clock() - begin) / self._share
