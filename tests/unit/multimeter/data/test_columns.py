from __future__ import annotations

import enum
import math
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.data.columns import ABSENT, Column, ColumnView

CELLS = st.one_of(
    st.none(),
    st.just(ABSENT),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
)


def column_of(value_type, *values):
    column = Column(value_type)
    for value in values:
        column.append(value)
    return column


@given(st.sampled_from([float, int, str, bool, object]), st.lists(CELLS))
def test_a_column_gives_back_exactly_what_was_appended(value_type, cells):
    column = column_of(value_type, *cells)
    found = [column.get(row) for row in range(len(column))]
    assert found == cells
    for value, cell in zip(found, cells):
        exact = (value_type, type(cell), type(value)) == (float, int, float)
        assert exact or type(value) is type(cell)


@pytest.mark.parametrize(("value_type", "value"), [(float, 0.5), (int, 7)])
def test_numbers_take_eight_bytes(value_type, value):
    dense = column_of(value_type, value).dense
    assert isinstance(dense, array)
    assert dense.itemsize == 8


@pytest.mark.parametrize("value", [True, 2**63, -(2**63) - 1, 0.5, "text", (1, 3)])
def test_a_value_that_does_not_fit_among_integers_is_kept_as_it_is(value):
    column = column_of(int, 1, value)
    assert [column.get(0), column.get(1)] == [1, value]
    assert type(column.get(1)) is type(value)


def test_an_integer_that_a_double_would_round_is_kept_as_it_is():
    assert column_of(float, 0.5, 2**53 + 1).get(1) == 2**53 + 1


def test_nan_and_infinity_are_floats_like_others():
    column = column_of(float, math.nan, math.inf, -math.inf)
    assert math.isnan(column.get(0))
    assert [column.get(1), column.get(2)] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.25), 0.25),
        (np.int64(-3), -3),
        (np.uint64(2**63), 2**63),
        (np.bool_(True), True),
        (np.array(1.5), 1.5),
    ],
)
@pytest.mark.parametrize("value_type", [float, int, object])
def test_a_scalar_of_numpy_becomes_a_number_of_python(value_type, value, kept):
    found = column_of(value_type, value).get(0)
    assert found == kept
    assert type(found).__module__ == "builtins"


def test_a_number_of_an_enumeration_keeps_its_value():
    class Level(enum.IntEnum):
        HIGH = 3

    assert column_of(int, Level.HIGH).get(0) == 3


def test_none_and_absent_differ():
    column = column_of(float, None, ABSENT, 1.0)
    assert column.get(0) is None
    assert column.get(1) is ABSENT
    assert repr(column.get(1)) == "ABSENT"
    assert column.dense is None


def test_a_view_shows_absent_values_and_rows_beyond_the_column_as_none():
    view = ColumnView(column_of(float, 1.0, ABSENT), 4)
    assert list(view) == [1.0, None, None, None]
    assert view[3] is None


def test_a_view_stays_as_long_as_it_was_while_its_column_grows():
    column = column_of(float, 1.0, 2.0)
    view = ColumnView(column, 2)
    column.append(3.0)
    assert list(view) == [1.0, 2.0]
    assert len(view) == 2


def test_a_view_is_a_sequence():
    view = ColumnView(column_of(int, 10, 20, 30), 3)
    assert view[-1] == 30
    assert view[1:] == [20, 30]
    assert list(reversed(view)) == [30, 20, 10]
    assert view.index(20) == 1
    assert 30 in view
    assert view == [10, 20, 30]
    assert view != [10, 20]
    assert view != 10
    assert repr(view) == "ColumnView([10, 20, 30])"
    with pytest.raises(IndexError):
        view[3]


@pytest.mark.parametrize(
    ("value_type", "values", "is_zero"),
    [
        (float, [], True),
        (int, [0, 0], True),
        (float, [0.0, 0], True),
        (float, [0.0, 1e-300], False),
        (int, [0, -1], False),
        (float, [0.0, ABSENT], False),
        (str, ["", ""], False),
    ],
)
def test_whether_all_values_are_zero(value_type, values, is_zero):
    view = ColumnView(column_of(value_type, *values), len(values))
    assert view.is_zero is is_zero
