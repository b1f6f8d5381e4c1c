from __future__ import annotations

import random

import pytest

from multimeter.data.estimate import Estimate
from multimeter.processes.bench import Arm, compare_arms, is_sure, largest


def arms(turns, slower, noise=0.02, seed=3):
    draw = random.Random(seed)
    made = [Arm("a", ["true"]), Arm("again", ["true"]), Arm("b", ["true"])]
    for arm, factor in zip(made, (1.0, 1.0, slower)):
        for _ in range(turns):
            seconds = Estimate.exact(draw.gauss(1.0, noise) * factor)
            arm.runs.append({"cpu_time": seconds, "read": Estimate.exact(0, "disk")})
    return made


def cpu_time(some):
    return next(each for each in compare_arms(some) if each.id == "cpu_time")


def test_a_difference_has_an_interval_and_the_noise_beside_it():
    found = cpu_time(arms(10, 1.2))
    assert found.differs
    assert found.change.low < 0.2 < found.change.high
    assert largest(found.noise) < 0.06


@pytest.mark.parametrize("seed", range(8))
def test_runs_of_the_same_command_do_not_differ(seed):
    assert not cpu_time(arms(10, 1.0, seed=seed)).differs


def test_a_difference_that_does_not_matter_is_none():
    some = arms(10, 1.2)
    of_cpu = [each for each in compare_arms(some, 0.5) if each.id == "cpu_time"]
    assert [each.differs for each in of_cpu] == [False]


def test_it_is_sure_when_a_change_is_surely_below_the_smallest_that_matters():
    some = arms(12, 1.0, noise=0.03)
    assert not is_sure(some)
    assert is_sure(some, 0.2)


def test_what_is_never_used_has_no_share():
    (read,) = (each for each in compare_arms(arms(5, 1.0)) if each.id == "read")
    assert (read.first.value, read.change, read.noise, read.differs) == (
        0,
        None,
        None,
        False,
    )


def test_one_command_alone_has_its_median_and_its_noise():
    found = cpu_time(arms(6, 1.0)[:2])
    assert (found.second, found.change, found.differs) == (None, None, False)
    assert found.first.low <= found.first.value <= found.first.high


@pytest.mark.parametrize(
    ("turns", "slower", "noise", "sure"),
    [
        (4, 2.0, 0.001, False),
        (5, 2.0, 0.02, True),
        (10, 1.0, 0.0005, True),
        (10, 1.0, 0.1, False),
    ],
)
def test_it_is_sure_when_the_commands_differ_or_are_known_well(turns, slower, noise, sure):
    assert is_sure(arms(turns, slower, noise)) is sure


def test_a_figure_that_a_command_never_has_is_left_out():
    some = arms(5, 1.0)
    for run in some[2].runs:
        del run["read"]
    assert [each.id for each in compare_arms(some)] == ["cpu_time"]
