from __future__ import annotations

import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import ConfigurationError, ProbeError
from multimeter.sampling.clock import RunClock, SystemClock
from multimeter.sampling.overhead import SamplerProbe
from multimeter.sampling.sampler import Sampler, Ticks, checked_cycle_time


class Points(list):
    def __call__(self, time_ns, values):
        self.append((time_ns, values))

    @property
    def times(self):
        return [time_ns for time_ns, _ in self]


def run(clock, *probes, cycle_time=1.0, sink=None, **more):
    """Sample until the clock has no ticks left, then end."""
    points = Points()
    sampler = Sampler(probes, cycle_time, sink or points, clock, **more)
    sampler.start()
    assert clock.idle.wait(10)
    sampler.end()
    return points, sampler


def seconds_since(start_ns, points):
    return [(time_ns - start_ns) / 1e9 for time_ns in points.times]


@pytest.mark.parametrize("cycle_time", [0, -1, math.nan, math.inf, True, "1", None])
def test_a_cycle_time_that_is_not_a_positive_number_is_refused(cycle_time):
    with pytest.raises(ConfigurationError, match="positive number of seconds"):
        checked_cycle_time(cycle_time)


def test_a_sample_is_taken_each_cycle_and_one_at_the_end(make_clock, make_probe):
    clock, probe = make_clock(ticks=3), make_probe()
    start = clock.time
    points, sampler = run(clock, probe)
    assert seconds_since(start, points)[:3] == [1.0, 2.0, 3.0]
    assert len(points) == 4
    assert sampler.missed == 0
    assert points[0][1] == {"stub.value": 1.0}


def test_late_samples_do_not_push_later_ones_back(make_clock, make_probe):
    clock = make_clock(ticks=5, late=0.25)
    start = clock.time
    points, sampler = run(clock, make_probe())
    assert seconds_since(start, points)[:5] == [1.25, 2.25, 3.25, 4.25, 5.25]
    assert clock.waits == [1.0] + [0.75] * 4
    assert sampler.missed == 0


def test_probes_are_told_how_much_time_has_passed(make_clock, make_probe):
    probe = make_probe()
    run(make_clock(ticks=2, late=0.5), probe)
    assert probe.elapsed == [1.5, 1.0, 1e-6]


def test_missed_ticks_are_counted_and_said_once(make_clock, make_probe, caplog):
    clock = make_clock(ticks=4)
    probe = make_probe(on_sample=lambda: clock.advance(2.5))
    _, sampler = run(clock, probe)
    assert clock.waits == [1.0, 0.5, 0.5, 0.5]
    assert sampler.missed == 8
    (record,) = caplog.records
    assert record.name == "multimeter"
    assert record.levelno == logging.WARNING
    assert "missed 8 samples" in record.getMessage()


@given(st.integers(1, 10**10), st.lists(st.integers(0, 10**11), max_size=20))
def test_deadlines_are_whole_cycles_after_the_start_and_lie_ahead(cycle, steps):
    ticks, now = Ticks(start_ns=5, cycle_ns=cycle), 5
    deadlines = []
    for step in steps:
        now += step
        deadlines.append(ticks.advance(now))
        assert (deadlines[-1] - 5) % cycle == 0
        assert deadlines[-1] > now
    assert deadlines == sorted(set(deadlines))
    passed = (deadlines[-1] - 5) // cycle if deadlines else 0
    assert ticks.missed == passed - len(deadlines)


def test_the_end_does_not_wait_for_the_next_cycle(make_probe):
    probe, points = make_probe(), Points()
    sampler = Sampler([probe], 1e6, points)
    sampler.start()
    sampler.end()
    assert len(points) == 1
    assert probe.ended == 1


def test_probes_are_started_and_ended_once(make_clock, make_probe):
    probes = [make_probe("a"), make_probe("b")]
    run(make_clock(ticks=2), *probes)
    assert [(each.started, each.ended) for each in probes] == [(1, 1), (1, 1)]


def fail():
    raise RuntimeError("broken")


