from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import ConfigurationError
from multimeter.analysis.gate import Limit, parse_limit

NUMBERS = st.floats(0, 1e6, allow_nan=False).map(lambda number: float(f"{number:.4f}"))
UNITS = ["bytes", "s", "cores", "share", "J", ""]


@pytest.mark.parametrize(
    ("text", "unit", "limit"),
    [
        ("200MiB", "bytes", Limit(200 * 2.0**20)),
        ("200 MiB", "bytes", Limit(200 * 2.0**20)),
        ("1.5kB", "bytes", Limit(1500.0)),
        ("4096", "bytes", Limit(4096.0)),
        ("2s", "s", Limit(2.0)),
        ("90 min", "s", Limit(5400.0)),
        ("+0.5s", "s", Limit(0.5, relative=True)),
        ("-20ms", "s", Limit(-0.02, relative=True)),
        ("+10%", "bytes", Limit(0.1, relative=True, percent=True)),
        ("-5 %", "s", Limit(-0.05, relative=True, percent=True)),
        ("+0", "", Limit(0.0, relative=True)),
        ("80%", "share", Limit(0.8)),
        ("1.5 cores", "cores", Limit(1.5)),
        (".5", "cores", Limit(0.5)),
        ("3kWh", "J", Limit(3 * 3.6e6)),
    ],
)
def test_a_limit_is_what_people_mean(text, unit, limit):
    found = parse_limit(text, unit)
    assert found == Limit(pytest.approx(limit.value), limit.relative, limit.percent)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("", "s"),
        ("fast", "s"),
        ("2 MiB", "s"),
        ("2s", "bytes"),
        ("10%", "bytes"),  # of what?
        ("++1", "s"),
        ("1e999", "s"),
        ("nan", "s"),
        ("inf", "s"),
        ("1 2", "s"),
        ("٣s", "s"),
        ("mib", "bytes"),
        ("2mib", "bytes"),
        ("1" * 100, "s"),
    ],
)
def test_what_is_no_limit_is_refused_with_an_example(text, unit):
    with pytest.raises(ConfigurationError, match="is no limit") as refused:
        parse_limit(text, unit)
    assert "+10%" in refused.value.next_step


@given(number=NUMBERS, baseline=NUMBERS)
def test_a_percentage_is_of_the_baseline(number, baseline):
    more = parse_limit(f"+{number}%", "s").allowed(baseline)
    less = parse_limit(f"-{number}%", "s").allowed(baseline)
    assert more == pytest.approx(baseline * (1 + number / 100))
    assert less == pytest.approx(baseline * (1 - number / 100))


@given(number=NUMBERS, unit=st.sampled_from(UNITS), baseline=st.none() | NUMBERS)
def test_a_limit_without_a_sign_does_not_ask_for_the_baseline(number, unit, baseline):
    assert parse_limit(str(number), unit).allowed(baseline) == number


@given(sign=st.sampled_from("+-"), number=NUMBERS)
def test_a_limit_with_a_sign_needs_a_baseline(sign, number):
    with pytest.raises(ConfigurationError, match="--baseline"):
        parse_limit(f"{sign}{number}s", "s").allowed(None)


@given(text=st.text(max_size=20), unit=st.sampled_from(UNITS))
def test_any_text_is_a_finite_limit_or_refused(text, unit):
    try:
        limit = parse_limit(text, unit)
    except ConfigurationError:
        return
    assert math.isfinite(limit.value)
    assert limit.relative == text.strip().startswith(("+", "-"))


@given(number=NUMBERS, baseline=NUMBERS)
def test_plus_never_allows_less_and_minus_never_more(number, baseline):
    assert parse_limit(f"+{number}", "s").allowed(-baseline) >= -baseline
    assert parse_limit(f"-{number}%", "s").allowed(-baseline) <= -baseline
