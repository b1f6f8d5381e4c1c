from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta, timezone

import pytest

from multimeter import (
    ConfigurationError,
    DummyStorage,
    Measurement,
    Multimeter,
    ProbeError,
    Result,
    StateError,
    Storage,
    StorageError,
)

NEVER = 1e6  # seconds: only the last sample is taken


class ListStorage(Storage):
    def __init__(self, error=None):
        self.results = []
        self.error = error

    def store(self, result):
        if self.error:
            raise self.error
        self.results.append(result)


@pytest.fixture
def probe(make_probe):
    return make_probe()


@pytest.fixture
def storage():
    return ListStorage()


@pytest.fixture
def multimeter(probe, storage):
    return Multimeter(probe, cycle_time=NEVER, storage=storage)


def test_a_measurement_has_an_identifier_tags_and_no_result_before_its_start(multimeter):
    measurement = multimeter.measure("run", stage="test", epoch=3)
    assert isinstance(measurement, Measurement)
    assert (measurement.identifier, measurement.result) == ("run", None)
    assert measurement.tags == {"stage": "test", "epoch": "3"}
    assert measurement.missed == 0


def test_start_returns_the_result_and_end_stores_it(multimeter, storage, probe):
    measurement = multimeter.measure("run", stage="test")
    result = measurement.start()
    assert isinstance(result, Result)
    assert result is measurement.result
    assert (result.identifier, result.tags) == ("run", {"stage": "test"})
    assert storage.results == []
    measurement.end()
    assert storage.results == [result]
    assert (probe.started, probe.ended) == (1, 1)
    assert [point.values for point in result.points] == [{"stub.value": 1.0}]


def test_the_time_of_a_point_is_that_of_the_sample(multimeter):
    before = datetime.now(timezone.utc)
    with multimeter.measure() as result:
        pass
    slack = timedelta(seconds=1)
    assert before - slack <= result.start <= datetime.now(timezone.utc) + slack


@pytest.mark.parametrize("identifier", [None, ""])
def test_an_identifier_is_generated_where_none_is_given(multimeter, identifier):
    first, second = (multimeter.measure(identifier).identifier for _ in range(2))
    assert first
    assert first != second


def test_an_identifier_that_is_not_text_becomes_text(multimeter):
    assert multimeter.measure(3).identifier == "3"


def test_an_identifier_that_multimeter_uses_itself_is_refused(multimeter):
    with pytest.raises(ConfigurationError):
        multimeter.measure("multimeter_runs")


def test_tags_may_have_the_names_of_arguments(multimeter):
    tags = {"self": "a", "multimeter": "b"}
    assert multimeter.measure(**tags).tags == tags


def test_a_context_manager_gives_the_result_and_stores_it_at_its_end(multimeter, storage):
    with multimeter.measure("run") as result:
        assert storage.results == []
    assert storage.results == [result]


def test_a_measurement_ends_and_is_stored_when_the_code_raises(multimeter, storage, probe):
    with pytest.raises(ZeroDivisionError), multimeter.measure():
        1 / 0  # noqa: B018 - the error is meant
    assert len(storage.results) == 1
    assert probe.ended == 1


@pytest.mark.parametrize("error", [StorageError("full"), OSError("full")])
def test_an_error_of_the_storage_is_raised_and_the_result_kept(probe, error):
    measurement = Multimeter(probe, storage=ListStorage(error)).measure()
    with pytest.raises(type(error), match="full"), measurement:
        pass
    assert len(measurement.result.points) == 1


@pytest.mark.parametrize("error", [StorageError("full"), OSError("full")])
def test_an_error_of_the_storage_does_not_hide_that_of_the_code(probe, error, caplog):
    measurement = Multimeter(probe, storage=ListStorage(error)).measure("run")
    with pytest.raises(ZeroDivisionError), measurement:
        1 / 0  # noqa: B018 - the error is meant
    assert "'run' was not stored" in caplog.text


def test_marks_are_added_while_the_measurement_is_on(multimeter):
    measurement = multimeter.measure()
    with measurement as result:
        measurement.add_mark("begin")
        measurement.add_mark(2)
    assert [mark.label for mark in result.marks] == ["begin", "2"]
    assert result.marks[0].datetime <= result.marks[1].datetime <= result.end


def test_marks_follow_the_points_when_the_clock_is_set_back(multimeter, monkeypatch):
    measurement = multimeter.measure()
    with measurement as result:
        monkeypatch.setattr("multimeter.sampling.clock.SystemClock.time_ns", lambda self: 5)
        monkeypatch.setattr("time.time_ns", lambda: 5)
        measurement.add_mark("x")
    assert result.marks[0].datetime.year > 2000
    assert result.marks_ns[0][0] <= result.times_ns[-1]


def test_a_second_start_is_a_clear_error(multimeter):
    measurement = multimeter.measure("run")
    with measurement, pytest.raises(StateError, match="'run' was started before"):
        measurement.start()
    with pytest.raises(StateError, match="started before"):
        measurement.start()


