"""The worker: sends batches from the queue to the sink, and handles the answers.

:meth:`Worker.step` does one step and returns when to call it again, so that a thread can
drive it, or a test with a fake clock.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from multimeter.delivery.frames import Scan
from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.queue import ClaimedBatch, Queue
from multimeter.delivery.rejects import RejectsFile
from multimeter.delivery.segments import (
    Segment,
    read_segment,
    remove_segment,
    set_segment_aside,
)
from multimeter.delivery.settings import Settings
from multimeter.delivery.stats import Counters
from multimeter.sinks.base import Accepted, Answer, Batch, Rejected, Retry, Sink

__all__ = [
    "InFlightBatch",
    "Timing",
    "Worker",
]

_GROWTH = 10
_UNAVAILABLE = "unavailable"
_REFUSED = "refused"
_NOTHING = Scan([], 0, 0)
_MOST_READS = 3


@dataclass(frozen=True)
class Timing:
    """Injectable clock and random source.

    Attributes:
        clock: A monotonic clock, in s.
        random: Returns a random number, 0 <= number < 1.
    """

    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random


class Worker:
    """Sends the records of the queue, one batch at a time.

    Args:
        sink: Where batches go.
        queue: Where they come from.
        settings: Sizes, times, and the retry policy.
        counters: Where records are counted.
        incidents: Where failures are reported.
        rejects: The file for records that are refused for good.
        lock: Guards the queue and the counters; never held while sending.
        timing: The clock and the random source.

    Attributes:
        is_sending: Whether the sink is sending a batch.
    """

    def __init__(
        self,
        sink: Sink,
        queue: Queue,
        settings: Settings,
        counters: Counters,
        incidents: IncidentLog,
        rejects: RejectsFile,
        lock: threading.RLock,
        timing: Timing = Timing(),
    ) -> None:
        self.is_sending = False
        self._sink = sink
        self._queue = queue
        self._settings = settings
        self._counters = counters
        self._incidents = incidents
        self._lock = lock
        self._timing = timing
        self._rejects = rejects
        self._claimed: ClaimedBatch | None = None
        self._in_flight: InFlightBatch | None = None
        self._damaged = False
        self._attempt = 0
        self._not_before = 0.0
        self._asked_to_wait = False
        self._since: float | None = None
        self._max_part = settings.batch_size
        self._skip_linger = False

    @property
    def claimed(self) -> ClaimedBatch | None:
        """The claimed batch, if any."""
        return self._claimed

    @property
    def is_retrying(self) -> bool:
        """Whether the last attempt failed."""
        return self._attempt > 0

    def retry_now(self) -> None:
        """Skip the linger and the backoff once.

        The ``Retry-After`` of a server is still honoured.
        """
        self._skip_linger = True
        if not self._asked_to_wait:
            self._not_before = 0.0

    def step(self) -> float | None:
        """Send one part of a batch, if one is due.

        Returns:
            In how many seconds to call it again; None: after the next put.
        """
        now = self._timing.clock()
        with self._lock:
            wait = self._wait(now)
        if wait != 0:
            return wait
        if self._in_flight is None and not self._load():
            return max(0.0, self._not_before - now)
        assert self._in_flight is not None
        if self._in_flight.remaining:
            self._try(self._in_flight)
        if not self._in_flight.remaining:
            self._finish()
        return 0.0

    def _wait(self, now: float) -> float | None:
        """Return how many seconds to wait; claim a batch if there is no need to wait."""
        if now < self._not_before:
            return self._not_before - now
        if self._claimed is not None:
            return 0.0
        waiting = self._queue.waiting
        if not waiting:
            self._since, self._skip_linger = None, False
            return None
        if self._since is None:
            self._since = now
        linger = self._since + self._settings.linger - now
        if linger > 0 and waiting < self._settings.batch_size and not self._skip_linger:
            return linger
        self._claimed = self._queue.take()
        self._since = None
        return 0.0 if self._claimed else None

    def _load(self) -> bool:
        """Read the claimed batch; return whether that succeeded."""
        assert self._claimed is not None
        claimed, segment = self._claimed, self._claimed.segment
        if claimed.lines or segment is None:
            self._damaged = False
            self._in_flight = InFlightBatch(Batch(claimed.id, claimed.lines))
            return True
        try:
            scan = read_segment(segment)
        except FileNotFoundError:
            scan = _NOTHING
        except OSError as error:
            if not self._is_unreadable(segment, error):
                return self._put_back(claimed, segment, error)
            scan, self._attempt = _NOTHING, 0
        records = claimed.records if segment.is_counted else max(1, scan.records)
        missing = records - len(scan.lines)
        with self._lock:
            extra = records - claimed.records - min(0, missing)
            self._counters.accepted += extra
            self._counters.resumed += extra
            if missing > 0:
                self._counters.drop("damaged", missing)
        self._damaged = missing > 0
        self._in_flight = InFlightBatch(
            *(Batch(claimed.id, lines, first) for first, lines in scan.parts)
        )
        return True

    def _is_unreadable(self, segment: Segment, error: OSError) -> bool:
        """Count a failed read; return whether the file is damaged for good."""
        segment.failures += 1
        with self._lock:
            is_last = self._queue.only_unreadable_wait
        return is_last and error.errno == errno.EIO and segment.failures >= _MOST_READS

    def _put_back(self, claimed: ClaimedBatch, segment: Segment, error: OSError) -> bool:
        with self._lock:
            is_last = self._queue.only_unreadable_wait
            self._queue.put_back(claimed)
            self._claimed = None
        why = f"{segment.path} cannot be read: {error}"
        if is_last:
            self._try_later(Retry(why))
        else:
            self._incidents.open("unreadable", f"{why}\nIt is retried after the others.")
        return False

    def _try(self, in_flight: InFlightBatch) -> None:
        part = in_flight.part(self._max_part)
        answer = self._send(part)
        if isinstance(answer, Rejected):
            self._reject(in_flight, part, answer)
        elif isinstance(answer, Retry):
            if answer.smaller:
                self._max_part = max(1, len(part) // 2)
            self._try_later(answer)
        else:
            with self._lock:
                self._counters.delivered += len(part)
            in_flight.delivered()
            self._recover()
            grown = self._max_part + self._max_part // _GROWTH + 1
            self._max_part = min(self._settings.batch_size, grown)

    def _send(self, part: Batch) -> Answer:
        self.is_sending = True
        try:
            answer: object = self._sink.send(part)
        except Exception as error:  # noqa: BLE001 - a sink must not end the thread
            return Retry(f"{type(error).__name__} in {type(self._sink).__name__}: {error}")
        finally:
            self.is_sending = False
        if isinstance(answer, Accepted | Retry | Rejected):
            return answer
        return Retry(f"{type(self._sink).__name__} gave no answer, but {answer!r}")

    def _reject(self, in_flight: InFlightBatch, part: Batch, answer: Rejected) -> None:
        if answer.too_large:
            self._max_part = max(1, len(part) // 2)
        if not answer.records and len(part) > 1:
            in_flight.halve()
            return
        records = answer.records or {0: answer.reason}
        try:
            self._rejects.add(self._sink.name, part, records)
        except OSError as error:
            # Keep it queued, behind the others, until it can be written to the file.
            in_flight.postpone()
            self._try_later(Retry(f"{self._rejects.path} cannot be written: {error}"))
            return
        in_flight.rejected(records)
        with self._lock:
            self._counters.rejected += len(records)
        self._recover()
        self._incidents.open(
            "rejects",
            f"{self._sink.name} refuses some points for good: {answer.reason}\n"
            f"They are written to {self._rejects.path}; all others are sent.",
        )

    def _try_later(self, answer: Retry) -> None:
        self._attempt += 1
        delay = self._settings.retry.delay(self._attempt, answer, self._timing.random())
        self._not_before = self._timing.clock() + delay
        self._asked_to_wait = answer.after is not None
        with self._lock:
            self._counters.retries += 1
            queued = self._counters.queued
        self._incidents.open(
            _REFUSED if answer.refused else _UNAVAILABLE,
            f"{self._sink.name}: {answer}\n"
            f"{queued} points wait and are sent when it accepts them again.",
            level=logging.ERROR if answer.refused else logging.WARNING,
        )

    def _recover(self) -> None:
        if self._attempt:
            self._attempt = 0
            self._asked_to_wait = False
            self._incidents.resolve(
                f"{self._sink.name} accepts points again.", _REFUSED, _UNAVAILABLE
            )

    def _finish(self) -> None:
        """Release the batch: all its records are settled."""
        with self._lock:
            claimed, self._claimed, self._in_flight = self._claimed, None, None
            self._queue.done()
            nothing_waits = not self._queue.waiting
        if nothing_waits:
            self._incidents.resolve("The queue is empty again.", "drop", "spill")
        if claimed and claimed.segment:
            try:
                self._remove(claimed.segment)
            except OSError as error:
                self._incidents.open(
                    "remove", f"{claimed.segment.path} cannot be removed: {error}"
                )

    def _remove(self, segment: Segment) -> None:
        if not self._damaged:
            remove_segment(segment)
            return
        with contextlib.suppress(FileNotFoundError):
            path = set_segment_aside(segment)
            self._incidents.open("damaged", f"Some points could not be read: see {path}.")


class InFlightBatch:
    """The parts of a batch that are neither delivered nor rejected yet, in order.

    Args:
        *parts: The whole batch, or the intact parts of a damaged one.
    """

    def __init__(self, *parts: Batch) -> None:
        self._parts = collections.deque(part for part in parts if part.lines)

    @property
    def remaining(self) -> int:
        """How many records are left."""
        return sum(map(len, self._parts))

    def part(self, most: int) -> Batch:
        """Return the next part to send, of at most ``most`` records."""
        part = self._parts[0]
        if len(part) > most:
            self._split([(0, most), (most, len(part))])
        return self._parts[0]

    def delivered(self) -> None:
        """Remove the next part: it was delivered."""
        self._parts.popleft()

    def rejected(self, records: Iterable[int]) -> None:
        """Remove some records from the next part; the others are sent again."""
        part, bounds, start = self._parts[0], [], 0
        for record in sorted(records):
            bounds.append((start, record))
            start = record + 1
        self._split([*bounds, (start, len(part))])

    def halve(self) -> None:
        """Split the next part, of two records or more, in two."""
        size = len(self._parts[0])
        self._split([(0, size // 2), (size // 2, size)])

    def postpone(self) -> bool:
        """Move the next part behind all others; return whether there are any."""
        self._parts.rotate(-1)
        return len(self._parts) > 1

    def _split(self, bounds: Sequence[tuple[int, int]]) -> None:
        part = self._parts.popleft()
        self._parts.extendleft(
            part.part(start, stop) for start, stop in reversed(bounds) if start < stop
        )
