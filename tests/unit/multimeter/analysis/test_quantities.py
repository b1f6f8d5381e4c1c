from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.analysis.limits import parse_limit
from multimeter.analysis.quantities import quantity, sparkline


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 ms"),
        (0.00185, "s", "1.85 ms"),
        (0.02, "s", "20 ms"),
        (1.5, "s", "1.50 s"),
        (59.96, "s", "60.0 s"),
        (61.4, "s", "1 min 01 s"),
        (3_725, "s", "1 h 02 min"),
        (0, "bytes", "0 B"),
        (1023, "bytes", "1,023 B"),
        (1024, "bytes", "1 KiB"),
        (10 * 1024**2, "bytes", "10 MiB"),
        (211.4 * 1024**2, "bytes", "211 MiB"),
        (2.5 * 1024**4, "bytes", "2.50 TiB"),
        (0.123, "share", "12.3 %"),
        (0.75, "cores", "0.75 cores"),
        (1500, "J", "1.50 kJ"),
        (1_234_567, "", "1,234,567"),
        (2.5, "", "2.50"),
    ],
)
def test_three_digits_count(value, unit, text):
    assert quantity(value, unit) == text


@given(st.floats(min_value=0, max_value=1e15))
def test_a_text_of_bytes_tells_the_bytes_again(value):
    text = quantity(value, "bytes").replace(",", "")
    limit = parse_limit(text.replace("PiB", "TiB"), "bytes").value
    limit *= 1024 if "PiB" in text else 1
    assert limit == pytest.approx(value, rel=0.01, abs=0.01)


def test_a_curve_is_a_row_of_bars_from_zero_to_its_most():
    points = [(1, 0.0), (2, 1.0), (3, 4.0), (4, 2.0)]
    assert sparkline(points, 0, 4, width=4) == "▁▃█▅"


def test_a_bar_without_a_value_has_that_of_the_rate_that_covers_it():
    assert sparkline([(2, 4.0), (4, 1.0)], 0, 4, width=4) == "██▃▃"


def test_the_largest_value_of_a_time_counts():
    points = [(number, 9.0 if number == 5 else 1.0) for number in range(1, 101)]
    assert sparkline(points, 0, 100, width=10)[0] == "█"


def test_a_curve_of_zeros_is_flat_and_one_of_nothing_is_empty():
    assert sparkline([(1, 0.0)], 0, 1, width=3) == "▁▁▁"
    assert sparkline([], 0, 1) == ""
    assert sparkline([(1, math.nan), (1, math.inf)], 0, 1) == ""


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1e9))),
    st.integers(1, 50),
)
def test_a_curve_has_its_width_whatever_it_holds(points, width):
    assert len(sparkline(points, 0, 10, width)) in (0, width)