def test_a_probe_that_raises_is_reported_once_and_the_others_go_on(
    make_clock, make_probe, caplog
):
    broken, good = make_probe("broken", on_sample=fail), make_probe("good")
    points, _ = run(make_clock(ticks=3), broken, good)
    assert [values for _, values in points] == [{"stub.good": 1.0}] * 4
    (record,) = caplog.records
    assert "StubProbe could not sample" in record.getMessage()
    assert record.exc_info[0] is RuntimeError
    assert broken.ended == 1


def test_a_probe_that_cannot_end_is_reported_and_the_others_are_ended(
    make_clock, make_probe, caplog
):
    broken, good = make_probe("a"), make_probe("b")
    broken.end = fail
    run(make_clock(ticks=0), broken, good)
    assert good.ended == 1
    assert "could not end" in caplog.text


def test_a_probe_that_cannot_start_ends_those_before_it(make_clock, make_probe):
    first, broken, last = make_probe("a"), make_probe("b"), make_probe("c")
    broken.start = fail
    sampler = Sampler([first, broken, last], 1.0, Points(), make_clock(ticks=0))
    with pytest.raises(ProbeError, match="StubProbe could not start: broken"):
        sampler.start()
    assert (first.ended, last.started) == (1, 0)


def test_a_point_that_cannot_be_kept_does_not_end_the_sampling(
    make_clock, make_probe, caplog
):
    kept = []

    def sink(time_ns, values):
        kept.append(time_ns)
        if len(kept) == 1:
            fail()

    run(make_clock(ticks=2), make_probe(), sink=sink)
    assert len(kept) == 3
    assert "could not keep a point" in caplog.text


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_step_of_the_time_of_day_moves_no_point_and_is_recorded(
    make_clock, make_probe, hours
):
    clock = make_clock(ticks=4)
    start = clock.time
    probe = make_probe()

    def step():
        if len(probe.elapsed) == 2:
            clock.time += hours * 3_600 * 10**9

    probe.on_sample = step
    points, sampler = run(clock, probe)
    assert seconds_since(start, points)[:4] == [1.0, 2.0, 3.0, 4.0]
    assert probe.elapsed[:4] == [1.0] * 4
    (recorded,) = sampler.sampling.meta_data()["clock_steps"]
    assert recorded == {"time_ns": points.times[2], "seconds": hours * 3_600.0}


def test_a_suspend_is_a_gap_and_misses_no_sample(make_clock, make_probe):
    clock = make_clock(ticks=3)
    start = clock.time
    probe = make_probe()

    def suspend():
        if len(probe.elapsed) == 1:
            clock.suspended += 60 * 10**9
            clock.time += 60 * 10**9

    probe.on_sample = suspend
    points, sampler = run(clock, probe)
    assert seconds_since(start, points)[:3] == [1.0, 62.0, 63.0]
    assert probe.elapsed[:3] == [1.0, 61.0, 1.0]
    assert sampler.sampling.meta_data()["suspended"] == 60.0
    assert "clock_steps" not in sampler.sampling.meta_data()
    assert sampler.missed == sampler.sampling.late == 0


@given(st.lists(st.integers(-(10**13), 10**13), max_size=20))
def test_the_clock_of_a_run_tells_whole_microseconds_since_one_anchor(readings):
    class Clock(SystemClock):
        now = 123_456_789

        def boottime_ns(self):
            return self.now

    clock = Clock()
    of_run = RunClock.start(clock)
    for reading in readings:
        clock.now = reading
        time_ns = of_run.time_ns(clock)
        assert time_ns % 1_000 == 0
        assert 0 <= reading - 123_456_789 - (time_ns - of_run.started_ns) < 1_000


def test_a_clock_that_is_set_all_the_time_does_not_fill_the_memory(make_clock):
    clock = make_clock(ticks=0)
    of_run = RunClock.start(clock)
    for _ in range(1_000):
        clock.time += 10**9
        of_run.watch(clock)
    assert len(of_run.steps) == 100


