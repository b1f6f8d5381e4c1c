from __future__ import annotations

import copy
import gc
import sys
import threading

import pytest

from multimeter import StateError, UnsupportedError
from multimeter.probes import PythonProbe


class Time:
    def __init__(self):
        self.now = 10.0

    def __call__(self):
        return self.now


class Loop:
    """An event loop that runs what it was asked for when the test says so."""

    def __init__(self):
        self.calls = []
        self.closed = False

    def call_soon_threadsafe(self, call):
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.calls.append(call)

    def run(self):
        while self.calls:
            self.calls.pop(0)()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def probe(time):
    probe = PythonProbe(clock=time)
    probe.start()
    yield probe
    probe.end()


def sample(probe, seconds=1.0):
    values = {}
    probe.sample(values, seconds)
    return {key.removeprefix("python."): value for key, value in values.items()}


def collect(time, seconds):
    """Let the garbage collector take some seconds."""

    def slowly(phase, _info):
        if phase == "stop":
            time.now += seconds

    gc.callbacks.insert(0, slowly)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(slowly)


def test_runs_of_the_garbage_collector_are_counted_and_timed(probe, time):
    sample(probe)
    collect(time, 0.5)
    collect(time, 0.25)
    values = sample(probe, 3.0)
    assert values["gc_runs"] >= 2 / 3.0
    assert values["gc_time"] == pytest.approx(0.25)
    assert sample(probe)["gc_time"] == 0.0


def test_blocks_and_threads_are_those_of_now(probe):
    before = sample(probe)
    kept = [object() for _ in range(10_000)]
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    after = sample(probe)
    event.set()
    thread.join()
    assert len(kept) == 10_000
    assert after["allocated_blocks"] - before["allocated_blocks"] >= 9_000
    assert after["python_threads"] - before["python_threads"] == 1


def test_an_interpreter_without_blocks_has_no_measure_of_them(monkeypatch):
    monkeypatch.delattr(sys, "getallocatedblocks")
    probe = PythonProbe()
    probe.start()
    assert set(sample(probe)) == {"gc_runs", "gc_time", "python_threads"}
    probe.end()


def test_the_lag_of_a_loop_is_how_late_a_call_ran(time):
    loop = Loop()
    probe = PythonProbe(loop, clock=time)
    probe.start()
    assert "event_loop_lag" not in sample(probe)
    time.now += 0.2
    loop.run()
    time.now += 0.8
    assert sample(probe)["event_loop_lag"] == pytest.approx(0.2)
    probe.end()


def test_a_loop_that_is_stuck_lags_more_and_more(time):
    loop = Loop()
    probe = PythonProbe(loop, clock=time)
    probe.start()
    sample(probe)
    time.now += 1
    assert sample(probe)["event_loop_lag"] == 1
    time.now += 1
    assert sample(probe)["event_loop_lag"] == 2
    assert len(loop.calls) == 1
    loop.run()
    assert sample(probe)["event_loop_lag"] == 2
    loop.run()
    assert sample(probe)["event_loop_lag"] == 0
    probe.end()


def test_a_loop_that_is_closed_has_no_lag(time):
    loop = Loop()
    loop.closed = True
    probe = PythonProbe(loop, clock=time)
    probe.start()
    sample(probe)
    assert "event_loop_lag" not in sample(probe)
    probe.end()


def test_after_its_end_nothing_listens_to_the_garbage_collector():
    before = list(gc.callbacks)
    probe = PythonProbe()
    probe.start()
    assert len(gc.callbacks) == len(before) + 1
    probe.end()
    probe.end()
    assert gc.callbacks == before
    with pytest.raises(StateError, match="not started"):
        sample(probe)


def test_a_copy_for_a_second_measurement_counts_for_itself(probe, time):
    other = copy.copy(probe)
    other.start()
    collect(time, 1.0)
    other.end()
    collect(time, 1.0)
    assert sample(probe)["gc_time"] == pytest.approx(2.0)


def test_from_outside_it_says_what_to_do():
    with pytest.raises(UnsupportedError, match="cannot measure process 7") as caught:
        PythonProbe().for_process(7)
    assert "default_probes" in str(caught.value)


def test_units_and_scope_are_declared(probe):
    units = {each.key: each.unit for each in PythonProbe(Loop()).metrics}
    assert units["gc_runs"] == "1/s"
    assert units["event_loop_lag"] == "s"
    assert {each.scope for each in probe.measures} == {"process"}
