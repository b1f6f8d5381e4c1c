"""A delivery without a thread: a test takes each step, with a clock of its own."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable

from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.queue import Queue
from multimeter.delivery.rejects import RejectsFile
from multimeter.delivery.settings import Settings
from multimeter.delivery.stats import Counters
from multimeter.delivery.worker import Timing, Worker
from multimeter.sinks.base import Sink

__all__ = ["Driven"]


class Driven:
    """The parts of a delivery, put together as the real one does, but for the thread.

    Args:
        sink: Where batches go.
        folder: A folder of the test, for rejects.
        random: The random number that jitter is made of.
        **settings: See ``Settings``.
    """

    def __init__(
        self,
        sink: Sink,
        folder: pathlib.Path,
        *,
        random: Callable[[], float] = lambda: 0.5,
        **settings: object,
    ) -> None:
        self.now = 1_000.0
        self.settings = Settings(**settings)  # type: ignore[arg-type]
        self.counters = Counters()
        self.incidents = IncidentLog(lambda: self.now)
        self.rejects = RejectsFile(folder / "rejects.jsonl")
        self.queue = Queue(self.settings, sink.address, self.counters, self.incidents)
        self.queue.take_over()
        self.worker = Worker(
            sink,
            self.queue,
            self.settings,
            self.counters,
            self.incidents,
            self.rejects,
            threading.RLock(),
            Timing(lambda: self.now, random),
        )

    def put(self, *lines: bytes) -> None:
        for line in lines:
            self.queue.put(line)
        self.incidents.flush()

    def step(self) -> float | None:
        """Take one step; the clock goes on by what it asks to wait."""
        wait = self.worker.step()
        self.incidents.flush()
        self.now += wait or 0.0
        return wait

    def run(self, steps: int = 100_000) -> None:
        """Take steps until nothing is left to do."""
        for _ in range(steps):
            if self.step() is None:
                return
        raise AssertionError(f"not done after {steps} steps: {self.counters}")

    def balance(self) -> bool:
        """Tell whether the accounts add up with what really waits."""
        claimed = self.worker.claimed
        taken = 0 if claimed is None else claimed.records
        stats = self.counters.stats()
        return self.queue.waiting <= stats.queued <= self.queue.waiting + taken
