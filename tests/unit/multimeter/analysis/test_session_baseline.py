from __future__ import annotations

import pytest

from multimeter.analysis.session_baseline import SessionBaseline
from multimeter.errors import ConfigurationError, FormatError, StorageError

MIB = 2.0**20


def used(memory=10 * MIB, cpu_time=0.5, duration=1.0):
    return {"memory": memory, "cpu_time": cpu_time, "duration": duration}


@pytest.fixture
def baseline(tmp_path):
    def baseline(*limits, sessions=()):
        path = tmp_path / "baseline.json"
        for each in sessions:
            SessionBaseline.read(path, []).add([("test_a", each)])
        return SessionBaseline.read(path, limits)

    return baseline


def test_a_test_that_uses_more_is_named_with_its_numbers(baseline):
    sessions = [used(memory=each * MIB) for each in (10, 11, 10)]
    (line,) = baseline("memory=+20%", sessions=sessions).broken(
        "test_a", used(memory=20 * MIB)
    )
    assert line == (
        "The memory of the test is 20 MiB: in 3 earlier sessions it was 10 MiB, and 12 "
        "MiB are allowed."
    )


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((1.0,), 1.19),  # within the limit
        ((1.0, 1.5, 1.0), 1.4),  # beyond it, but it was more before
        ((0.001,), 0.009),  # too little to be sure of anything
        ((), 5.0),  # a new test
    ],
)
def test_what_noise_explains_is_no_difference(baseline, before, now):
    some = baseline("cpu_time=+20%", sessions=[used(cpu_time=each) for each in before])
    assert some.broken("test_a", used(cpu_time=now)) == []


def test_the_last_ten_sessions_are_kept(baseline):
    some = baseline(sessions=[used(cpu_time=float(each)) for each in range(15)])
    assert some.tests["test_a"]["cpu_time"] == [float(each) for each in range(5, 15)]


@pytest.mark.parametrize("limit", ["memory", "peak=+20%", "memory=+20 apples"])
def test_a_limit_that_cannot_be_understood_is_refused(baseline, limit):
    with pytest.raises(ConfigurationError):
        baseline(limit)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 7, "tests": {}}', '{"version": 1}']
)
def test_a_file_that_is_no_baseline_is_a_clear_error(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(FormatError, match="is no baseline"):
        SessionBaseline.read(path, [])


def test_odd_values_in_a_file_are_passed_over(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"version": 1, "tests": {"a": {"memory": [1, "x", null]}, "b": 5}}')
    assert SessionBaseline.read(path, []).tests == {
        "a": {"memory": [1], "cpu_time": [], "duration": []}
    }


def test_a_file_that_cannot_be_written_is_a_clear_error(tmp_path):
    some = SessionBaseline(tmp_path / "none" / "x.json", {}, {})
    with pytest.raises(StorageError, match="cannot be written"):
        some.add([("test_a", used())])
