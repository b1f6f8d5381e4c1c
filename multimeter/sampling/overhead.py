"""The overhead of sampling: a probe that measures it, and a limit that bounds it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multimeter.data.baseline import OVERHEAD, Baseline
from multimeter.errors import ConfigurationError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe
from multimeter.sampling.clock import RunClock
from multimeter.subject import Subject

__all__ = ["GIL_KEY", "CycleLimit", "SamplerProbe", "Sampling", "checked_max_overhead"]


def checked_max_overhead(max_overhead: float | None) -> float | None:
    """Return the share of CPU time that sampling may cost, or None for no limit.

    Raises:
        ConfigurationError: It is not a number above 0, up to 1.
    """
    if max_overhead is None:
        return None
    is_number = isinstance(max_overhead, (int, float)) and not isinstance(
        max_overhead, bool
    )
    if not is_number or not 0 < max_overhead <= 1:
        raise ConfigurationError(
            f"The overhead must be a share above 0, up to 1, not {max_overhead!r}.",
            next_step="Multimeter(..., max_overhead=0.01) allows a hundredth of a core.",
        )
    return float(max_overhead)


@dataclass
class Sampling:
    """The state and cost of sampling in a run so far.

    Attributes:
        cycle_time: The current time between two samples, in s.
        clock: The clock of the run.
        baseline: The peaks that were reached before the start, from the probes.
        samples: How many samples were taken.
        late: How many were more than a tenth of the cycle time late.
        missed: How many were skipped, because the previous one took too long.
        cpu_time: The CPU time of sampling, in s.
        gil_time: An upper bound of the part of it, in s, that held the interpreter lock
            of the measured process.
        sample_time: The duration of the last sample, in s, including waits.
        widened: Whether the cycle time was ever widened to limit the overhead.
        inside: Whether the measured process samples itself: its figures have the cost.
    """

    cycle_time: float
    clock: RunClock = field(default_factory=RunClock)
    baseline: Mapping[str, Any] = field(default_factory=dict)
    samples: int = 0
    late: int = 0
    missed: int = 0
    cpu_time: float = 0.0
    gil_time: float = 0.0
    sample_time: float = 0.0
    widened: bool = False
    inside: bool = True

    def meta_data(self) -> dict[str, Any]:
        """Return the metadata for a result: the start, and any irregularities.

        Times are in s, and ns since the epoch.
        """
        data = Baseline(self.clock.started_ns, self.baseline).meta_data()
        data |= self.clock.meta_data()
        if self.samples:
            data[OVERHEAD] = {"cpu_time": self.cpu_time, "inside": self.inside}
        if self.late:
            data["late_samples"] = self.late
        if self.missed:
            data["missed_samples"] = self.missed
        if self.widened:
            data["widened_cycle_time"] = self.cycle_time
        return data


class CycleLimit:
    """Adapts the cycle time so that sampling costs at most a share of a core.

    Args:
        cycle_time: The requested time between two samples, in s: the minimum.
        max_overhead: The maximum CPU time of sampling, in s per s.
    """

    # Average over several samples: a single slow one, often the first, is no reason.
    _SAMPLES = 8
    _MARGIN = 1.1

    def __init__(self, cycle_time: float, max_overhead: float) -> None:
        self._requested = cycle_time
        self._share = max_overhead
        self._costs: list[float] = []
        self.cycle_time = cycle_time

    def spent(self, cpu_seconds: float) -> bool:
        """Record the cost of a sample; return whether the cycle time has changed.

        It widens if several samples together cost too much, and narrows if half of it
        would suffice; by at most a factor of two at once.
        """
        self._costs.append(cpu_seconds)
        total, number = sum(self._costs), len(self._costs)
        needed = self._MARGIN * total / number / self._share
        before = self.cycle_time
        if total > self._share * before * self._SAMPLES:
            self.cycle_time = min(needed, 2 * before)
        elif number < self._SAMPLES:
            return False
        elif needed < before / 2:
            self.cycle_time = max(self._requested, before / 2)
        self._costs.clear()
        return self.cycle_time != before


_SUBJECT = Subject("sampler", "Multimeter itself.", "process")
_CPU = Metric("overhead_cpu", "CPU time of sampling, in seconds a second.")
_GIL = Metric(
    "overhead_gil",
    "Time in which sampling held the interpreter lock, in seconds a second.",
    upper_bound=True,
)
_SAMPLE_TIME = Metric("sample_time", "What the sample before took.", "s")
_CYCLE_TIME = Metric("cycle_time", "The time between two samples.", "s")
_LATE = Metric("samples_late", "Samples so far that came late.", "", int)
_MISSED = Metric("samples_missed", "Samples so far that were not taken.", "", int)
_METRICS = (_CPU, _GIL, _SAMPLE_TIME, _CYCLE_TIME, _LATE, _MISSED)
_MEASURES = tuple(Measure(_SUBJECT, each) for each in _METRICS)
_KEYS = tuple(each.key for each in _MEASURES)

GIL_KEY = Measure(_SUBJECT, _GIL).key
"""The key of a measure that only the measured process can determine, not the helper."""


class SamplerProbe(Probe):
    """Samples the cost of sampling, and how punctual it is.

    The sampler sets ``sampling``, where the numbers come from.
    """

    def __init__(self) -> None:
        self.sampling: Sampling | None = None
        self._before = (0.0, 0.0)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Cost, durations, and counts of late and missed samples."""
        return _METRICS

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The sampler."""
        return (_SUBJECT,)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The metrics of the sampler."""
        return _MEASURES

    def for_process(self, pid: int) -> SamplerProbe:  # noqa: ARG002 - independent of it
        """Return the probe itself: it measures the sampling process."""
        return self

    def start(self) -> None:
        """Reset the counters."""
        self._before = (0.0, 0.0)

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the values; the cost of this sample is included in the next one.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the previous sample, or since the start.
        """
        if self.sampling is None:
            return
        now = self.sampling
        seconds = time_elapsed if time_elapsed > 0 else math.inf
        growth = now.cpu_time - self._before[0], now.gil_time - self._before[1]
        self._before = now.cpu_time, now.gil_time
        numbers = (
            growth[0] / seconds,
            growth[1] / seconds,
            now.sample_time,
            now.cycle_time,
            now.late,
            now.missed,
        )
        values.update(zip(_KEYS, numbers))
