from __future__ import annotations

import os
import pickle
import sys
from types import SimpleNamespace

import pytest

from multimeter import Schema, StateError, UnsupportedError
from multimeter.probes import GpuProbe

# More than any process id of Linux.
STRANGER = 2**22 + 1


class NVMLError(Exception):
    def __init__(self, value):
        super().__init__(f"error {value}")
        self.value = value


class FakeNvml:
    """The functions of pynvml, over some GPUs that are plain dictionaries."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0
    NVML_ERROR_NOT_SUPPORTED = 3
    NVML_ERROR_NOT_FOUND = 6

    def __init__(self, *gpus):
        self.gpus = gpus
        self.open = 0
        self.handles = []

    def nvmlInit(self):  # noqa: N802 - as the library has it
        self.open += 1

    def nvmlShutdown(self):  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self):  # noqa: N802
        assert self.open
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        return self.gpus[index]

    def __getattr__(self, name):
        """Look what a function asks for up in the GPU, which may refuse it."""

        def answer(gpu, *arguments):
            assert self.open
            value = gpu[name.removeprefix("nvmlDeviceGet")]
            if isinstance(value, int) and value < 0:
                raise NVMLError(-value)
            return value(*arguments) if callable(value) else value

        return answer


def running(pid, memory):
    return SimpleNamespace(pid=pid, usedGpuMemory=memory)


def used(pid, time, percent):
    return SimpleNamespace(pid=pid, timeStamp=time, smUtil=percent, memUtil=0)


def gpu(**values):
    return {
        "Name": "Fake 100",
        "UtilizationRates": SimpleNamespace(gpu=40, memory=20),
        "MemoryInfo": SimpleNamespace(used=5_000, total=10_000),
        "PowerUsage": 75_500,
        "TotalEnergyConsumption": 1_000_000,
        "Temperature": lambda sensor: 60 + sensor,
        "ComputeRunningProcesses": [running(os.getpid(), 300), running(STRANGER, 700)],
        "GraphicsRunningProcesses": [running(os.getpid(), 300)],
        "ProcessUtilization": lambda since: [used(os.getpid(), since + 5, 30)],
        **values,
    }


def sample(probe, seconds=1.0):
    values = {}
    probe.sample(values, seconds)
    return values


def test_each_gpu_tells_use_memory_power_and_temperature():
    nvml = FakeNvml(gpu(), gpu(Temperature=50, Name=b"Other"))
    probe = GpuProbe(nvml=nvml)
    probe.start()
    nvml.gpus[0]["TotalEnergyConsumption"] += 240_000
    values = sample(probe, 2.0)
    assert values["gpu0.gpu_use"] == 40
    assert values["gpu0.gpu_memory_busy"] == 20
    assert values["gpu0.gpu_memory_used"] == 5_000
    assert values["gpu0.gpu_temperature"] == 60
    assert values["gpu0.gpu_power"] == 120.0
    assert (values["gpu1.gpu_power"], values["gpu1.gpu_temperature"]) == (0.0, 50)
    assert [each.description for each in probe.subjects if each.key == "gpu1"] == [
        "The GPU: Other."
    ]
    assert set(values) == {each.key for each in probe.measures}


def test_a_process_has_what_the_driver_says_of_it():
    probe = GpuProbe(nvml=FakeNvml(gpu()))
    probe.start()
    values = sample(probe)
    assert values["gpu0:tree.gpu_memory_used"] == 300
    assert values["gpu0:tree.gpu_use"] == 30
    scopes = {each.key: each.scope for each in probe.subjects}
    assert scopes == {"gpu0": "host", "gpu0:tree": "tree"}


def test_use_is_asked_for_since_the_last_answer_and_the_latest_counts():
    asked = []

    def answer(since):
        asked.append(since)
        return [used(os.getpid(), 20, 50), used(os.getpid(), 10, 90), used(STRANGER, 30, 5)]

    probe = GpuProbe(nvml=FakeNvml(gpu(ProcessUtilization=answer)))
    probe.start()
    asked.clear()
    assert sample(probe)["gpu0:tree.gpu_use"] == 50
    sample(probe)
    assert asked[-1] == 30


def test_nobody_on_the_gpu_is_no_use():
    nvml = FakeNvml(gpu(ComputeRunningProcesses=[], GraphicsRunningProcesses=[]))
    nvml.gpus[0]["ProcessUtilization"] = -FakeNvml.NVML_ERROR_NOT_FOUND
    probe = GpuProbe(nvml=nvml)
    probe.start()
    values = sample(probe)
    assert values["gpu0:tree.gpu_use"] == values["gpu0:tree.gpu_memory_used"] == 0


def test_memory_that_the_driver_does_not_know_has_no_value():
    unknown = [running(os.getpid(), None)]
    probe = GpuProbe(nvml=FakeNvml(gpu(ComputeRunningProcesses=unknown)))
    probe.start()
    values = sample(probe)
    assert values["gpu0:tree.gpu_memory_used"] == 300  # the other list knows
    nvml = FakeNvml(gpu(ComputeRunningProcesses=unknown, GraphicsRunningProcesses=[]))
    probe = GpuProbe(nvml=nvml)
    probe.start()
    assert "gpu0:tree.gpu_memory_used" not in sample(probe)


def test_what_a_gpu_does_not_support_is_no_measure():
    refused = -FakeNvml.NVML_ERROR_NOT_SUPPORTED
    names = ("UtilizationRates", "ProcessUtilization", "PowerUsage", "Temperature")
    probe = GpuProbe(nvml=FakeNvml(gpu(**dict.fromkeys(names, refused))))
    keys = {each.key for each in probe.measures}
    assert keys == {"gpu0.gpu_memory_used", "gpu0:tree.gpu_memory_used"}


def test_without_an_energy_counter_power_is_what_it_is_now():
    refused = -FakeNvml.NVML_ERROR_NOT_SUPPORTED
    probe = GpuProbe(nvml=FakeNvml(gpu(TotalEnergyConsumption=refused)))
    probe.start()
    assert sample(probe)["gpu0.gpu_power"] == 75.5
    assert sample(probe, 0.0)["gpu0.gpu_power"] == 75.5


def test_what_fails_for_once_has_no_value_for_once():
    nvml = FakeNvml(gpu())
    probe = GpuProbe(nvml=nvml)
    probe.start()
    nvml.gpus[0]["MemoryInfo"] = -15
    values = sample(probe)
    assert "gpu0.gpu_memory_used" not in values
    assert values["gpu0.gpu_use"] == 40


def test_the_library_is_open_only_between_start_and_end():
    nvml = FakeNvml(gpu())
    probe = GpuProbe(nvml=nvml)
    assert nvml.open == 0
    probe.start()
    assert nvml.open == 1
    probe.end()
    assert nvml.open == 0
    with pytest.raises(StateError, match="not started"):
        sample(probe)


def test_units_and_limits_are_declared():
    metrics = {
        each.key: each
        for each in Schema.of_probes([GpuProbe(nvml=FakeNvml(gpu()))]).metrics
    }
    assert (metrics["gpu_use"].unit, metrics["gpu_use"].max_value) == ("%", 100.0)
    assert metrics["gpu_use"].upper_bound
    assert (metrics["gpu_power"].unit, metrics["gpu_memory_used"].unit) == ("W", "bytes")
    assert (metrics["gpu_temperature"].unit, metrics["gpu_temperature"].min_value) == (
        "°C",
        None,
    )


def test_no_gpu_is_a_clear_word():
    with pytest.raises(UnsupportedError, match="no NVIDIA GPU"):
        GpuProbe(nvml=FakeNvml())


def test_no_driver_is_a_clear_word():
    nvml = FakeNvml(gpu())

    def fail():
        raise NVMLError(12)

    nvml.nvmlInit = fail
    with pytest.raises(UnsupportedError, match="driver cannot be used: error 12") as caught:
        GpuProbe(nvml=nvml)
    assert "No NVIDIA driver" in str(caught.value)


def test_the_real_library_without_a_driver_is_a_clear_word():
    pynvml = pytest.importorskip("pynvml")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        with pytest.raises(UnsupportedError, match="library of the NVIDIA driver"):
            GpuProbe()
    else:
        pynvml.nvmlShutdown()
        pytest.skip("there is a driver; see the integration tests")


def test_no_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(UnsupportedError, match="nvidia-ml-py") as caught:
        GpuProbe()
    assert "pip install 'multimeter[gpu]'" in str(caught.value)


def test_from_outside_another_process_is_looked_for():
    nvml = FakeNvml(gpu())
    outside = GpuProbe(nvml=nvml).for_process(os.getppid())
    outside.start()
    # This process descends from the one that is meant; the other one is not there.
    assert sample(outside)["gpu0:tree.gpu_memory_used"] == 300
    elsewhere = GpuProbe(STRANGER, nvml=nvml)
    elsewhere.start()
    assert sample(elsewhere)["gpu0:tree.gpu_memory_used"] == 700
    assert elsewhere.for_process(2) is elsewhere


def test_a_probe_that_was_used_can_be_handed_to_another_process(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(gpu()))
    probe = GpuProbe()
    probe.start()
    probe.end()
    again = pickle.loads(pickle.dumps(probe))
    again.start()
    assert sample(again)["gpu0.gpu_use"] == 40
