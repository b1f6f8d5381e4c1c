from __future__ import annotations

from multimeter.probes.source_probe import Rates


def test_a_rate_is_the_growth_of_a_counter_a_second():
    rates = Rates({"a": 10, "b": 0})
    assert rates.of({"a": 14, "b": 1}, 2.0) == {"a": 2.0, "b": 0.5}
    assert rates.of({"a": 15, "b": 1}, 0.5) == {"a": 2.0, "b": 0.0}


def test_a_counter_that_goes_back_gives_zero_once():
    rates = Rates({"a": 10})
    assert rates.of({"a": 3}, 1.0) == {"a": 0.0}
    assert rates.of({"a": 5}, 1.0) == {"a": 2.0}


def test_a_counter_that_is_new_gives_zero_once():
    rates = Rates({})
    assert rates.of({"a": 1000}, 1.0) == {"a": 0.0}
    assert rates.of({"a": 1001}, 1.0) == {"a": 1.0}


def test_no_time_at_all_gives_zero():
    assert Rates({"a": 1}).of({"a": 5}, 0.0) == {"a": 0.0}