def test_the_growth_that_a_probe_could_not_give_is_in_its_next_sample(
    make_clock, make_probe
):
    steady, flaky = make_probe("a"), make_probe("b")
    seen = []

    def sample(values, time_elapsed):
        values["stub.b"] = 1.0
        if len(steady.elapsed) in (2, 3):
            raise RuntimeError("broken")
        seen.append(time_elapsed)

    flaky.sample = sample
    points, _ = run(make_clock(ticks=5), steady, flaky)
    assert seen[:3] == [1.0, 3.0, 1.0]
    assert [("stub.b" in values) for _, values in points[:4]] == [True, False, False, True]


def test_samples_that_the_end_finds_missing_are_counted(make_clock, make_probe):
    clock = make_clock(ticks=2)
    points = Points()
    sampler = Sampler([make_probe()], 1.0, points, clock)
    sampler.start()
    assert clock.idle.wait(10)
    clock.advance(5.5)
    sampler.end()
    assert len(points) == 3
    assert (sampler.missed, sampler.sampling.late) == (4, 1)


def test_a_clock_that_is_set_back_does_not_turn_the_points_around(make_clock, make_probe):
    clock = make_clock(ticks=4)
    start, samples = clock.time, []

    def set_back():
        samples.append(clock.time)
        if len(samples) == 2:
            clock.time -= 3_600 * 10**9

    points, sampler = run(clock, make_probe(on_sample=set_back))
    assert seconds_since(start, points)[:4] == [1.0, 2.0, 3.0, 4.0]
    assert points.times == sorted(set(points.times))
    assert sampler.time_ns() >= points.times[-1]


def test_samples_of_the_same_moment_have_times_of_their_own(make_clock, make_probe):
    clock = make_clock(ticks=0)
    points, _ = run(clock, make_probe())
    assert points.times == [clock.time + 1_000]


def test_the_clock_of_the_system_tells_the_time_and_waits_for_an_event():
    clock = SystemClock()

    class Event:
        def wait(self, seconds):
            self.seconds = seconds
            return True

    event = Event()
    assert clock.wait(event, 1e300) is True
    assert event.seconds < 1e12
    assert clock.monotonic_ns() <= clock.monotonic_ns()
    assert clock.time_ns() > 1_600_000_000 * 10**9


class CpuClock:
    """Tells that each sample costs so many seconds, one after the other."""

    def __init__(self, *seconds):
        self.seconds = list(seconds)
        self.now = 0

    def __call__(self):
        self.now += round((self.seconds.pop(0) if self.seconds else 0) * 1e9)
        return self.now


def test_samples_that_come_late_are_counted(make_clock, make_probe):
    _, sampler = run(make_clock(ticks=5, late=0.25), make_probe())
    assert sampler.sampling.late == 5
    _, sampler = run(make_clock(ticks=5, late=0.05), make_probe())
    assert (sampler.sampling.late, sampler.sampling.samples) == (0, 6)


def test_the_cost_of_sampling_is_added_up(make_clock, make_probe):
    clock = CpuClock(0.5, 0.25, 0.125)
    _, sampler = run(make_clock(ticks=2), make_probe(), cpu_clock=clock)
    assert sampler.sampling.cpu_time == pytest.approx(0.875)
    assert sampler.sampling.gil_time == pytest.approx(0.875)
    _, outside = run(make_clock(ticks=2), cpu_clock=CpuClock(0.5), inside=False)
    assert (outside.sampling.cpu_time, outside.sampling.gil_time) == (0.5, 0.0)


def test_how_long_a_sample_takes_is_told(make_clock, make_probe):
    clock = make_clock(ticks=1)
    _, sampler = run(clock, make_probe(on_sample=lambda: clock.advance(0.125)))
    assert sampler.sampling.sample_time == 0.125


