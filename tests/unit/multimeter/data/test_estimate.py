from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.data.estimate import Estimate

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
ESTIMATES = st.builds(
    Estimate, NUMBERS, NUMBERS, NUMBERS, st.text(), st.lists(st.text()).map(tuple)
)


@given(ESTIMATES)
def test_an_estimate_comes_back_from_json(estimate):
    assert Estimate.from_json(json.loads(json.dumps(estimate.to_json()))) == estimate


@pytest.mark.parametrize(
    "data",
    [None, 1, [], {"value": "x"}, {"value": True}, {"value": 1, "low": float("nan")}],
)
def test_what_is_no_estimate_is_none(data):
    assert Estimate.from_json(data) is None


def test_what_is_missing_is_not_known():
    assert Estimate.from_json({"value": 1, "flags": 5}) == Estimate(1)


def test_an_exact_number_has_no_error_and_a_lower_bound_says_so():
    assert Estimate.exact(3, "wait4").is_exact
    bound = Estimate.at_least(3, 9)
    assert (bound.low, bound.high, bound.flags) == (3, 9, ("at least",))
    assert not bound.is_exact
    assert Estimate.at_least(None, 9).low == 0


def test_bounds_are_scaled_and_rounded_like_the_value():
    estimate = Estimate(1.26, None, 2.5)
    assert estimate.divided(0.5) == Estimate(2.52, None, 5.0)
    assert estimate.rounded(1) == Estimate(1.3, None, 2.5)
    assert estimate.rounded(0) == Estimate(1, None, 2)
    assert estimate.rounded(None) is estimate
