"""A probe for NVIDIA GPUs.

https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from multimeter.errors import UnsupportedError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import not_started
from multimeter.probes.source_probe import MeasuresProbe, Rates
from multimeter.subject import Subject

__all__ = ["Ancestry", "GpuProbe"]

_USE = Metric(
    "gpu_use",
    "Share of the time in which at least one kernel ran, however small.",
    "%",
    max_value=100.0,
    upper_bound=True,
)
_MEMORY_BUSY = Metric(
    "gpu_memory_busy",
    "Share of the time in which memory was read or written.",
    "%",
    max_value=100.0,
)
_MEMORY = Metric("gpu_memory_used", "Memory in use on the GPU.", "bytes", int)
_POWER = Metric("gpu_power", "Electric power.", "W")
_TEMPERATURE = Metric("gpu_temperature", "Temperature of the chip.", "°C", float, None)


class GpuProbe(MeasuresProbe):
    """Samples each NVIDIA GPU: use, memory, power, temperature; and a process on it.

    ``gpu0`` is the whole GPU, with all its users; ``gpu0:tree`` is the process and its
    descendants, as reported by the driver. In a container, or on Windows, the driver may
    not report processes.

    Args:
        pid: The process; by default the current one.
        nvml: The module pynvml, or a substitute; by default it is imported.

    Raises:
        UnsupportedError: There is no GPU, no driver, or no nvidia-ml-py.
    """

    def __init__(self, pid: int | None = None, *, nvml: Any = None) -> None:
        self._pid = pid
        self._given = nvml
        self._devices: list[_Device] = []
        self._rates = Rates({})
        with _opened(nvml or _import_nvml()) as library:
            devices = _devices(library)
            super().__init__(measure for each in devices for measure in each.measures)
        if not devices:
            raise UnsupportedError(
                "There is no NVIDIA GPU that this process may use.",
                next_step="Measure without GpuProbe.",
            )

    def for_process(self, pid: int) -> GpuProbe:
        """Return a probe for another process on the GPUs."""
        return self if self._pid is not None else GpuProbe(pid, nvml=self._given)

    def start(self) -> None:
        """Open the library, and read the initial counters."""
        library = self._given or _import_nvml()
        library.nvmlInit()
        self._devices = _devices(library, Ancestry(self._pid or os.getpid()))
        self._rates = Rates(self._energies())

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the values of all GPUs; measures that the driver refuses have none.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        if not self._devices:
            raise not_started()
        for device in self._devices:
            device.sample(values)
        # The mean power from the energy counter is more accurate than a momentary value.
        powers = self._rates.of(self._energies(), time_elapsed)
        if time_elapsed > 0:
            values.update(powers)

    def _energies(self) -> dict[str, float]:
        """Return the energy that each GPU has used, in J, by the key of its power."""
        energies = ((each.key(_POWER), each.energy()) for each in self._devices)
        return {key: energy for key, energy in energies if energy is not None}

    def end(self) -> None:
        """Close the library."""
        library = self._given or _import_nvml()
        self._devices = []
        library.nvmlShutdown()


class _Device:
    """One GPU.

    Args:
        nvml: The library, open.
        index: The index of the GPU.
        ancestry: Checks which processes belong to the measured one.
    """

    def __init__(self, nvml: Any, index: int, ancestry: Ancestry) -> None:
        self._nvml = nvml
        self._ancestry = ancestry
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self._seen_us = 0
        name = _text(nvml.nvmlDeviceGetName(self._handle))
        self._subject = Subject(f"gpu{index}", f"The GPU: {name}.", "host")
        about = f"The process and all that descend from it, on GPU {index}."
        self._tree = Subject(f"gpu{index}:tree", about, "tree")
        getters: dict[Measure, Callable[[], float | None]] = {
            Measure(self._subject, _USE): lambda: self._utilization().gpu,
            Measure(self._subject, _MEMORY_BUSY): lambda: self._utilization().memory,
            Measure(self._subject, _MEMORY): self._memory,
            Measure(self._subject, _POWER): self._power,
            Measure(self._subject, _TEMPERATURE): self._temperature,
            Measure(self._tree, _USE): self._tree_use,
            Measure(self._tree, _MEMORY): self._tree_memory,
        }
        self._getters = {m: get for m, get in getters.items() if self._supports(get)}
        self.measures = tuple(self._getters)

    def key(self, metric: Metric) -> str:
        """Return the key of a metric on the whole GPU."""
        return Measure(self._subject, metric).key

    def sample(self, values: dict[str, Any]) -> None:
        """Add the values of this GPU."""
        for measure, get in self._getters.items():
            with contextlib.suppress(self._nvml.NVMLError):
                value = get()
                if value is not None:
                    values[measure.key] = measure.metric.limit_value(value)

    def energy(self) -> float | None:
        """Return the energy used since the driver was loaded, in J, if it is counted."""
        with contextlib.suppress(self._nvml.NVMLError):
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1e3
        return None

    def _supports(self, get: Callable[[], float | None]) -> bool:
        try:
            get()
        except self._nvml.NVMLError:
            return False
        return True

    def _utilization(self) -> Any:
        return self._nvml.nvmlDeviceGetUtilizationRates(self._handle)

    def _memory(self) -> int:
        return int(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).used)

    def _power(self) -> float:
        return float(self._nvml.nvmlDeviceGetPowerUsage(self._handle)) / 1e3

    def _temperature(self) -> float:
        sensor = self._nvml.NVML_TEMPERATURE_GPU
        return float(self._nvml.nvmlDeviceGetTemperature(self._handle, sensor))

    def _tree_memory(self) -> int | None:
        """Return the memory of our processes, in bytes; None if the driver hides it."""
        # A process that uses compute and graphics is in both lists.
        running = {
            each.pid: each.usedGpuMemory
            for name in ("Compute", "Graphics")
            for each in getattr(self._nvml, f"nvmlDeviceGet{name}RunningProcesses")(
                self._handle
            )
        }
        ours = [used for pid, used in running.items() if self._ancestry.includes(pid)]
        return None if None in ours else sum(ours)

    def _tree_use(self) -> float:
        """Return the GPU use of our processes since the last call, in %."""
        nvml = self._nvml
        try:
            samples = nvml.nvmlDeviceGetProcessUtilization(self._handle, self._seen_us)
        except nvml.NVMLError as error:
            if getattr(error, "value", None) == nvml.NVML_ERROR_NOT_FOUND:
                return 0.0  # no process has used it since
            raise
        self._seen_us = max((each.timeStamp for each in samples), default=self._seen_us)
        latest = {
            each.pid: each.smUtil for each in sorted(samples, key=lambda s: s.timeStamp)
        }
        return float(
            sum(use for pid, use in latest.items() if self._ancestry.includes(pid))
        )


def _devices(nvml: Any, ancestry: Ancestry | None = None) -> list[_Device]:
    ancestry = ancestry or Ancestry(os.getpid())
    return [_Device(nvml, index, ancestry) for index in range(nvml.nvmlDeviceGetCount())]


def _import_nvml() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError as error:
        raise UnsupportedError(
            "GpuProbe needs the package nvidia-ml-py.",
            next_step="pip install 'multimeter[gpu]'",
        ) from error


@contextlib.contextmanager
def _opened(nvml: Any) -> Iterator[Any]:
    """Open the library for the duration of a ``with`` block.

    Raises:
        UnsupportedError: It cannot be opened.
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise UnsupportedError(
            f"The library of the NVIDIA driver cannot be used: {error}.",
            cause="No NVIDIA driver is installed, or a container was started without it.",
            next_step="Measure without GpuProbe; for a container, give it the GPUs.",
        ) from error
    try:
        yield nvml
    finally:
        nvml.nvmlShutdown()


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


class Ancestry:
    """Checks whether processes belong to the tree of a root process.

    Args:
        root: The process id of the root.
    """

    def __init__(self, root: int) -> None:
        self._root = root

    def includes(self, pid: int) -> bool:
        """Return whether a process is the root or descends from it."""
        if pid == self._root:
            return True
        try:
            return any(each.pid == self._root for each in psutil.Process(pid).parents())
        except psutil.Error:
            return False