def test_the_cycle_time_widens_when_sampling_costs_too_much(make_clock, make_probe, caplog):
    clock = make_clock(ticks=20)
    cpu = CpuClock(*[0.04] * 20)
    points, sampler = run(clock, make_probe(), max_overhead=0.01, cpu_clock=cpu)
    assert 4.0 <= sampler.sampling.cycle_time <= 4.4
    assert sampler.sampling.widened
    steps = [(b - a) / 1e9 for a, b in zip(points.times, points.times[1:])]
    assert steps[:-1] == sorted(steps[:-1])
    assert set(steps[:-1]) == {1.0, 2.0, 4.0}
    (record,) = caplog.records
    assert "Sampling exceeds its maximum overhead" in record.getMessage()


def test_without_a_limit_the_cycle_time_stays(make_clock, make_probe):
    cpu = CpuClock(*[0.9] * 20)
    _, sampler = run(make_clock(ticks=20), make_probe(), cpu_clock=cpu)
    assert sampler.sampling.cycle_time == 1.0
    assert not sampler.sampling.widened


def test_the_probe_of_the_sampler_is_given_its_numbers(make_clock):
    cpu = CpuClock(0.5)
    points, _ = run(make_clock(ticks=3, late=0.5), SamplerProbe(), cpu_clock=cpu)
    values = points[1][1]
    assert values["sampler.overhead_cpu"] == pytest.approx(0.5)
    assert values["sampler.samples_late"] == 1
    assert values["sampler.cycle_time"] == 1.0


def test_the_baseline_of_all_probes_is_kept(make_clock, make_probe, caplog):
    first, broken, last = make_probe("a"), make_probe("b"), make_probe("c")
    first.baseline = lambda: {"stub.a": 1}
    broken.baseline = lambda: 1 / 0
    last.baseline = lambda: {"stub.c": 3}
    clock = make_clock(ticks=0)
    start = clock.time
    _, sampler = run(clock, first, broken, last)
    assert sampler.sampling.baseline == {"stub.a": 1, "stub.c": 3}
    assert sampler.sampling.clock.started_ns == start
    (record,) = caplog.records
    assert "could not read the baseline" in record.getMessage()


def test_the_measures_are_those_of_all_probes(make_clock, make_probe):
    _, sampler = run(make_clock(ticks=0), make_probe("a"), make_probe("b", "c"))
    assert [each.key for each in sampler.measures] == ["stub.a", "stub.b", "stub.c"]


def test_ticks_go_on_with_another_cycle_time():
    ticks = Ticks(0, 10)
    assert ticks.advance(0) == 10
    ticks.change(15, 100)
    assert ticks.advance(16) == 115
    assert (ticks.cycle_ns, ticks.missed) == (100, 0)
    assert ticks.advance(350) == 415
    assert ticks.missed == 2


def run_asked(clock, plan):
    """Sample by a plan: the seconds after which somebody asks, or None for a tick."""
    points, wait = Points(), clock.wait
    clock.ticks = len(plan)
    sampler = Sampler([], 1.0, points, clock)

    def ask(event, seconds):
        asked = plan.pop(0) if plan else None
        if asked is None:
            return wait(event, seconds)
        clock.waits.append(seconds)
        sampler.sample_soon()
        assert event.is_set()
        clock.advance(asked)
        return True

    clock.wait = ask
    sampler.start()
    assert clock.idle.wait(10)
    sampler.end()
    return points, sampler


def test_a_sample_that_is_asked_for_moves_no_other(make_clock):
    clock = make_clock(ticks=0)
    start = clock.time
    points, sampler = run_asked(clock, [0.25, None, 0.5, 0.25, None])
    assert seconds_since(start, points)[:5] == [0.25, 1.0, 1.5, 1.75, 2.0]
    assert clock.waits == [1.0, 0.75, 1.0, 0.5, 0.25]
    assert (sampler.missed, sampler.sampling.late) == (0, 0)


def test_a_sample_that_is_asked_for_when_one_is_due_takes_its_place(make_clock):
    clock = make_clock(ticks=0)
    start = clock.time
    points, sampler = run_asked(clock, [1.0, None])
    assert seconds_since(start, points)[:2] == [1.0, 2.0]
    assert sampler.missed == 0
