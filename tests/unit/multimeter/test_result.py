from __future__ import annotations

import copy
import pickle
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import ConfigurationError, Mark, Point, ResourceProbe, Result, Schema

NOON = datetime(2021, 11, 28, 12, tzinfo=timezone.utc)
NOON_NS = 1_638_100_800 * 10**9


def result_with(*values):
    result = Result()
    for second, each in enumerate(values):
        result.append(NOON + timedelta(seconds=second), each)
    return result


def test_a_result_without_arguments_is_empty():
    result = Result()
    assert result.identifier is None
    assert (result.tags, result.meta_data, result.schema) == ({}, {}, Schema())
    assert (len(result.points), result.marks) == (0, ())
    assert (result.start, result.end, result.duration) == (None, None, None)


def test_a_result_takes_the_schema_of_its_probes(make_probe):
    result = Result(ResourceProbe(), make_probe(), identifier="run", tags={"a": "b"})
    assert len(result.schema.measures) == 27
    assert (result.identifier, result.tags) == ("run", {"a": "b"})


def test_identifier_tags_meta_data_and_schema_can_be_set():
    result = Result(identifier="before")
    result.identifier, result.tags = "after", {"stage": "test"}
    result.meta_data, result.schema = {"host": "here"}, Schema()
    assert (result.identifier, result.tags) == ("after", {"stage": "test"})
    assert result.meta_data == {"host": "here"}


def test_the_tags_of_a_result_are_its_own():
    tags = {"a": "b"}
    Result(tags=tags).tags["a"] = "c"
    assert tags == {"a": "b"}


def test_tags_that_are_not_text_become_text():
    assert Result(tags={"epoch": 3, 4: None}).tags == {"epoch": "3", "4": "None"}


def test_points_come_back_as_they_were_appended():
    result = result_with({"a": 1, "b": 0.5}, {"a": 2, "b": None})
    assert result.points == (
        Point(NOON, {"a": 1, "b": 0.5}),
        Point(NOON + timedelta(seconds=1), {"a": 2, "b": None}),
    )
    assert (result.start, result.end) == (NOON, NOON + timedelta(seconds=1))
    assert result.duration == timedelta(seconds=1)


@pytest.mark.parametrize("value", [0.5, 7, "text", True, None, 2**70, b"bytes", (1, 2)])
def test_a_value_of_any_type_is_kept(value):
    result = result_with({"a": value})
    assert result.points[0].values == {"a": value}
    assert type(result.points[0].values["a"]) is type(value)
    assert list(result.values("a")) == [value]


def test_a_value_that_was_not_given_is_absent_from_its_point_and_none_in_its_column():
    result = result_with({"a": 1.0}, {"b": "x"}, {"a": 3.0})
    assert [point.values for point in result.points] == [{"a": 1.0}, {"b": "x"}, {"a": 3.0}]
    assert list(result.values("a")) == [1.0, None, 3.0]
    assert list(result.values("b")) == [None, "x", None]


def test_measures_without_any_value_are_none(make_probe):
    result = Result(make_probe("a"))
    result.append(NOON, {})
    assert list(result.values("stub.a")) == [None]
    assert result.points[0].values == {}


def test_values_of_an_unknown_measure_are_a_key_error():
    with pytest.raises(KeyError):
        result_with({"a": 1}).values("b")


def test_new_keys_keep_the_order_in_which_they_came():
    keys = [f"key{number}" for number in range(50)]
    assert list(result_with(dict.fromkeys(keys, 1)).columns) == keys


def test_points_are_a_sequence_that_is_made_when_asked_for():
    points = result_with({"a": 0}, {"a": 1}, {"a": 2}).points
    assert len(points) == 3
    assert points[-1].values == {"a": 2}
    assert [point.values["a"] for point in points[1:]] == [1, 2]
    assert [point.values["a"] for point in reversed(points)] == [2, 1, 0]
    assert points[0] in points
    assert points[0] is not points[0]
    assert points != points[1:]
    assert points != 3
    with pytest.raises(IndexError):
        points[3]


