from __future__ import annotations

import os
import subprocess
import sys

import pytest

from multimeter import Probe, ResourceProbe, StateError, UnsupportedError
from multimeter import metric as metrics
from multimeter import probe as probe_module
from multimeter.subject import SUBJECT_CHILDREN, SUBJECT_PROCESS

RATES = [
    "cpu_rate_user",
    "cpu_rate_system",
    "memory_page_faults_without_io",
    "memory_page_faults_with_io",
    "memory_swap_ops",
    "io_block_in",
    "io_block_out",
    "context_switches_vol",
    "context_switches_invol",
]
MEMORY = ["memory_rss_max", "memory_rss_shared", "memory_rss_data", "memory_rss_stack"]
KEYS = {
    f"{subject}.{metric}"
    for subject in ("process", "children")
    for metric in (*RATES, *MEMORY)
}


class Usages:
    """Stands for the module resource; each count grows by its own place at each call."""

    RUSAGE_SELF, RUSAGE_CHILDREN = 0, -1

    def __init__(self):
        self.calls = {0: 0, -1: 0}

    def getrusage(self, who):
        self.calls[who] += 1
        sign = 1 if who == 0 else 100
        return tuple(sign * self.calls[who] * place for place in range(1, 17))


@pytest.fixture
def usages(monkeypatch):
    usages = Usages()
    monkeypatch.setattr(probe_module, "resource", usages)
    return usages


def sample(probe, seconds):
    values = {}
    probe.sample(values, seconds)
    return values


def test_a_resource_probe_gives_13_metrics_on_the_process_and_its_children():
    probe = ResourceProbe()
    assert isinstance(probe, Probe)
    assert set(probe.metrics) == {
        getattr(metrics, name) for name in metrics.__all__ if name.startswith("METRIC_")
    }
    assert len(probe.metrics) == 13
    assert probe.subjects == (SUBJECT_PROCESS, SUBJECT_CHILDREN)
    assert {measure.key for measure in probe.measures} == KEYS
    assert len(probe.measures) == 26


def test_a_sample_has_a_value_for_each_measure():
    probe = ResourceProbe()
    probe.start()
    values = sample(probe, 1.0)
    assert set(values) == KEYS
    assert all(type(values[measure.key]) in (int, float) for measure in probe.measures)
    assert values["process.memory_rss_max"] > 1_000
    probe.end()


def test_a_sample_before_the_start_is_a_clear_error():
    with pytest.raises(StateError, match="not started") as caught:
        sample(ResourceProbe(), 1.0)
    assert isinstance(caught.value, RuntimeError)


def test_counts_are_rates_since_the_sample_before_and_memory_is_as_it_is(usages):
    probe = ResourceProbe()
    probe.start()
    sample(probe, 1.0)
    values = sample(probe, 2.0)
    # The places of getrusage(2): what was counted there grows by place + 1 each call.
    places = dict(zip(RATES, (1, 2, 7, 8, 9, 10, 11, 15, 16)))
    assert {key: values[f"process.{key}"] for key in RATES} == {
        key: place / 2.0 for key, place in places.items()
    }
    assert [values[f"process.{key}"] for key in MEMORY] == [9, 12, 15, 18]
    assert {key: values[f"children.{key}"] for key in RATES} == {
        key: 100 * place / 2.0 for key, place in places.items()
    }
    assert [values[f"children.{key}"] for key in MEMORY] == [900, 1200, 1500, 1800]


def test_the_system_is_asked_twice_for_a_sample(usages):
    probe = ResourceProbe()
    probe.start()
    sample(probe, 1.0)
    assert usages.calls == {0: 2, -1: 2}


def test_children_that_stand_still_have_no_rates_and_the_memory_that_they_had(usages):
    probe = ResourceProbe()
    probe.start()
    sample(probe, 1.0)
    last = usages.getrusage(-1)
    usages.calls[-1] -= 1
    usages.getrusage = lambda who: last if who == -1 else Usages.getrusage(usages, who)
    assert sample(probe, 1.0)["children.memory_rss_max"] == 900
    still = sample(probe, 1.0)
    assert [still[f"children.{key}"] for key in RATES] == [0.0] * len(RATES)
    assert [still[f"children.{key}"] for key in MEMORY] == [900, 1200, 1500, 1800]
    assert still["process.cpu_rate_user"] == 1.0


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_rate_over_no_time_is_zero(usages, seconds):
    probe = ResourceProbe()
    probe.start()
    values = sample(probe, seconds)
    assert {values[f"{who}.{key}"] for who in ("process", "children") for key in RATES} == {
        0.0
    }


def test_macos_counts_memory_in_bytes(usages, monkeypatch):
    monkeypatch.setattr(probe_module, "_MEMORY_UNITS_IN_KB", 4)
    probe = ResourceProbe()
    probe.start()
    assert sample(probe, 1.0)["children.memory_rss_max"] == 600 // 4


def test_other_values_are_left_alone():
    probe = ResourceProbe()
    probe.start()
    values = {"mine": 1}
    probe.sample(values, 1.0)
    assert values["mine"] == 1
    assert len(values) == 27


def test_cpu_time_that_is_used_is_seen():
    probe = ResourceProbe()
    probe.start()
    spent = os.times().user
    while os.times().user - spent < 0.05:
        sum(range(10_000))
    assert sample(probe, 0.1)["process.cpu_rate_user"] > 0


def test_a_child_that_has_ended_is_seen():
    probe = ResourceProbe()
    probe.start()
    subprocess.run([sys.executable, "-S", "-c", "sum(range(10**6))"], check=True)
    values = sample(probe, 0.01)
    assert values["children.cpu_rate_user"] + values["children.cpu_rate_system"] > 0
    assert values["children.memory_rss_max"] > 1_000


def test_without_the_module_resource_the_probe_says_what_to_use(monkeypatch):
    monkeypatch.setattr(probe_module, "resource", None)
    with pytest.raises(UnsupportedError) as caught:
        ResourceProbe()
    assert isinstance(caught.value, OSError)
    assert "ProcessProbe()" in str(caught.value)


def test_a_probe_of_ones_own_implements_what_it_gives_and_how_it_is_sampled():
    class Constant(Probe):
        metrics = subjects = measures = ()

        def sample(self, values, time_elapsed):
            values["a"] = time_elapsed

    probe = Constant()
    probe.start()
    assert sample(probe, 3.0) == {"a": 3.0}
    probe.end()
    with pytest.raises(TypeError, match="abstract"):
        Probe()
