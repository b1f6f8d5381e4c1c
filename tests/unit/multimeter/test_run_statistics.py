from __future__ import annotations

import math

import pytest

from multimeter import Measure, Metric, Result, Schema, Subject
from multimeter.run_statistics import RunStatistics

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


def test_points_without_a_value_add_nothing():
    result = result_of((1, 10.0), (2, None), (3, 1.0), start=0)
    assert total_of(result, RATE.key) == pytest.approx(11)


def test_without_any_value_there_is_no_total():
    assert total_of(result_of(start=0), RATE.key) is None
    assert total_of(result_of((1, None), start=0), RATE.key) is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_adds_nothing(value):
    result = result_of((1, 10.0), (2, value), (3, 1.0), start=0)
    assert total_of(result, RATE.key) == pytest.approx(11)
    assert RunStatistics(result).mean([RATE.key]) == pytest.approx(11 / 2)
    assert RunStatistics(result).max([RATE.key]) == 10


def test_a_measure_that_was_not_measured_is_a_key_error():
    with pytest.raises(KeyError):
        total_of(result_of((1, 1.0)), "process.other")
