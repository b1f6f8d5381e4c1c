"""Health: the statistics of a delivery, sent to its own sink every ten seconds.

They are points of the measurement ``multimeter_health`` and bypass the queue: they are
neither counted nor spooled, and cost at most one small request every ten seconds. While
the sink fails they are buffered in memory, and sent when it accepts points again.
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
_MOST_LINES = 360
_NAMELESS = ("", "-c", "-m")


class HealthSink:
    """Wraps a sink, and sends the statistics of the delivery along with its records.

    Args:
        sink: The wrapped sink; it must accept any measurement.
        stats: Returns the statistics of the delivery.
        clock: A monotonic clock, in s.
        now_ns: Returns the time of day, in ns since the epoch.
    """

    # Numbers the deliveries of a program: each has its own series.
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
        self._reset()

    def _reset(self) -> None:
        """Start a new series: each process has its own statistics."""
        self._tags = {
            "program": _program(),
            "host": platform.node() or "localhost",
            "delivery": f"{os.getpid()}.{self._number}",
            "sink": self._sink.name,
        }
        self._lines = collections.deque[bytes](maxlen=_MOST_LINES)
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
        """Send a batch, and the health if it is due."""
        answer = self._sink.send(batch)
        self._works = not isinstance(answer, Retry)
        if self._clock() >= self._due:
            self._due = self._clock() + _INTERVAL_SECONDS
            self._add_line()
            if self._works:
                self._send_health()
        return answer

    def after_fork(self) -> None:
        """Drop the connection and the statistics of the parent."""
        self._sink.after_fork()
        self._reset()

    def close(self) -> None:
        """Send the final statistics if the sink works, and close the connection."""
        try:
            if self._works:
                self._add_line(closed=True)
                self._send_health()
        finally:
            self._sink.close()

    def _add_line(self, *, closed: bool = False) -> None:
        stats = self._stats()
        # In each line: a later program may have the same name and process id.
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
        assert line is not None, "integers can always be encoded"
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
            log().info("%s accepts no health: %s", self.name, answer.reason)
        elif not isinstance(answer, Accepted):
            return
        self._lines.clear()

    def __repr__(self) -> str:
        return f"{self._sink!r} with health"


def _program() -> str:
    name = sys.argv[0] if sys.argv else ""
    path = pathlib.Path("" if name in _NAMELESS else name)
    # ``python -m package`` is named after the package.
    return (path.parent.name if path.name == "__main__.py" else path.name) or "python"
