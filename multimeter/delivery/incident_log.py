"""Trouble: each is said once, not each second, and once again when it is over.

It is noted under the lock of the delivery, and said without it: a handler of the log may
wait, or put a point into this very delivery.
"""

from __future__ import annotations

import collections
from collections.abc import Callable

from multimeter.system.log import log

__all__ = ["Trouble"]

_SECONDS_BETWEEN = 60.0


class Trouble:
    """Says what goes wrong, to the log of the package.

    Args:
        clock: Returns seconds that never go back.

    Attributes:
        unsaid: What was noted and is to be said: whether it is loud, and the words.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.unsaid = collections.deque[tuple[bool, str]]()
        self._clock = clock
        self._told: dict[str, float] = {}
        self._open: set[str] = set()

    def tell(self, kind: str, message: str, *, loud: bool = False) -> None:
        """Note a trouble, unless it is known, or was over for less than a minute."""
        if kind in self._open:
            return
        now = self._clock()
        if now - self._told.get(kind, -_SECONDS_BETWEEN) < _SECONDS_BETWEEN:
            return
        self._open.add(kind)
        self._told[kind] = now
        self.unsaid.append((loud, message))

    def over(self, message: str, *kinds: str) -> None:
        """Note that some troubles are over, if one of them was noted."""
        if self._open.intersection(kinds):
            self._open.difference_update(kinds)
            self.unsaid.append((False, message))

    def say(self) -> None:
        """Say what was noted; not to be called with the lock of the delivery."""
        while self.unsaid:
            try:
                loud, message = self.unsaid.popleft()
            except IndexError:  # another thread was faster
                return
            (log().error if loud else log().warning)("%s", message)
