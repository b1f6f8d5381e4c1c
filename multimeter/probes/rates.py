"""Compute rates from counters, which may be reset."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Rates"]


class Rates:
    """Computes rates from the growth of counters between two calls.

    A counter that was reset (a device was replugged, a container was restarted) gives
    zero once, never a negative rate; so does a new one.

    Args:
        first: The initial counters, by key.
    """

    def __init__(self, first: Mapping[str, float]) -> None:
        self._before = dict(first)

    def of(self, now: Mapping[str, float], seconds: float) -> dict[str, float]:
        """Return the growth of each counter per second.

        Args:
            now: The current counters.
            seconds: Seconds since the previous call; zero gives rates of zero.
        """
        before, self._before = self._before, dict(now)
        if seconds <= 0:
            return dict.fromkeys(now, 0.0)
        return {
            key: max(0.0, value - before.get(key, value)) / seconds
            for key, value in now.items()
        }
