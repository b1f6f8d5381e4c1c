from __future__ import annotations

import pytest

from multimeter import Mark, Multimeter, ProbeError, Result, StateError, Storage
from multimeter.data.timestamps import from_ns
from multimeter.storages.base import LiveForwarder

NEVER = 3600.0


class Diary(Storage):
    """Writes down what it is told, and fails where it should."""

    def __init__(self, fail=()):
        self.entries = []
        self.fail = fail

    def write(self, *entry):
        self.entries.append(entry)
        if entry[0] in self.fail:
            raise ZeroDivisionError(entry[0])

    def open(self, result):
        self.write("open", result.identifier)

    def append(self, result, timestamp, values):
        assert result.times_ns[-1] == timestamp
        self.write("append", dict(values))

    def mark(self, result, mark):
        assert result.marks[-1] == mark
        self.write("mark", mark.label)

    def store(self, result):
        self.write("store", len(result.points))


@pytest.fixture
def probe(make_probe):
    return make_probe("a")


def run(probe, storage):
    measurement = Multimeter(probe, cycle_time=NEVER, storage=storage).measure("run")
    measurement.start()
    measurement.add_mark("x")
    measurement.end()
    return measurement.result


def test_a_storage_is_told_of_a_run_while_it_goes_on(probe):
    diary = Diary()
    run(probe, diary)
    assert diary.entries == [
        ("open", "run"),
        ("mark", "x"),
        ("append", {"stub.a": 1.0}),
        ("store", 1),
    ]


@pytest.mark.parametrize("call", ["open", "append", "mark"])
def test_its_trouble_is_said_once_and_breaks_nothing(probe, caplog, call):
    diary = Diary(fail=[call])
    result = run(probe, diary)
    assert diary.entries[-1] == ("store", 1)
    assert len(result.points) == len(result.marks) == 1
    assert len(caplog.messages) == 1
    assert "cannot follow the run 'run'; it is stored at its end" in caplog.text


def test_who_failed_once_is_not_told_any_more(probe):
    diary = Diary(fail=["open"])
    run(probe, diary)
    assert [entry[0] for entry in diary.entries] == ["open", "store"]


def test_a_storage_need_not_follow(probe):
    class Plain(Storage):
        def store(self, result):
            self.stored = result

    storage = Plain()
    assert run(probe, storage) is storage.stored


def test_it_is_opened_once_also_when_a_point_comes_first(probe, make_result):
    diary = Diary()
    forwarder = LiveForwarder(diary, make_result())
    forwarder.append(1, {"a": 1.0})
    forwarder.open()
    forwarder.append(2, {"a": 2.0})
    assert [entry[0] for entry in diary.entries] == ["open", "append", "append"]


def test_points_that_share_a_time_are_told_with_the_times_that_they_got(make_result):
    diary = Diary()
    result = make_result()
    forwarder = LiveForwarder(diary, result)
    for _ in range(3):
        forwarder.append(5, {"a": 1.0})
    assert list(result.times_ns) == [5, 6, 7]


def test_a_mark_is_told_with_the_time_that_it_got(make_result):
    marks = []
    diary = Diary()
    diary.mark = lambda _, mark: marks.append(mark)
    forwarder = LiveForwarder(diary, make_result())
    forwarder.add_mark(5_000, "x")
    forwarder.add_mark(5_000, "y")
    assert marks == [Mark(from_ns(5_000), "x"), Mark(from_ns(5_001), "y")]


def test_a_run_that_cannot_start_is_not_told_of(probe):
    def fail():
        raise OSError("broken")

    probe.start = fail
    diary = Diary()
    with pytest.raises(ProbeError):
        Multimeter(probe, storage=diary).measure().start()
    assert diary.entries == []


@pytest.fixture
def make_result():
    return lambda: Result(identifier="run")


def test_an_error_of_our_own_is_said_without_a_traceback(probe, caplog):
    class Closed(Diary):
        def append(self, result, timestamp, values):
            raise StateError("The delivery is closed.")

    run(probe, Closed())
    assert "it is stored at its end. The delivery is closed." in caplog.text
    assert "Traceback" not in caplog.text
