from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import ConfigurationError, FormatError
from multimeter.data.timestamps import format_iso, from_ns, parse_iso, to_ns

NS = st.integers(-(2**62), 2**62)


@given(st.datetimes())
def test_a_datetime_keeps_its_microseconds(time):
    assert from_ns(to_ns(time)) == time.replace(tzinfo=timezone.utc)


@given(NS)
def test_a_time_in_iso_8601_keeps_its_nanoseconds(time_ns):
    assert parse_iso(format_iso(time_ns)) == time_ns


def test_a_time_looks_like_iso_8601_in_utc():
    assert format_iso(1_638_115_200_123_456_000) == "2021-11-28T16:00:00.123456+00:00"
    assert format_iso(1_638_115_200_123_456_789) == "2021-11-28T16:00:00.123456789+00:00"


def test_a_datetime_in_another_zone_is_the_same_moment():
    zone = timezone(timedelta(hours=5, minutes=30))
    assert to_ns(datetime(1970, 1, 1, 5, 30, 1, tzinfo=zone)) == 10**9


@pytest.mark.parametrize(
    "text",
    [
        "2021-11-28T16:00:00Z",
        "2021-11-28T16:00:00",
        "2021-11-28T17:30:00.0+01:30",
        "2021-11-28T15:00:00.000-01:00",
    ],
)
def test_the_forms_of_other_programs_are_read(text):
    assert parse_iso(text) == 1_638_115_200 * 10**9


@pytest.mark.parametrize(
    "text",
    ["", "now", "2021-11-28", "2021-13-28T16:00:00Z", "2021-11-28T16:00:00.1234567890"],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(FormatError, match="not a time in ISO 8601"):
        parse_iso(text)


@pytest.mark.parametrize("time", [1.5, "now", None])
def test_a_time_that_is_neither_datetime_nor_integer_is_refused(time):
    with pytest.raises(ConfigurationError, match="is not a time"):
        to_ns(time)


@pytest.mark.parametrize("time_ns", [10**21, -(10**21)])
def test_a_time_beyond_the_years_of_a_datetime_is_refused(time_ns):
    with pytest.raises(ConfigurationError, match="years 1 to 9999"):
        to_ns(time_ns)
