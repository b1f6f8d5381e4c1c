from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.errors import ConfigurationError
from multimeter.loggers.thinning import DeadBand, Thinner

SECOND = 10**9


def thin(band, points):
    thinner = Thinner(band)
    kept = [point for each in points for point in thinner.take(each)]
    kept += thinner.rest()
    assert len(kept) + thinner.left_out == len(points)
    return kept


def series(*values):
    return [(number * SECOND, float(value)) for number, value in enumerate(values)]


def seconds(points):
    return [at // SECOND for at, _ in points]


def test_values_within_the_band_are_left_out_but_for_the_last():
    assert seconds(thin(DeadBand(absolute=1), series(5, 5.5, 4.5, 6, 5))) == [0, 4]


def test_a_value_beyond_the_band_is_kept_with_the_one_before_it():
    assert seconds(thin(DeadBand(absolute=1), series(0, 0, 0, 9, 9, 9))) == [0, 2, 3, 5]


def test_a_slow_drift_is_measured_from_the_value_that_was_kept():
    kept = thin(DeadBand(absolute=1), series(*(number * 0.4 for number in range(7))))
    assert seconds(kept) == [0, 2, 3, 5, 6]


def test_a_relative_band_is_a_part_of_the_value_that_was_kept():
    assert seconds(thin(DeadBand(relative=0.1), series(100, 109, 91, 111, 120))) == [
        0,
        2,
        3,
        4,
    ]


def test_the_wider_of_both_bands_holds():
    assert seconds(thin(DeadBand(1.0, 0.1), series(0, 0.9, 100, 105))) == [0, 1, 2, 3]


def test_the_longest_silence_ends_with_a_point():
    kept = thin(DeadBand(absolute=1, longest_silence=3), series(*[5] * 10))
    assert seconds(kept)[::2] == [0, 3, 6, 9] or seconds(kept) == [0, 2, 3, 5, 6, 8, 9]


def test_nan_passes_and_is_nothing_to_compare_with():
    kept = thin(DeadBand(absolute=1), series(5, 5, math.nan, 5, 5))
    assert seconds(kept) == [0, 1, 2, 4]


def test_a_band_of_nothing_leaves_out_only_what_is_equal():
    assert seconds(thin(DeadBand(), series(1, 1, 1, 2))) == [0, 2, 3]


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
@pytest.mark.parametrize("name", ["absolute", "relative", "longest_silence"])
def test_a_band_that_makes_no_sense_is_an_error(name, bad):
    with pytest.raises(ConfigurationError, match=name):
        DeadBand(**{name: bad})


@given(
    st.lists(st.floats(-100, 100), max_size=50),
    st.floats(0, 10),
)
def test_a_line_through_the_kept_points_is_never_far_from_those_left_out(values, band):
    points = series(*values)
    kept = dict(thin(DeadBand(absolute=band), points))
    last = None
    for at, value in points:
        last = kept.get(at, last)
        assert abs(value - last) <= 2 * band
        if at in kept:
            assert kept[at] == value
    if points:
        assert {points[0][0], points[-1][0]} <= kept.keys()
