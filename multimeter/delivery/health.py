"""Health: what a delivery did, written to its own sink now and then.

It stands in the measurement ``multimeter_health``, and goes past the queue: it is neither
counted nor kept on disk, and costs one small request every ten seconds at most. While the
sink is in trouble it is taken down, too, and sent when the sink takes points again.
"""

from __future__ import annotations

import collections
import itertools
import os
import pathlib
import platform
import sys
import time
from collections.abc import Callable, Mapping

from multimeter.data.identifiers import HEALTH
from multimeter.data.record import FieldValue, Record
from multimeter.delivery.stats import Stats
from multimeter.lines.protocol import encode
from multimeter.sinks.base import Accepted, Answer, Batch, Rejected, Retry, Sink
from multimeter.system.log import log

__all__ = ["HealthSink"]

_INTERVAL_SECONDS = 10.0
_LONGEST_TROUBLE = 360
_NAMELESS = ("", "-c", "-m")


class HealthSink:
    """A sink that sends what became of its delivery's records along with them.

    Args:
        sink: Where everything goes; it must take any measurement.
        stats: Returns the accounts of the delivery.
        clock: Returns seconds that never go back.
        now_ns: Returns the time of day, in ns since the epoch.
    """

    # A program may have several, which count for themselves.
    _numbers = itertools.count(1)

    def __init__(
        self,
        sink: Sink,
        stats: Callable[[], Stats],
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._sink = sink
        self._stats = stats
        self._clock = clock
        self._now_ns = now_ns
        self._number = next(self._numbers)
        self._begin()

    def _begin(self) -> None:
        """Begin anew, as another process has accounts of its own."""
        self._tags = {
            "program": _program(),
            "host": platform.node() or "localhost",
            "delivery": f"{os.getpid()}.{self._number}",
            "sink": self._sink.name,
        }
        self._lines = collections.deque[bytes](maxlen=_LONGEST_TROUBLE)
        self._due = self._clock() + _INTERVAL_SECONDS
        self._last_ns = 0
        self._works = False
        self._is_wanted = True

    @property
    def name(self) -> str:
        """The name of the sink."""
        return self._sink.name

    @property
    def address(self) -> Mapping[str, str]:
        """The address of the sink."""
        return self._sink.address

    def send(self, batch: Batch) -> Answer:
        """Send a batch, and the health when it is time."""
        answer = self._sink.send(batch)
        self._works = not isinstance(answer, Retry)
        if self._clock() >= self._due:
            self._due = self._clock() + _INTERVAL_SECONDS
            self._take_down()
            if self._works:
                self._send_health()
        return answer

    def after_fork(self) -> None:
        """Forget the connection, and what the parent did."""
        self._sink.after_fork()
        self._begin()

    def close(self) -> None:
        """Send the last of the accounts where that is easy, and close the connection."""
        try:
            if self._works:
                self._take_down(closed=True)
                self._send_health()
        finally:
            self._sink.close()

    def _take_down(self, *, closed: bool = False) -> None:
        stats = self._stats()
        # In each line, as a program of the same name and id may come after this one.
        fields: dict[str, FieldValue] = {
            "closed": closed,
            "accepted": stats.accepted,
            "delivered": stats.delivered,
            "rejected": stats.rejected,
            "queued": stats.queued,
            "dropped": sum(stats.dropped.values()),
            "resumed": stats.resumed,
            "left_out": stats.left_out,
            "retries": stats.retries,
        }
        self._last_ns = max(self._now_ns(), self._last_ns + 1)
        line = encode(Record(HEALTH, self._tags, fields, self._last_ns))
        assert line is not None, "integers always have a form"
        self._lines.append(line.encode())

    def _send_health(self) -> None:
        if not self._is_wanted:
            return
        name = f"health-{self._tags['host']}-{self._tags['delivery']}-{self._last_ns}"
        try:
            answer: object = self._sink.send(Batch(name, list(self._lines)))
        except Exception as error:  # noqa: BLE001 - the records matter, not this
            answer = error
        if isinstance(answer, Rejected):
            self._is_wanted = False
            log().info("%s takes no health: %s", self.name, answer.reason)
        elif not isinstance(answer, Accepted):
            return
        self._lines.clear()

    def __repr__(self) -> str:
        return f"{self._sink!r} with health"


def _program() -> str:
    name = sys.argv[0] if sys.argv else ""
    path = pathlib.Path("" if name in _NAMELESS else name)
    # Of ``python -m package`` the package is the program.
    return (path.parent.name if path.name == "__main__.py" else path.name) or "python"
