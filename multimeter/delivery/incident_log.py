"""Rate-limited log of incidents: one message when a problem starts, one when it ends.

Messages are queued under the lock of the delivery and logged without it: a log handler
may block, or put a point into this same delivery.
"""

from __future__ import annotations

import collections
import logging
from collections.abc import Callable

from multimeter.system.log import log

__all__ = ["IncidentLog"]

_SECONDS_BETWEEN = 60.0


class IncidentLog:
    """Reports incidents to the log of the package, each kind once while it lasts.

    Args:
        clock: A monotonic clock, in s.

    Attributes:
        pending: The messages that are not logged yet, with their levels.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.pending = collections.deque[tuple[int, str]]()
        self._clock = clock
        self._reported: dict[str, float] = {}
        self._open: set[str] = set()

    def open(self, kind: str, message: str, *, level: int = logging.WARNING) -> None:
        """Queue a message, unless this kind is open, or was reported a minute ago."""
        if kind in self._open:
            return
        now = self._clock()
        if now - self._reported.get(kind, -_SECONDS_BETWEEN) < _SECONDS_BETWEEN:
            return
        self._open.add(kind)
        self._reported[kind] = now
        self.pending.append((level, message))

    def resolve(self, message: str, *kinds: str) -> None:
        """Queue a message that incidents have ended, if one of these kinds is open."""
        if self._open.intersection(kinds):
            self._open.difference_update(kinds)
            self.pending.append((logging.WARNING, message))

    def flush(self) -> None:
        """Log the queued messages; do not hold the lock of the delivery."""
        while self.pending:
            try:
                level, message = self.pending.popleft()
            except IndexError:  # another thread was faster
                return
            log().log(level, "%s", message)
