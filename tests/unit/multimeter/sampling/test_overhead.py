from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import ConfigurationError
from multimeter.sampling.clock import RunClock
from multimeter.sampling.overhead import (
    GIL_KEY,
    CycleLimit,
    SamplerProbe,
    Sampling,
    checked_max_overhead,
)


@pytest.mark.parametrize("share", [0, -0.1, 1.01, math.nan, math.inf, True, "1"])
def test_an_overhead_that_is_not_a_share_is_refused(share):
    with pytest.raises(ConfigurationError, match="share above 0, up to 1"):
        checked_max_overhead(share)


@pytest.mark.parametrize("share", [None, 0.01, 1])
def test_a_share_or_none_is_taken(share):
    assert checked_max_overhead(share) == share


def costs(limit, *seconds):
    return [limit.spent(each) for each in seconds]


def test_cheap_samples_leave_the_cycle_time_alone():
    limit = CycleLimit(1.0, 0.01)
    assert not any(costs(limit, *[0.0099] * 100))
    assert limit.cycle_time == 1.0


def test_one_slow_sample_is_not_yet_a_reason():
    limit = CycleLimit(1.0, 0.01)
    assert not any(costs(limit, 0.07, *[0.0001] * 20))


def test_slow_samples_widen_the_cycle_until_they_cost_their_share():
    limit = CycleLimit(1.0, 0.01)
    assert any(costs(limit, *[0.03] * 200))
    assert limit.cycle_time == pytest.approx(3.3)


def test_it_widens_by_no_more_than_twice_at_once():
    limit = CycleLimit(1.0, 0.01)
    assert costs(limit, 5.0) == [True]
    assert limit.cycle_time == 2.0


def test_it_comes_back_when_samples_are_cheap_again_but_not_below_what_was_asked_for():
    limit = CycleLimit(1.0, 0.01)
    costs(limit, *[0.08] * 100)
    assert 8.0 <= limit.cycle_time <= 8.8
    costs(limit, *[0.0] * 100)
    assert limit.cycle_time == 1.0


def test_it_does_not_swing():
    limit = CycleLimit(1.0, 0.01)
    costs(limit, *[0.03] * 100)
    assert not any(costs(limit, *[0.025, 0.03] * 100))


@given(st.lists(st.floats(0, 100), max_size=60), st.floats(0.001, 1), st.floats(0.001, 10))
def test_a_cycle_time_is_never_below_what_was_asked_for(seconds, share, cycle):
    limit = CycleLimit(cycle, share)
    for cost in seconds:
        before = limit.cycle_time
        assert limit.spent(cost) == (limit.cycle_time != before)
        assert cycle <= limit.cycle_time <= 2 * before


@given(st.floats(0.0001, 1), st.floats(0.001, 1))
def test_a_steady_cost_ends_below_its_share(cost, share):
    limit = CycleLimit(0.01, share)
    costs(limit, *[cost] * 400)
    assert cost / limit.cycle_time <= share * 1.0001


def sample(probe, seconds=1.0):
    values = {}
    probe.sample(values, seconds)
    return {key.removeprefix("sampler."): value for key, value in values.items()}


def test_the_probe_tells_what_sampling_costs_and_how_it_keeps_its_times():
    probe = SamplerProbe()
    probe.sampling = Sampling(0.5, late=2, missed=1, sample_time=0.125)
    probe.start()
    probe.sampling.cpu_time, probe.sampling.gil_time = 0.5, 0.25
    assert sample(probe, 2.0) == {
        "overhead_cpu": 0.25,
        "overhead_gil": 0.125,
        "sample_time": 0.125,
        "cycle_time": 0.5,
        "samples_late": 2,
        "samples_missed": 1,
    }
    assert sample(probe)["overhead_cpu"] == 0.0
    assert sample(probe, 0.0)["overhead_cpu"] == 0.0


def test_without_a_sampler_there_is_nothing_to_tell():
    assert sample(SamplerProbe()) == {}


def test_the_time_with_the_interpreter_lock_is_an_upper_bound():
    bounds = {each.key: each.upper_bound for each in SamplerProbe().measures}
    assert [key for key, is_bound in bounds.items() if is_bound] == [GIL_KEY]
    assert {each.scope for each in SamplerProbe().measures} == {"process"}


def test_from_outside_it_tells_of_who_samples():
    probe = SamplerProbe()
    assert probe.for_process(1) is probe


def test_a_result_is_told_of_the_start_and_of_what_went_wrong():
    start = {"baseline": {"time_ns": 5, "values": {}}}
    assert Sampling(1.0, RunClock(5)).meta_data() == start
    sampling = Sampling(
        2.5, RunClock(7), baseline={"a.b": 1}, late=3, missed=4, widened=True
    )
    assert sampling.meta_data() == {
        "baseline": {"time_ns": 7, "values": {"a.b": 1}},
        "late_samples": 3,
        "missed_samples": 4,
        "widened_cycle_time": 2.5,
    }
