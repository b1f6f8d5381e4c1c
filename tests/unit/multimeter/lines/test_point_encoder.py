from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import FormatError, Result
from multimeter.data.record import Record
from multimeter.lines.point_encoder import encode_points
from multimeter.lines.protocol import encode, format_field

ROWS = 300


def column(pattern, still):
    """Return values that stand still for some rows, then follow a pattern."""
    moving = [pattern[row % len(pattern)] for row in range(ROWS - still)]
    return [pattern[0]] * still + moving


INTEGERS = st.integers(-(2**63), 2**63 - 1)
PATTERNS = st.one_of(
    st.lists(values, min_size=1, max_size=4)
    for values in (
        st.floats(),
        INTEGERS,
        st.floats() | st.none(),
        INTEGERS | st.none(),
        st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.booleans(),
    )
)
COLUMNS = st.lists(
    st.builds(column, PATTERNS, st.integers(0, ROWS)), min_size=1, max_size=4
)


def result_of(columns, tags=None):
    result = Result(identifier="run", tags=tags)
    for row, values in enumerate(zip(*columns)):
        point = {f"k%d{number}": value for number, value in enumerate(values)}
        result.append(row * 10**9, point)
    return result


def lines_of(result):
    return [line.decode() for line in encode_points(result)]


def lines_one_by_one(result):
    lines = (
        encode(Record("run", result.tags, point.values, time_ns))
        for time_ns, point in zip(result.times_ns, result.points)
    )
    return [line for line in lines if line is not None]


@given(COLUMNS)
def test_lines_by_column_are_those_that_each_point_has_by_itself(columns):
    result = result_of(columns, {"tag": "100%s"})
    assert lines_of(result) == lines_one_by_one(result)


@pytest.mark.parametrize("values", [[0.0, -0.0, 0.0], [1, 1, 1], [2.5] * 3, [math.nan] * 3])
def test_columns_that_stand_still_are_written_in_each_line(values):
    result = result_of([values, [1, 2, 3]])
    assert lines_of(result) == lines_one_by_one(result)


def test_a_point_without_any_value_has_no_line():
    result = Result(identifier="run")
    for time_ns, values in enumerate([{"a": 1.0}, {}, {"a": None}, {"b": 2.0}]):
        result.append(time_ns, values)
    assert lines_of(result) == ["run a=1.0 0", "run b=2.0 3"]


def test_a_result_without_measures_has_no_lines():
    result = Result(identifier="run")
    result.append(1, {})
    assert lines_of(result) == []


def test_integers_beside_floats_become_floats_as_far_as_a_float_goes():
    result = Result(identifier="run")
    for time_ns, value in enumerate([1, 0.5, 2**63, 10**400, None, 2]):
        result.append(time_ns, {"a": value})
    assert lines_of(result) == [
        "run a=1.0 0",
        "run a=0.5 1",
        f"run a={format_field(2.0**63)} 2",
        "run a=2.0 5",
    ]


def test_tags_or_measures_with_the_same_name_are_refused():
    with pytest.raises(FormatError, match="tags"):
        encode_points(Result(tags={"a\n": "1", "a␊": "2"}))
    result = Result()
    result.append(1, {"time": 1, "time_": 2})
    with pytest.raises(FormatError, match="measures"):
        encode_points(result)
