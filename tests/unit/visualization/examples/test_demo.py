from __future__ import annotations

import math

import pytest

from multimeter.visualization.examples.demo import EPOCHS, Work
from multimeter.visualization.examples.simulation import (
    CODENAMES,
    Model,
    ModelProbe,
    Timeline,
    values_at,
)

LABELS = [
    "load the data",
    *(f"epoch {number + 1}" for number in range(EPOCHS)),
    "check in children",
    "save",
    "give back",
]


class Clock:
    """Each look takes a millisecond; who sleeps wakes in time."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.001
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def timeline_of(seconds):
    clock = Clock()
    return Timeline(seconds, clock, clock.sleep), clock


def test_steps_come_at_even_times():
    timeline, clock = timeline_of(10)
    times = [round(clock.now, 1) for _ in timeline.steps(0.2, 0.6, 4)]
    assert times == [2.0, 3.0, 4.0, 5.0]


def test_a_slow_machine_leaves_out_what_would_begin_too_late():
    timeline, clock = timeline_of(10)
    seen = []
    for number in timeline.steps(0.2, 0.6, 4):
        seen.append(number)
        clock.now += 2.5
    assert seen == [0, 1]


def test_of_a_part_that_is_over_one_step_is_done_all_the_same():
    timeline, clock = timeline_of(10)
    clock.now = 9
    assert list(timeline.steps(0.2, 0.6, 4)) == [0]


def test_the_parts_are_marked_in_their_order_and_take_the_time_that_was_asked_for(tmp_path):
    timeline, clock = timeline_of(10)
    labels = []
    Work(timeline, Model(), tmp_path, labels.append, block_bytes=4096)()
    assert labels == LABELS
    assert clock.now == pytest.approx(10, abs=0.1)


def test_a_model_learns_the_same_each_time():
    losses = []
    for model in (Model(), Model()):
        before = model.loss
        for _ in range(250):
            model.step()
        losses.append((before, model.loss))
    assert losses[0] == losses[1]
    assert losses[0][0] == math.log(2)
    assert losses[0][1] < 0.4


def test_the_probe_says_what_it_samples_and_in_which_unit():
    model = Model()
    probe, values = ModelProbe(model), {}
    probe.sample(values, 0.1)
    assert values == {"model.loss": math.log(2), "model.accuracy": 50.0}
    assert [each.unit for each in probe.metrics] == ["nats", "%"]
    assert all(each.description for each in probe.metrics)


def test_interrupted_the_work_lets_go_of_its_memory(tmp_path):
    timeline, _ = timeline_of(10)

    def interrupt(label):
        if label == "epoch 2":
            raise KeyboardInterrupt

    work = Work(timeline, Model(), tmp_path, interrupt, block_bytes=4096)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert work._blocks == []


def test_the_rig_logs_values_for_a_log_axis_with_units():
    assert list(values_at(0.0)) == list(CODENAMES)
    pressures = [values_at(number / 100)["demo_pressure"] for number in range(101)]
    assert pressures[0] > 900
    assert 0 < min(pressures) < 0.01
    assert all(unit and text for unit, text in CODENAMES.values())
