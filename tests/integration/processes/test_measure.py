"""Measuring a command from Python: whatever breaks, the command does not notice."""

from __future__ import annotations

import os
import signal

import pytest

from multimeter import (
    DummyStorage,
    Measure,
    Metric,
    Probe,
    ProbeError,
    StorageError,
    Subject,
)
from multimeter.processes.measure import RunOptions, measure_command, measure_process

VALUE = Measure(Subject("rig"), Metric("value"))


class RigProbe(Probe):
    metrics = (VALUE.metric,)
    subjects = (VALUE.subject,)
    measures = (VALUE,)

    def __init__(self, *, starts=True, samples=True):
        self.starts = starts
        self.samples = samples

    def for_process(self, pid):
        return self

    def start(self):
        if not self.starts:
            raise ProbeError("The rig is off.")

    def sample(self, values, time_elapsed):
        if not self.samples:
            raise OSError("broken")
        values[VALUE.key] = 1.0


class Full(DummyStorage):
    def __init__(self, error):
        self.error = error

    def store(self, result):
        raise self.error


def measured(*probes, storage=None):
    settings = RunOptions("x", probes, storage or DummyStorage(), {"a": "b"})
    return measure_command(["sh", "-c", "exit 3"], settings)


def test_further_probes_and_tags_are_in_the_result():
    outcome = measured(RigProbe())
    assert (outcome.exit_code, outcome.error) == (3, None)
    assert outcome.result.tags == {"a": "b"}
    assert set(outcome.result.values(VALUE.key)) == {1.0}


def test_a_probe_that_cannot_start_is_said_and_the_command_goes_on():
    outcome = measured(RigProbe(starts=False))
    assert (outcome.exit_code, outcome.result) == (3, None)
    assert "The rig is off." in str(outcome.error)


def test_a_probe_that_cannot_sample_is_said_and_the_others_go_on(caplog):
    outcome = measured(RigProbe(samples=False))
    assert (outcome.exit_code, outcome.error) == (3, None)
    assert "could not sample" in caplog.text
    assert "tree.cpu_time" in outcome.result.points[-1].values


def test_a_probe_that_looks_from_the_inside_is_left_out():
    class InsideProbe(RigProbe):
        def for_process(self, pid):
            return Probe.for_process(self, pid)

    outcome = measured(InsideProbe())
    assert outcome.exit_code == 3
    assert VALUE.key not in outcome.result.columns


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (StorageError("Full."), "Full."),
        (ZeroDivisionError("zero"), "not measured or stored"),
        (KeyboardInterrupt(), "was interrupted"),
    ],
)
def test_a_run_that_cannot_be_stored_is_still_there(error, text):
    outcome = measured(storage=Full(error))
    assert outcome.exit_code == 3
    assert text in str(outcome.error)
    assert len(outcome.result.points) >= 1


def test_signals_are_as_before_when_it_is_over():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    measured()
    measured(RigProbe(starts=False))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


class ToldProbe(RigProbe):
    """A signal comes while it starts."""

    def start(self):
        os.kill(os.getpid(), signal.SIGINT)


def test_told_to_end_while_it_starts_a_process_is_measured_once_and_stored():
    storage = DummyStorage()
    outcome = measure_process(os.getpid(), RunOptions("x", [ToldProbe()], storage))
    assert outcome.error is None
    assert len(outcome.result.times_ns) >= 1
