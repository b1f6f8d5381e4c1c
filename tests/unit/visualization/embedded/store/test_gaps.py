from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.visualization.embedded.store.gaps import breaks


def breaks_of_points(*times: int) -> list[int]:
    array = np.array(times)
    return breaks(array, array, np.ones(len(times), np.int64))


def test_an_even_curve_is_whole() -> None:
    assert breaks_of_points(*range(0, 1000, 10)) == []


def test_a_curve_is_broken_where_nothing_came_for_long() -> None:
    assert breaks_of_points(0, 10, 20, 30, 200, 210, 220) == [4]


def test_twice_the_usual_distance_is_no_gap() -> None:
    assert breaks_of_points(0, 10, 20, 40, 50, 60) == []


@pytest.mark.parametrize("times", [(), (5,), (5, 500)])
def test_one_distance_alone_is_usual(times: tuple[int, ...]) -> None:
    assert breaks_of_points(*times) == []


def test_distances_within_a_bucket_count_as_often_as_there_are() -> None:
    # Buckets of 100 points each, 1 apart; between the last two, 50 nothing.
    first = np.array([0, 100, 250])
    assert breaks(first, first + 99, np.array([100, 100, 100])) == [2]


def test_times_further_apart_than_64_bits_hold_are_no_trouble() -> None:
    far = 2**63 - 1
    assert breaks_of_points(-far, -far + 10, -far + 20, -far + 30, far) == [4]


@given(st.lists(st.integers(0, 10**18), unique=True, max_size=60).map(sorted))
def test_whatever_the_distances_most_are_no_gaps(times: list[int]) -> None:
    places = breaks_of_points(*times)
    assert all(0 < place < len(times) for place in places)
    assert len(places) <= 0.2 * len(times) + 1
