from __future__ import annotations

import itertools

import pytest

from multimeter.processes.measure import Schedule


class Watched:
    """Follows a pace by a clock of its own, for some seconds."""

    def __init__(self, cycle_time=None):
        self.now = 0.0
        self.samples, self.glances = [], []
        self.pace = Schedule(
            lambda: self.samples.append(self.now),
            lambda: self.glances.append(self.now),
            cycle_time,
            lambda: self.now,
        )

    def follow(self, seconds):
        while self.now < seconds:
            self.now += self.pace.look()
        return self


def test_the_first_sample_is_taken_at_once():
    assert Watched().follow(0.001).samples == [0.0]


def test_a_run_of_any_length_has_some_hundred_samples():
    for seconds in (1, 10, 60):
        assert 40 < len(Watched().follow(seconds).samples) < 500


def test_after_a_while_the_samples_are_left_to_the_sampler():
    watched = Watched().follow(3_600)
    assert watched.samples[-1] < 60


def test_between_samples_it_is_looked_at_so_often_that_little_of_its_life_is_missed():
    watched = Watched().follow(5)
    looks = sorted([*watched.samples, *watched.glances])
    for before, after in itertools.pairwise(looks):
        assert after - before <= max(0.0011, 0.05 * after)


def test_with_a_cycle_time_only_the_first_sample_is_asked_for():
    watched = Watched(cycle_time=0.1).follow(10)
    assert watched.samples == [0.0]
    assert len(watched.glances) > 100


def test_looking_costs_little_in_the_long_run():
    watched = Watched(cycle_time=5.0).follow(1_000)
    before = len(watched.glances)
    assert len(watched.follow(1_100).glances) - before == pytest.approx(100, abs=2)


def test_samples_that_come_late_or_not_at_all_are_counted_at_any_pace():
    watched = Watched().follow(0.3)
    assert (watched.pace.late, watched.pace.missed) == (0, 0)
    assert watched.pace.meta_data() == {}
    watched.now += 0.2  # nothing was read: at 0.02 s, nine samples are missing
    watched.pace.look()
    assert watched.pace.late == 1
    assert 8 <= watched.pace.missed <= 10
    assert watched.pace.meta_data().keys() == {"late_samples", "missed_samples"}


def test_a_punctual_run_of_a_minute_misses_nothing():
    watched = Watched().follow(60)
    assert (watched.pace.late, watched.pace.missed) == (0, 0)
