from __future__ import annotations

import pytest

from multimeter import ConfigurationError
from multimeter.analysis.figures import Figure
from multimeter.analysis.gate import judge, parse_requirement
from multimeter.data.estimate import Estimate


def figures(**values):
    units = {"duration": "s", "peak_memory": "bytes"}
    return [
        Figure(key, key, units.get(key, ""), Estimate.exact(value))
        for key, value in values.items()
    ]


def kept(text, value, before=None, direction="max"):
    requirement = parse_requirement(text, direction)
    baselines = [] if before is None else [figures(**{requirement.figure_id: before})]
    run = figures(**{requirement.figure_id: value})
    (verdict,) = judge([requirement], [run], baselines)
    return verdict.kept


def test_the_limit_itself_is_allowed_and_no_more():
    assert kept("duration=2s", 2.0)
    assert not kept("duration=2s", 2.0000001)
    assert kept("peak_memory=+10%", 110.0, 100.0)
    assert not kept("peak_memory=+10%", 111.0, 100.0)


def test_a_minimum_is_the_other_way_round():
    assert kept("duration=2s", 2.0, direction="min")
    assert not kept("duration=2s", 1.9, direction="min")
    assert kept("duration=-50%", 1.0, 2.0, direction="min")
    assert not kept("duration=-50%", 0.9, 2.0, direction="min")


def test_a_baseline_of_zero_allows_zero():
    assert kept("page_faults=+10%", 0.0, 0.0)
    assert not kept("page_faults=+10%", 1.0, 0.0)


def test_a_figure_that_was_not_measured_never_passes():
    requirement = parse_requirement("gpu_memory=1GiB", "max")
    with pytest.raises(ConfigurationError, match="run has no figure 'gpu_memory'"):
        judge([requirement], [figures(duration=1.0)])
    relative = parse_requirement("duration=+1s", "max")
    with pytest.raises(ConfigurationError, match="baseline has no figure 'duration'"):
        judge([relative], [figures(duration=1.0)], [figures(peak_memory=1.0)])


def test_a_relative_limit_without_a_baseline_is_an_error():
    with pytest.raises(ConfigurationError, match="--baseline"):
        kept("duration=+1s", 0.1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("duration", "not KEY=LIMIT"),
        ("durations=2s", "no figure 'durations'"),
        ("=2s", "no figure ''"),
        ("duration=", "is no limit"),
        ("duration=2MiB", "is no limit"),
    ],
)
def test_what_cannot_be_understood_is_refused(text, said):
    with pytest.raises(ConfigurationError, match=said):
        parse_requirement(text, "max")


def test_a_near_name_is_offered():
    with pytest.raises(ConfigurationError) as refused:
        parse_requirement("peak_mem=1", "max")
    assert "peak_memory" in refused.value.next_step


BOUNDED = Figure(
    "peak_memory", "Peak memory", "bytes", Estimate.at_least(4096, 35 << 20, "proc")
)


def bounded(direction, limit, before=()):
    requirement = parse_requirement(f"peak_memory={limit}", direction)
    (verdict,) = judge([requirement], [[BOUNDED]], before)
    return verdict.kept


@pytest.mark.parametrize(
    ("direction", "limit", "kept"),
    [
        ("max", "10MiB", None),
        ("max", "4KiB", None),
        ("min", "35MiB", None),
        ("max", "35MiB", True),
        ("max", "4095B", False),
        ("min", "4KiB", True),
        ("min", "36MiB", False),
    ],
)
def test_a_limit_between_the_bounds_of_a_figure_cannot_be_told(direction, limit, kept):
    assert bounded(direction, limit) is kept


@pytest.mark.parametrize(
    ("limit", "kept"), [("+10%", None), ("+40MiB", True), ("-35MiB", False)]
)
def test_the_bounds_of_the_baseline_move_a_relative_limit(limit, kept):
    assert bounded("max", limit, [[BOUNDED]]) is kept


def test_a_figure_that_was_not_seen_keeps_a_limit_above_its_bound_only():
    unseen = Figure("peak_memory", "Peak memory", "bytes", Estimate(None, 0, 9 << 20))
    for limit, kept in (("10MiB", True), ("1MiB", None)):
        requirement = parse_requirement(f"peak_memory={limit}", "max")
        (verdict,) = judge([requirement], [[unseen]])
        assert verdict.kept is kept


def several(*values):
    return [figures(cpu_time=each) for each in values]


BASE = several(1.00, 1.03, 0.98, 1.01, 0.99)


@pytest.mark.parametrize(
    ("runs", "limit", "kept"),
    [
        (several(1.01, 0.99, 1.02, 1.00, 0.98), "+10%", True),
        (several(1.31, 1.29, 1.30, 1.33, 1.28), "+10%", False),
        (several(1.01, 1.20, 1.09, 1.11, 1.02), "+10%", None),
        (several(1.01, 0.99, 1.02, 1.00, 0.98), "2s", True),
        (several(2.31, 2.29, 2.32, 2.30, 2.28), "2s", False),
    ],
)
def test_of_several_runs_a_side_the_medians_count_and_the_noise(runs, limit, kept):
    (verdict,) = judge([parse_requirement(f"cpu_time={limit}", "max")], runs, BASE)
    assert verdict.kept is kept
    assert verdict.runs == (5, 5)