@pytest.mark.parametrize(
    "call", [Measurement.end, Measurement.sample, lambda each: each.add_mark("x")]
)
def test_a_call_before_the_start_is_a_clear_error(multimeter, call):
    with pytest.raises(StateError, match="it has not started"):
        call(multimeter.measure())


@pytest.mark.parametrize(
    "call", [Measurement.end, Measurement.sample, lambda each: each.add_mark("x")]
)
def test_a_call_after_the_end_is_a_clear_error(multimeter, storage, call):
    measurement = multimeter.measure()
    with measurement:
        pass
    with pytest.raises(StateError, match="it has ended"):
        call(measurement)
    assert len(storage.results) == 1


def test_a_probe_that_cannot_start_leaves_a_measurement_that_can(multimeter, probe):
    measurement = multimeter.measure()
    probe.start = lambda: 1 / 0
    with pytest.raises(ProbeError):
        measurement.start()
    assert measurement.result is None
    del probe.start
    measurement.start()
    measurement.end()
    assert probe.started == probe.ended == 1


def test_missed_samples_are_told_by_measurement_and_meta_data(multimeter, probe):
    multimeter.set_cycle_time(1e-6)
    sampled = threading.Event()
    probe.on_sample = lambda: len(probe.elapsed) > 2 and sampled.set()
    measurement = multimeter.measure()
    with measurement as result:
        assert sampled.wait(10)
    assert measurement.missed > 0
    assert result.meta_data["missed_samples"] == measurement.missed


def test_later_changes_of_the_multimeter_do_not_reach_a_measurement(multimeter, storage):
    measurement = multimeter.measure()
    multimeter.set_storage(DummyStorage())
    with measurement:
        pass
    assert len(storage.results) == 1


def test_nested_measurements_have_their_own_samples(multimeter, storage, probe):
    with multimeter.measure("outer") as outer, multimeter.measure("inner") as inner:
        pass
    assert [result.identifier for result in storage.results] == ["inner", "outer"]
    assert len(outer.points) == len(inner.points) == 1
    assert (probe.started, probe.ended) == (1, 1)


def test_a_probe_is_used_itself_again_after_a_nested_measurement(multimeter, probe):
    for _ in range(3):
        with multimeter.measure():
            pass
    assert (probe.started, probe.ended) == (3, 3)


def test_measurements_from_several_threads_go_on_at_once(multimeter, storage):
    together = threading.Barrier(4, timeout=10)

    def measure(number):
        with multimeter.measure(f"run{number}"):
            together.wait()

    threads = [threading.Thread(target=measure, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {result.identifier for result in storage.results} == {
        f"run{number}" for number in range(4)
    }
    assert all(len(result.points) == 1 for result in storage.results)


def test_a_measurement_may_end_in_another_thread(multimeter, storage):
    measurement = multimeter.measure()
    measurement.start()
    thread = threading.Thread(target=measurement.end)
    thread.start()
    thread.join()
    assert len(storage.results) == 1


def test_asynchronous_code_is_measured_without_blocking_its_loop(probe):
    class SlowStorage(ListStorage):
        def store(self, result):
            served = threading.Event()
            self.loop.call_soon_threadsafe(served.set)
            assert served.wait(10), "the event loop is blocked"
            super().store(result)

    storage = SlowStorage()
    multimeter = Multimeter(probe, cycle_time=NEVER, storage=storage)

    async def measure():
        storage.loop = asyncio.get_running_loop()
        async with multimeter.measure("run") as result:
            assert isinstance(result, Result)

    asyncio.run(measure())
    assert [result.identifier for result in storage.results] == ["run"]


def test_an_error_in_asynchronous_code_is_raised_and_the_result_stored(multimeter, storage):
    async def measure():
        async with multimeter.measure():
            1 / 0  # noqa: B018 - the error is meant

    with pytest.raises(ZeroDivisionError):
        asyncio.run(measure())
    assert len(storage.results) == 1


def test_the_schema_of_a_result_is_that_of_the_end(make_probe):
    base = type(make_probe())

    class Growing(base):
        """Finds one more measure with each sample."""

        @property
        def measures(self):
            keys = [f"found-{number}" for number in range(len(self.elapsed))]
            return base(*keys, "value").measures

    growing = Multimeter(Growing(), cycle_time=NEVER)
    with growing.measure() as result:
        assert [each.key for each in result.schema.measures] == ["stub.value"]
    assert [each.key for each in result.schema.measures] == ["stub.found-0", "stub.value"]
    assert set(result.columns) == {"stub.found-0", "stub.value"}


def test_the_start_stands_in_the_meta_data(multimeter, probe):
    probe.baseline = lambda: {"stub.value": 5}
    measurement = multimeter.measure()
    assert measurement.sampling is None
    with measurement as result:
        baseline = result.meta_data["baseline"]
    assert baseline["values"] == {"stub.value": 5}
    assert baseline["time_ns"] < result.times_ns[0]
    assert measurement.sampling.samples == len(result.points)
