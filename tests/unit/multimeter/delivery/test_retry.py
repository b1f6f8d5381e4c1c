from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.delivery.settings import RetryPolicy
from multimeter.errors import ConfigurationError
from multimeter.sinks.base import Retry

POLICY = RetryPolicy(first=1.0, most=30.0, refused=60.0, longest_asked=300.0)
LATE = 0.999999


def test_the_most_it_waits_doubles_up_to_the_cap():
    waits = [POLICY.delay(n, Retry(""), LATE) for n in range(1, 9)]
    assert waits == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30], rel=1e-4)


def test_jitter_is_full():
    assert POLICY.delay(4, Retry(""), 0.0) == 0.0
    assert POLICY.delay(4, Retry(""), 0.5) == 4.0


def test_a_million_attempts_are_no_overflow():
    assert POLICY.delay(10**6, Retry(""), 0.5) == 15.0


def test_what_somebody_must_mend_is_tried_slowly_from_the_first_time():
    assert POLICY.delay(1, Retry("", refused=True), 0.0) == 30.0
    assert POLICY.delay(9, Retry("", refused=True), LATE) == pytest.approx(60.0, rel=1e-4)


def test_what_the_server_asks_for_is_the_least():
    assert POLICY.delay(1, Retry("", after=17.0), 0.5) == 17.0
    assert POLICY.delay(6, Retry("", after=3.0), 0.5) == 15.0


@given(
    st.integers(1, 100),
    st.none() | st.floats(allow_nan=True, allow_infinity=True),
    st.booleans(),
    st.floats(0, LATE),
)
def test_no_answer_makes_it_wait_for_ever(attempt, after, refused, random):
    delay = POLICY.delay(attempt, Retry("", after, refused), random)
    assert 0 <= delay <= 300
    assert not math.isnan(delay)


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan])
def test_a_policy_that_makes_no_sense_is_refused(seconds):
    with pytest.raises(ConfigurationError, match="most"):
        RetryPolicy(most=seconds)
