from __future__ import annotations

import asyncio
import inspect

import pytest

from multimeter import ConfigurationError, DummyStorage, Multimeter, Storage

NEVER = 1e6  # seconds: only the last sample is taken


class ListStorage(Storage):
    def __init__(self):
        self.results = []

    def store(self, result):
        self.results.append(result)


@pytest.fixture
def storage():
    return ListStorage()


@pytest.fixture
def multimeter(make_probe, storage):
    return Multimeter(make_probe(), cycle_time=NEVER, storage=storage)


def test_a_multimeter_samples_nothing_each_second_and_stores_nowhere_by_default():
    multimeter = Multimeter()
    assert (multimeter.probes, multimeter.cycle_time) == ([], 1.0)
    assert isinstance(multimeter.storage, DummyStorage)


def test_a_multimeter_takes_probes_cycle_time_and_storage(make_probe, storage):
    probes = [make_probe("a"), make_probe("b")]
    multimeter = Multimeter(*probes, cycle_time=0.5, storage=storage)
    assert multimeter.probes == probes
    assert (multimeter.cycle_time, multimeter.storage) == (0.5, storage)


def test_setters_can_be_chained(make_probe, storage):
    probes = [make_probe("a"), make_probe("b"), make_probe("c")]
    multimeter = Multimeter(probes[0])
    chained = multimeter.add_probes(*probes[1:]).set_cycle_time(3).set_storage(storage)
    assert chained is multimeter
    assert multimeter.probes == probes
    assert (multimeter.cycle_time, multimeter.storage) == (3.0, storage)


def test_the_list_of_probes_is_a_copy(multimeter):
    multimeter.probes.clear()
    assert len(multimeter.probes) == 1


@pytest.mark.parametrize("cycle_time", [0, -1.0, float("nan")])
def test_a_cycle_time_that_is_not_positive_is_refused(multimeter, cycle_time):
    with pytest.raises(ConfigurationError, match="positive"):
        Multimeter(cycle_time=cycle_time)
    with pytest.raises(ConfigurationError, match="positive"):
        multimeter.set_cycle_time(cycle_time)
    assert multimeter.cycle_time == NEVER


def test_a_measurement_without_probes_has_points_without_values(storage):
    with Multimeter(cycle_time=NEVER, storage=storage).measure() as result:
        pass
    assert [point.values for point in result.points] == [{}]


def test_the_same_probe_twice_is_refused_at_the_start(multimeter, make_probe):
    measurement = multimeter.add_probes(make_probe()).measure()
    with pytest.raises(ConfigurationError, match="More than one probe"):
        measurement.start()


def test_a_decorated_function_is_measured_at_each_call(multimeter, storage):
    @multimeter.measured
    def add(a, b=1):
        """Add."""
        return a + b

    assert (add(1), add(1, b=2)) == (2, 3)
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    first, second = storage.results
    assert first.identifier.startswith("add-")
    assert first.identifier != second.identifier
    assert first.tags == {"function": f"{__name__}.{add.__qualname__}"}


def test_a_decorator_may_have_tags(multimeter, storage):
    @multimeter.measured(stage="test", epoch=3)
    def work():
        pass

    work()
    (result,) = storage.results
    assert result.tags.items() >= {"stage": "test", "epoch": "3"}.items()


def test_a_method_can_be_decorated(multimeter, storage):
    class Model:
        @multimeter.measured
        def train(self, epochs):
            return self, epochs

    model = Model()
    assert model.train(3) == (model, 3)
    assert storage.results[0].tags["function"].endswith("Model.train")


def test_an_error_of_a_decorated_function_is_raised_and_its_result_stored(
    multimeter, storage
):
    @multimeter.measured
    def work():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert len(storage.results) == 1


def test_a_decorated_function_may_call_itself(multimeter, storage):
    @multimeter.measured
    def factorial(n):
        return n * factorial(n - 1) if n else 1

    assert factorial(3) == 6
    assert len(storage.results) == 4


def test_a_decorated_coroutine_is_measured_until_it_is_done(multimeter, storage):
    @multimeter.measured
    async def work(value):
        assert storage.results == []
        await asyncio.sleep(0)
        return value

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work(3)) == 3
    assert len(storage.results) == 1


def test_a_decorated_generator_is_measured_until_its_last_value(multimeter, storage):
    @multimeter.measured
    def count(n):
        for number in range(n):
            assert storage.results == []
            sent = yield number
        return sent

    numbers = count(2)
    assert next(numbers) == 0
    assert numbers.send("x") == 1
    with pytest.raises(StopIteration) as caught:
        numbers.send("y")
    assert caught.value.value == "y"
    assert len(storage.results) == 1


def test_a_decorated_generator_that_is_closed_is_stored(multimeter, storage):
    @multimeter.measured
    def count():
        yield 1
        yield 2

    numbers = count()
    next(numbers)
    numbers.close()
    assert len(storage.results) == 1


def test_an_asynchronous_generator_is_refused(multimeter):
    with pytest.raises(ConfigurationError, match="asynchronous generator"):

        @multimeter.measured
        async def count():
            yield 1
