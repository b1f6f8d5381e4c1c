"""Trouble: each is said once, not each second, and once again when it is over."""

from __future__ import annotations

from collections.abc import Callable

from multimeter.log import log

__all__ = ["Trouble"]

_SECONDS_BETWEEN = 60.0


class Trouble:
    """Says what goes wrong, to the log of the package.

    Args:
        clock: Returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._open: set[str] = set()

    def tell(self, kind: str, message: str, *, loud: bool = False) -> None:
        """Say a trouble, unless it is known, or was over for less than a minute."""
        if kind in self._open:
            return
        now = self._clock()
        if now - self._told.get(kind, -_SECONDS_BETWEEN) < _SECONDS_BETWEEN:
            return
        self._open.add(kind)
        self._told[kind] = now
        (log().error if loud else log().warning)("%s", message)

    def over(self, message: str, *kinds: str) -> None:
        """Say that some troubles are over, if one of them was said."""
        if self._open.intersection(kinds):
            self._open.difference_update(kinds)
            log().warning("%s", message)
