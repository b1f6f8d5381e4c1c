from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.analysis.figures import Figure
from multimeter.analysis.gate import judge, parse_requirement
from multimeter.analysis.noise import difference_of, median_of
from multimeter.data.estimate import Estimate


def exact(*values):
    return [Estimate.exact(each) for each in values]


def minus(value, other):
    return value - other


def test_of_one_run_a_side_the_bounds_are_those_of_the_figures():
    run, other = Estimate(10.0, 9.0, 12.0), Estimate(5.0, 4.0, 6.0)
    assert difference_of([run], [other], minus) == Estimate(5.0, 3.0, 8.0)
    assert difference_of(exact(10.0), exact(5.0), minus).is_exact


def test_the_median_of_several_runs_has_an_interval():
    median = median_of(exact(1.0, 1.1, 0.9, 1.05, 0.95))
    assert median.value == 1.0
    assert 0.9 <= median.low < 1.0 < median.high <= 1.1


def test_a_bound_that_one_run_lacks_makes_the_difference_unbounded_above():
    runs = [Estimate.at_least(each, None) for each in (1.0, 2.0, 3.0)]
    difference = difference_of(runs, exact(1.0, 1.0, 1.0), minus)
    assert difference.value == 1.0
    assert difference.high is None
    assert difference.flags == ("at least",)


def test_what_was_not_seen_has_no_difference_but_bounds():
    assert difference_of([Estimate(None, 0, 9)], exact(5), minus) == Estimate(None, -5, 4)


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=9))
def test_the_median_lies_between_its_bounds_and_they_between_the_runs(values):
    median = median_of(exact(*values))
    assert min(values) <= median.low <= median.value <= median.high <= max(values)


@pytest.mark.parametrize(("slower", "alarms"), [(1.0, range(1)), (1.3, range(28, 31))])
def test_equal_runs_raise_no_alarm_and_slower_ones_do(slower, alarms):
    """Noise of 3.3 %: one run against one other alarms in 14 % at a limit of +5 %."""
    noise = random.Random(7)
    requirement = parse_requirement("cpu_time=+5%", "max")

    def runs(factor):
        return [
            [
                Figure(
                    "cpu_time",
                    "CPU time",
                    "s",
                    Estimate.exact(noise.gauss(1, 0.033) * factor),
                )
            ]
            for _ in range(5)
        ]

    verdicts = [judge([requirement], runs(slower), runs(1.0))[0] for _ in range(30)]
    assert sum(each.kept is False for each in verdicts) in alarms
