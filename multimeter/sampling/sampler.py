"""The sampler thread: samples the probes at a fixed rate, and emits points."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from multimeter.data.values import simple
from multimeter.errors import ConfigurationError, ProbeError
from multimeter.measure import Measure
from multimeter.probe import Probe
from multimeter.sampling.clock import Clock, RunClock, SystemClock
from multimeter.sampling.native import Runner, make_event, start_thread
from multimeter.sampling.overhead import CycleLimit, SamplerProbe, Sampling
from multimeter.system.log import log

__all__ = ["Sampler", "Ticks", "checked_cycle_time"]


# Times of points are whole microseconds.
_US = 1_000


def checked_cycle_time(cycle_time: float) -> float:
    """Return the cycle time, in seconds.

    Raises:
        ConfigurationError: It is not a positive, finite number.
    """
    is_number = isinstance(cycle_time, (int, float)) and not isinstance(cycle_time, bool)
    if not is_number or not 0 < cycle_time < math.inf:
        raise ConfigurationError(
            f"The cycle time must be a positive number of seconds, not {cycle_time!r}.",
            next_step="Multimeter(..., cycle_time=1.0) measures once a second.",
        )
    return float(cycle_time)


class Ticks:
    """Deadlines at whole multiples of the cycle time after the start.

    They are absolute, so that late samples do not push later ones back.

    Args:
        start_ns: The start on the monotonic clock, in ns.
        cycle_ns: The cycle time, in ns.

    Attributes:
        cycle_ns: The current cycle time, in ns.
        missed: How many ticks were skipped, because they had passed already.
    """

    def __init__(self, start_ns: int, cycle_ns: int) -> None:
        self._start = start_ns
        self.cycle_ns = max(1, cycle_ns)
        self._tick = 0
        self.missed = 0

    def advance(self, now_ns: int) -> int:
        """Return the next deadline after now, and count the skipped ones."""
        tick = max((now_ns - self._start) // self.cycle_ns, self._tick) + 1
        self.missed += tick - self._tick - 1
        self._tick = tick
        return self._start + tick * self.cycle_ns

    def change(self, now_ns: int, cycle_ns: int) -> None:
        """Change the cycle time; ticks count from now."""
        self._start, self._tick, self.cycle_ns = now_ns, 0, max(1, cycle_ns)


class Sampler:
    """Samples probes at a fixed rate in a thread of its own.

    Args:
        probes: The probes.
        cycle_time: Seconds between two samples.
        sink: Receives each point: ns since the epoch (strictly increasing) and values.
        clock: The clock.
        max_overhead: The maximum CPU time of sampling, in s per s: above that, the cycle
            time widens. None for no limit.
        cpu_clock: Returns the CPU time of sampling so far, in ns; by default that of the
            calling thread, or outside of the measured process that of this process, with
            its start.
        inside: Whether this is the measured process, which waits for the interpreter
            lock while it is sampled.
        began: The clock of a run that has begun before; None if it begins with the start.

    Attributes:
        sampling: The state of sampling.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        cycle_time: float,
        sink: Callable[[int, dict[str, Any]], None],
        clock: Clock | None = None,
        *,
        max_overhead: float | None = None,
        cpu_clock: Callable[[], int] | None = None,
        inside: bool = True,
        began: RunClock | None = None,
    ) -> None:
        self.sampling = Sampling(cycle_time, inside=inside)
        self._began = began
        self._probes = probes
        self._sink = sink
        self._clock = clock or SystemClock()
        own_clock = time.thread_time_ns if inside else time.process_time_ns
        self._cpu_clock = cpu_clock or own_clock
        self._inside = inside
        self._limit = CycleLimit(cycle_time, max_overhead) if max_overhead else None
        self._wake = make_event()
        self._is_ending = False
        self._thread: Runner | None = None
        self._reported: set[int] = set()
        # The last sample, on the monotonic clock and on that of the run; of each probe
        # the last one that it took.
        self._last = (0, 0)
        self._sampled = [0] * len(probes)
        self._ticks: Ticks | None = None

    @property
    def missed(self) -> int:
        """How many ticks passed without a sample, because sampling took too long."""
        return self.sampling.missed

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures of all probes; some probes add more while they sample."""
        return tuple(measure for probe in self._probes for measure in probe.measures)

    def sample_soon(self) -> None:
        """Request an extra sample now, without waiting for it."""
        self._wake.set()

    def count(self, late: int, missed: int) -> None:
        """Count samples that were late or missed by the pace of who asks for them."""
        self.sampling.late += late
        if self._ticks is not None:
            self._ticks.missed += missed
            self.sampling.missed = self._ticks.missed

    def mark(self, time_ns: int, label: str) -> None:
        """Do nothing: the measurement keeps the marks."""

    def time_ns(self) -> int:
        """Return the time on the clock of the points, in ns since the epoch."""
        return max(self.sampling.clock.time_ns(self._clock), self._last[1])

    def start(self) -> None:
        """Start the probes, then the thread.

        Raises:
            ProbeError: A probe could not start; the earlier ones have been ended.
        """
        for started, probe in enumerate(self._probes):
            try:
                probe.start()
            except Exception as error:
                self._end_probes(self._probes[:started])
                raise ProbeError(
                    f"{type(probe).__name__} could not start: {error}",
                    next_step="Fix the cause, or measure without this probe.",
                ) from error
        self.sampling.clock = self._began or RunClock.start(self._clock)
        now_ns = self.sampling.clock.started_ns
        if self._began is not None:
            now_ns = self._began.time_ns(self._clock)
        self._last = self._clock.monotonic_ns(), now_ns
        self._sampled = [_counts_since(each) or now_ns for each in self._probes]
        self.sampling.baseline = self._baseline()
        self._ticks = Ticks(self._last[0], round(self.sampling.cycle_time * 1e9))
        for probe in self._probes:
            if isinstance(probe, SamplerProbe):
                probe.sampling = self.sampling
        self._thread = start_thread(self._run, "multimeter-sampler")

    def end(self) -> None:
        """Take the last sample at once, stop the thread, then end the probes."""
        self._is_ending = True
        self._wake.set()
        assert self._thread is not None, "it was started"
        self._thread.join()
        self._end_probes(self._probes)
        if self.missed:
            log().warning(
                "Multimeter missed %d samples: sampling took longer than the cycle "
                "time, or other code held the interpreter lock. Use a longer cycle "
                "time, fewer probes, or a helper process.",
                self.missed,
            )

    def _run(self) -> None:
        assert self._ticks is not None
        is_extra = stopped = False
        deadline = 0
        while not stopped:
            if not is_extra:
                deadline = self._ticks.advance(self._clock.monotonic_ns())
            self.sampling.missed = self._ticks.missed
            seconds = (deadline - self._clock.monotonic_ns()) / 1e9
            is_extra = self._clock.wait(self._wake, max(0.0, seconds))
            self._wake.clear()
            stopped = self._is_ending
            self._sample()
            began = self._last[0]
            if began - deadline > self._ticks.cycle_ns // 10:
                self.sampling.late += 1
            # A requested sample at or after the deadline takes the place of the due one.
            is_extra = is_extra and began < deadline
            if stopped and not is_extra:
                # The last one, too, may come so late that others were due before it.
                self._ticks.advance(began)
                self.sampling.missed = self._ticks.missed
            is_extra = not self._account(self._ticks, began) and is_extra

    def _account(self, ticks: Ticks, began_ns: int) -> bool:
        """Record the cost of the last sample; return whether the cycle has changed."""
        sampling, now = self.sampling, self._clock.monotonic_ns()
        cost = self._cpu_clock() / 1e9 - sampling.cpu_time
        sampling.samples += 1
        sampling.sample_time = (now - began_ns) / 1e9
        sampling.cpu_time += cost
        if self._inside:
            # An upper bound: sampling holds the interpreter lock for part of this time.
            sampling.gil_time += cost
        # The first cost of a process has its start, which no cycle time can change.
        is_typical = self._inside or sampling.samples > 1
        changed = self._limit is not None and is_typical and self._limit.spent(cost)
        if self._limit is not None and changed:
            ticks.change(now, round(self._limit.cycle_time * 1e9))
            sampling.cycle_time = self._limit.cycle_time
            if not sampling.widened:
                sampling.widened = True
                log().warning(
                    "Sampling exceeds its maximum overhead: Multimeter now samples every "
                    "%.3g s, less often than requested.",
                    sampling.cycle_time,
                )
        return changed

    def _sample(self) -> None:
        self._last = _, time_ns = self._moment()
        self.sampling.clock.watch(self._clock)
        values: dict[str, Any] = {}
        for place, probe in enumerate(self._probes):
            known = len(values)
            try:
                probe.sample(values, (time_ns - self._sampled[place]) / 1e9)
            except Exception as error:  # noqa: BLE001 - the other probes continue
                # Rates that it gave already are in its next ones, too.
                for key in list(values)[known:]:
                    del values[key]
                self._report(probe, "could not sample; its values are missing", error)
            else:
                self._sampled[place] = time_ns
        try:
            self._sink(time_ns, values)
        except Exception as error:  # noqa: BLE001 - the thread must survive
            self._report(self, "could not keep a point", error)

    def _moment(self) -> tuple[int, int]:
        """Return the current time, on the monotonic clock and on that of the run.

        Times of points are strictly increasing.
        """
        time_ns = self.sampling.clock.time_ns(self._clock)
        return self._clock.monotonic_ns(), max(time_ns, self._last[1] + _US)

    def _baseline(self) -> dict[str, Any]:
        baseline: dict[str, Any] = {}
        for probe in self._probes:
            try:
                baseline.update(simple(probe.baseline()))
            except Exception as error:  # noqa: BLE001 - peaks are only less precise then
                self._report(probe, "could not read the baseline", error)
        return baseline

    def _end_probes(self, probes: Sequence[Probe]) -> None:
        for probe in probes:
            try:
                probe.end()
            except Exception as error:  # noqa: BLE001 - the result is still stored
                self._report(probe, "could not end", error)

    def _report(self, source: object, what: str, error: Exception) -> None:
        """Log an error, once for each probe."""
        if id(source) not in self._reported:
            self._reported.add(id(source))
            log().warning("%s %s.", type(source).__name__, what, exc_info=error)


def _counts_since(probe: Probe) -> int | None:
    # A probe may be any object that has the methods of one.
    return getattr(probe, "counts_since_ns", None)
