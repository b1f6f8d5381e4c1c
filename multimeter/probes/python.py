"""A probe for the current Python interpreter."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from multimeter.errors import UnsupportedError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import not_started
from multimeter.probes.source_probe import MeasuresProbe
from multimeter.subject import Subject

if TYPE_CHECKING:
    import asyncio  # slow to import, and only needed by programs that have a loop

__all__ = ["PythonProbe"]

_SUBJECT = Subject("python", "The Python interpreter.", "process")
_GC_RUNS = Measure(
    _SUBJECT, Metric("gc_runs", "Runs of the garbage collector a second.", "1/s")
)
_GC_TIME = Measure(
    _SUBJECT, Metric("gc_time", "Time in the garbage collector, in seconds a second.")
)
_BLOCKS = Measure(
    _SUBJECT,
    Metric("allocated_blocks", "Memory blocks that the interpreter holds.", "", int),
)
_THREADS = Measure(_SUBJECT, Metric("python_threads", "Python threads now.", "", int))
_LAG = Measure(
    _SUBJECT,
    Metric("event_loop_lag", "How late the event loop ran a call that was due.", "s"),
)


class PythonProbe(MeasuresProbe):
    """Samples the interpreter: garbage collector, memory blocks, threads, event loop.

    Each sample schedules a call in the event loop, and reports the delay of the previous
    call. While a call has not run yet, its delay so far counts.

    Args:
        loop: The event loop to measure the lag of; by default none.
        clock: A monotonic clock, in s.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._collector: _Collector | None = None
        self._before = (0, 0.0)
        self._ping: _Ping | None = None
        self._counts_blocks = hasattr(sys, "getallocatedblocks")  # not in PyPy
        super().__init__(
            (
                _GC_RUNS,
                _GC_TIME,
                *((_BLOCKS,) if self._counts_blocks else ()),
                _THREADS,
                *((_LAG,) if loop is not None else ()),
            )
        )

    def for_process(self, pid: int) -> PythonProbe:
        """Raise an error: it can measure the current interpreter only.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            f"PythonProbe cannot measure process {pid} from another process.",
            cause="Only the interpreter itself can see its garbage collector and threads.",
            next_step="Leave it out: default_probes(os.getpid()) returns the probes that "
            "measure from outside.",
        )

    def start(self) -> None:
        """Register a callback with the garbage collector."""
        self._before = (0, 0.0)
        self._ping = None
        self._collector = _Collector(self._clock)
        gc.callbacks.append(self._collector)

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the values.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        if self._collector is None:
            raise not_started()
        seconds = time_elapsed if time_elapsed > 0 else float("inf")
        runs, spent = self._collector.runs, self._collector.seconds
        values[_GC_RUNS.key] = (runs - self._before[0]) / seconds
        values[_GC_TIME.key] = (spent - self._before[1]) / seconds
        self._before = runs, spent
        if self._counts_blocks:
            values[_BLOCKS.key] = sys.getallocatedblocks()
        values[_THREADS.key] = threading.active_count()
        if self._loop is not None:
            self._sample_lag(self._loop, values)

    def _sample_lag(self, loop: asyncio.AbstractEventLoop, values: dict[str, Any]) -> None:
        if self._ping is not None:
            values[_LAG.key] = self._ping.lag()
        if self._ping is None or self._ping.called_at is not None:
            self._ping = _Ping(self._clock)
            try:
                loop.call_soon_threadsafe(self._ping)
            except RuntimeError:  # the loop is closed
                self._ping = None

    def end(self) -> None:
        """Remove the callback."""
        if self._collector is not None:
            gc.callbacks.remove(self._collector)
            self._collector = None


class _Collector:
    """Counts runs of the garbage collector, and adds up their time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.runs = 0
        self.seconds = 0.0
        self._clock = clock
        self._began: float | None = None

    def __call__(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began = self._clock()
        elif self._began is not None:
            self.runs += 1
            self.seconds += self._clock() - self._began
            self._began = None


class _Ping:
    """A call for the event loop, which records when it ran."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._scheduled_at = clock()
        self.called_at: float | None = None

    def __call__(self) -> None:
        self.called_at = self._clock()

    def lag(self) -> float:
        """Return its delay, or how long it has waited so far, in s."""
        return (self.called_at or self._clock()) - self._scheduled_at
