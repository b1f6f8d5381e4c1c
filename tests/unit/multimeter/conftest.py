"""A probe and a clock that the tests of the library share."""

from __future__ import annotations

import threading

import pytest

from multimeter import Measure, Metric, Probe, Subject


class StubProbe(Probe):
    """Gives one value for each measure, and counts what is asked of it."""

    def __init__(self, *keys, value=1.0, on_sample=None):
        self._subject = Subject("stub")
        self._metrics = tuple(Metric(key) for key in keys or ("value",))
        self.value = value
        self.on_sample = on_sample
        self.started = self.ended = 0
        self.elapsed = []

    @property
    def metrics(self):
        return self._metrics

    @property
    def subjects(self):
        return (self._subject,)

    @property
    def measures(self):
        return tuple(Measure(self._subject, metric) for metric in self._metrics)

    def start(self):
        self.started += 1

    def sample(self, values, time_elapsed):
        self.elapsed.append(time_elapsed)
        if self.on_sample:
            self.on_sample()
        for measure in self.measures:
            values[measure.key] = self.value

    def end(self):
        self.ended += 1


class FakeClock:
    """Lets a sampler tick a number of times without waiting, then waits for its end.

    Args:
        ticks: How many waits come to their end by themselves.
        late: How many seconds each of them takes too long.
    """

    def __init__(self, ticks, late=0.0):
        self.ticks = ticks
        self.late = late
        self.monotonic = 1_000 * 10**9
        self.time = 1_700_000_000 * 10**9
        self.suspended = 0
        self.waits = []
        self.idle = threading.Event()

    def time_ns(self):
        return self.time

    def monotonic_ns(self):
        return self.monotonic

    def boottime_ns(self):
        return self.monotonic + self.suspended

    def advance(self, seconds):
        self.monotonic += round(seconds * 1e9)
        self.time += round(seconds * 1e9)

    def wait(self, event, seconds):
        if len(self.waits) >= self.ticks:
            self.idle.set()
            assert event.wait(10), "the sampler was not ended"
            return True
        self.waits.append(seconds)
        self.advance(seconds + self.late)
        return False


@pytest.fixture
def make_probe():
    return StubProbe


@pytest.fixture
def make_clock():
    return FakeClock
