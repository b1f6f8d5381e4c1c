"""A budget of time for what may cost much."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Budget"]

_T = TypeVar("_T")


class Budget:
    """Does work only as often as it takes no more than a share of the time.

    Args:
        share: The share, between 0 and 1.
        clock: Seconds that never go back.
    """

    def __init__(
        self, share: float = 0.01, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = share
        self._clock = clock
        self._next = float("-inf")

    def spend(self, work: Callable[[], _T]) -> _T | None:
        """Do the work and return what it gives; or None when it is too early."""
        begin = self._clock()
        if begin < self._next:
            return None
        try:
            return work()
        finally:
            self._next = begin + (self._clock() - begin) / self._share
