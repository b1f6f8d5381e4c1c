from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import Measure, Metric, Result, Schema, Subject
from multimeter.analysis.figures import figures_of
from multimeter.analysis.statistics import RunStatistics, earlier_points, own_marks_ns

RATE = Measure(Subject("process"), Metric("io_write", unit="B/s"))
SECOND = 10**9


def result_of(*points, start=None):
    result = Result.of_schema(Schema.of_measures([RATE]))
    for time, value in points:
        result.append(round(time * SECOND), {} if value is None else {RATE.key: value})
    if start is not None:
        result.add_meta_data(baseline={"time_ns": round(start * SECOND), "values": {}})
    return result


def total_of(result, key):
    return RunStatistics(result).total([key])


def test_a_rate_times_its_time_is_what_was_counted():
    result = result_of((1, 10.0), (3, 5.0), (3.5, 4.0), start=0)
    assert total_of(result, RATE.key) == pytest.approx(10 + 10 + 2)


def test_without_a_start_the_first_point_adds_nothing():
    assert total_of(result_of((1, 10.0), (3, 5.0)), RATE.key) == pytest.approx(10)
    assert total_of(result_of((1, 10.0)), RATE.key) is None


def test_a_value_stands_for_the_time_since_the_value_before_it():
    result = result_of((1, 10.0), (2, None), (3, 1.0), start=0)
    assert total_of(result, RATE.key) == pytest.approx(10 + 2)
    assert RunStatistics(result).mean([RATE.key]) == pytest.approx(12 / 3)


def test_without_any_value_there_is_no_total():
    assert total_of(result_of(start=0), RATE.key) is None
    assert total_of(result_of((1, None), start=0), RATE.key) is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_adds_nothing(value):
    result = result_of((1, 10.0), (2, value), (3, 1.0), start=0)
    assert total_of(result, RATE.key) == pytest.approx(10 + 2)
    assert RunStatistics(result).mean([RATE.key]) == pytest.approx(12 / 3)
    assert RunStatistics(result).max([RATE.key]) == 10


def test_a_measure_that_was_not_measured_is_a_key_error():
    with pytest.raises(KeyError):
        total_of(result_of((1, 1.0)), "process.other")


def test_points_of_an_earlier_run_of_the_same_name_do_not_count():
    result = result_of((1, 99.0), (2, 99.0), (11, 10.0), (13, 5.0), start=10)
    statistics = RunStatistics(result)
    assert earlier_points(result) == 2
    assert statistics.total([RATE.key]) == pytest.approx(10 + 10)
    assert statistics.mean([RATE.key]) == pytest.approx(20 / 3)
    assert statistics.max([RATE.key]) == statistics.peak([RATE.key]) == 10
    assert statistics.max([]) is None


def test_a_run_whose_points_are_all_of_an_earlier_one_has_no_total():
    result = result_of((1, 99.0), (2, 99.0), start=10)
    assert total_of(result, RATE.key) is None
    assert figures_of(result) == ()


def test_marks_of_an_earlier_run_are_not_its_own():
    result = result_of((1, 1.0), (11, 1.0), start=10)
    result.add_mark(2 * SECOND, "before")
    result.add_mark(12 * SECOND, "mine")
    assert own_marks_ns(result) == [(12 * SECOND, "mine")]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1e6)), max_size=20),
    st.none() | st.integers(0, 60),
)
def test_what_only_grows_never_adds_up_to_less_than_nothing(points, start):
    statistics = RunStatistics(result_of(*points, start=start))
    for found in (statistics.total([RATE.key]), statistics.mean([RATE.key])):
        assert found is None or found >= 0