def test_points_and_values_stay_as_they_were_while_the_result_grows():
    result = result_with({"a": 0})
    points, values = result.points, result.values("a")
    result.append(NOON + timedelta(seconds=1), {"a": 1, "new": 2})
    assert [point.values for point in points] == [{"a": 0}]
    assert list(values) == [0]


def test_points_can_be_read_while_another_thread_appends_new_measures():
    result = Result()
    go_on = threading.Event()

    def append():
        number = 0
        while not go_on.is_set():
            result.append(number, {f"key{number % 500}": number, "n": number})
            number += 1

    writer = threading.Thread(target=append)
    writer.start()
    try:
        for _ in range(300):
            assert all(point.values["n"] is not None for point in result.points[-3:])
    finally:
        go_on.set()
        writer.join()


@given(st.lists(st.integers(0, 4), max_size=12).map(sorted))
def test_no_two_points_share_a_time(times):
    result = Result()
    for time_ns in times:
        result.append(time_ns, {"a": 1})
    found = list(result.times_ns)
    assert found == sorted(set(found))
    assert all(0 <= a - b < len(times) for a, b in zip(found, times))


def test_points_that_go_back_in_time_keep_their_times():
    result = Result()
    for time_ns in (5, 3, 4):
        result.append(time_ns, {"a": 1})
    assert list(result.times_ns) == [5, 3, 4]


def test_a_time_may_be_nanoseconds_or_a_datetime_without_a_zone():
    result = Result()
    result.append(NOON_NS + 1, {})
    result.append(NOON.replace(tzinfo=None) + timedelta(microseconds=1), {})
    assert list(result.times_ns) == [NOON_NS + 1, NOON_NS + 1_000]


def test_a_point_with_a_wrong_time_is_refused_as_a_whole():
    result = result_with({"a": 1})
    with pytest.raises(ConfigurationError):
        result.append(1.5, {"a": 2, "b": 3})
    result.append(NOON + timedelta(seconds=2), {"a": 4})
    assert [point.values for point in result.points] == [{"a": 1}, {"a": 4}]


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_duration_is_the_end_minus_the_start(start, length):
    result = Result()
    result.append(start, {})
    result.append(start + length, {})
    assert result.duration == result.end - result.start


def test_marks_come_back_in_the_order_in_which_they_were_added():
    result = Result()
    result.add_mark(NOON, "second")
    result.add_mark(NOON - timedelta(seconds=1), "first")
    assert result.marks == (
        Mark(NOON, "second"),
        Mark(NOON - timedelta(seconds=1), "first"),
    )


def test_marks_of_the_same_moment_are_all_kept():
    result = Result()
    for label in "abc":
        result.add_mark(NOON_NS, label)
    assert result.marks_ns == ((NOON_NS, "a"), (NOON_NS + 1, "b"), (NOON_NS + 2, "c"))


def test_meta_data_is_replaced_by_key():
    result = Result()
    result.add_meta_data(host="a", self="is a key, too")
    result.add_meta_data(host="b")
    assert result.meta_data == {"host": "b", "self": "is a key, too"}


def test_results_are_equal_when_all_they_hold_is_equal():
    one, two = result_with({"a": 1.0, "b": None}), result_with({"a": 1.0})
    assert one == two
    two.add_mark(NOON, "x")
    assert one != two
    assert one != "a result"


def test_a_result_can_be_copied_and_pickled():
    result = result_with({"a": 1.0}, {"b": "x"})
    result.add_mark(NOON, "x")
    assert copy.deepcopy(result) == result
    assert pickle.loads(pickle.dumps(result)) == result


def test_the_name_of_a_result_is_short():
    result = result_with({"a": 1.0}, {})
    result.identifier = "run"
    assert (repr(result), repr(result.points)) == ("<Result 'run': 2 points>", "<2 points>")


def test_what_0_1_called_the_measurement_can_be_used_like_one():
    result = Result(identifier="run")
    before = time.time_ns()
    result.add_mark("half")
    ((at, label),) = result.marks_ns
    assert label == "half"
    assert before <= at <= time.time_ns()
    assert result.result is result


@pytest.mark.parametrize("words", [(1,), ("a", "b")])
def test_a_mark_needs_a_label_and_a_time_is_none(words):
    with pytest.raises(ConfigurationError):
        Result().add_mark(*words)
