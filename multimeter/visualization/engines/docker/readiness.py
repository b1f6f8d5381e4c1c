"""Waiting: for servers that are on their way up, and no longer than they may take."""

from __future__ import annotations

import time
from collections.abc import Callable

from multimeter.visualization.errors import VisualizationError

__all__ = ["Deadline"]

_POLL_SECONDS = 0.02
_LOOK_SECONDS = 0.5


class Deadline:
    """The moment by which everything must be there.

    Args:
        seconds: How far off it is.
        clock: What tells the time, in seconds.
        sleep: What waits, for some seconds.
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
        self._end = clock() + seconds

    def wait(
        self, what: str, is_so: Callable[[], bool], trouble: Callable[[], str]
    ) -> None:
        """Return as soon as something is so.

        Args:
            what: What is waited for, to complete "It took too long until ...".
            is_so: Whether it is so.
            trouble: Says why it will never be so, or nothing; asked now and then.

        Raises:
            VisualizationError: It will never be so, or was not in time.
        """
        next_look = self._clock() + _LOOK_SECONDS
        while not is_so():
            now = self._clock()
            if now >= next_look or now >= self._end:
                next_look = now + _LOOK_SECONDS
                self._require_hope(what, trouble(), late=now >= self._end)
            self._sleep(_POLL_SECONDS)

    def _require_hope(self, what: str, trouble: str, *, late: bool) -> None:
        if trouble:
            raise VisualizationError(
                trouble,
                cause="The image is damaged or another one than expected, or the disk or"
                " the memory is full.",
                next_step="Mend what it says, then do the same again.",
            )
        if late:
            raise VisualizationError(
                f"It took longer than {self._seconds:.0f} s until {what}.",
                cause="The machine is busy, or the engine's ports do not lead here.",
                next_step="multimeter-visu doctor; or allow more time with --timeout",
            )
