"""Rates of counters that only grow, unless what they count starts anew."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Rates"]


class Rates:
    """Turns counters into rates, by what they have grown since the time before.

    A counter that goes back (a device that was taken out and put in, a container that
    was restarted) gives zero once, never a negative rate; one that is new gives zero.

    Args:
        first: The counters at the start, by any key.
    """

    def __init__(self, first: Mapping[str, float]) -> None:
        self._before = dict(first)

    def of(self, now: Mapping[str, float], seconds: float) -> dict[str, float]:
        """Return the growth a second of each counter.

        Args:
            now: The counters now.
            seconds: Seconds since the time before; zero gives rates of zero.
        """
        before, self._before = self._before, dict(now)
        if seconds <= 0:
            return dict.fromkeys(now, 0.0)
        return {
            key: max(0.0, value - before.get(key, value)) / seconds
            for key, value in now.items()
        }
