"""The whole library on real work with the real clock."""

from __future__ import annotations

import threading

import pytest

from multimeter import FileStorage, JsonFormat, LineFormat, Multimeter, Probe, ResourceProbe

pytestmark = pytest.mark.integration


class Signal(Probe):
    """Gives no values, and tells when it has been sampled a number of times."""

    metrics = subjects = measures = ()

    def __init__(self, samples):
        self.samples = samples
        self.reached = threading.Event()

    def sample(self, values, time_elapsed):
        self.samples -= 1
        if self.samples <= 0:
            self.reached.set()


@pytest.mark.parametrize("file_format", [JsonFormat(), LineFormat()])
def test_a_real_run_is_stored_and_loaded(tmp_path, file_format):
    storage = FileStorage(tmp_path, file_format)
    signal = Signal(samples=5)
    multimeter = Multimeter(ResourceProbe(), signal, cycle_time=0.001, storage=storage)
    measurement = multimeter.measure("run", stage="test")
    with measurement as result:
        measurement.add_mark("here")
        assert signal.reached.wait(30)
    assert len(result.points) >= 5
    assert list(result.times_ns) == sorted(set(result.times_ns))
    assert all(len(point.values) == 26 for point in result.points)
    assert storage.load("run") == result


def test_many_measurements_of_one_multimeter_go_on_at_once(tmp_path):
    storage = FileStorage(tmp_path, JsonFormat())
    signals = []

    class Shared(Signal):
        def start(self):
            signals.append(self)
            self.samples, self.reached = 3, threading.Event()

    multimeter = Multimeter(ResourceProbe(), Shared(3), cycle_time=0.001, storage=storage)
    measurements = [multimeter.measure(f"run{number}") for number in range(5)]
    for measurement in measurements:
        measurement.start()
    assert len(set(map(id, signals))) == 5
    assert all(signal.reached.wait(30) for signal in signals)
    for measurement in measurements:
        measurement.end()
    for measurement in measurements:
        assert storage.load(measurement.identifier) == measurement.result
        assert len(measurement.result.points) >= 3
