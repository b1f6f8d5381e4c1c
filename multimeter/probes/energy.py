"""A probe for the energy consumption of processors.

https://docs.kernel.org/power/powercap/powercap.html
"""

from __future__ import annotations

import copy
import glob
import os
from collections.abc import Iterable
from typing import Any

from multimeter.errors import UnsupportedError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import not_started
from multimeter.probes import procfs
from multimeter.probes.source_probe import MeasuresProbe
from multimeter.subject import Subject

__all__ = ["EnergyProbe"]

_POWER = Metric("power", "Electric power.", "W")
_ENERGY = Metric("energy", "Energy since the measurement began.", "J")


class EnergyProbe(MeasuresProbe):
    """Samples the energy counters of Intel and AMD processors (RAPL).

    Each domain is a subject: ``package-0`` is a processor, ``package-0:dram`` its memory,
    ``package-0:core`` a part of it, ``psys`` the whole board, where available. The
    counters are those of the machine, not of a process.

    Args:
        root: The folder of the kernel's power caps.

    Raises:
        UnsupportedError: There are no counters, or no permission to read them.
    """

    def __init__(self, root: str = "/sys/class/powercap") -> None:
        folders = sorted(glob.glob(f"{glob.escape(root)}/intel-rapl:*"))
        self._domains = [_Domain(f, _key(f, folders)) for f in folders if _is_readable(f)]
        if not self._domains:
            raise _unsupported(root, folders)
        super().__init__(m for each in self._domains for m in each.measures)
        self._is_started = False

    def for_process(self, pid: int) -> EnergyProbe:  # noqa: ARG002 - whichever it is
        """Return the probe itself: it measures the machine."""
        return self

    def start(self) -> None:
        """Read the initial counters."""
        # Copies of the probe for other measurements must not share the counters.
        self._domains = [copy.copy(each) for each in self._domains]
        for each in self._domains:
            each.start()
        self._is_started = True

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add power and energy of all domains.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        if not self._is_started:
            raise not_started()
        for each in self._domains:
            each.sample(values, time_elapsed)


class _Domain:
    """A part of the machine with an energy counter of its own."""

    def __init__(self, folder: str, key: str) -> None:
        self._folder = folder
        subject = Subject(f"energy:{key}", f"The RAPL domain {key}.", "host")
        self.measures = (Measure(subject, _POWER), Measure(subject, _ENERGY))
        # The counter wraps around at this value.
        self._range = _microjoules(folder, "max_energy_range_uj") or 0
        self._before = self._total = 0

    def start(self) -> None:
        self._before = _microjoules(self._folder, "energy_uj") or 0
        self._total = 0

    def sample(self, values: dict[str, Any], seconds: float) -> None:
        now = _microjoules(self._folder, "energy_uj")
        if now is None:
            return
        used = now - self._before
        if used < 0:
            used = max(0, used + self._range)
        self._before = now
        self._total += used
        power, energy = self.measures
        values[power.key] = used / 1e6 / seconds if seconds > 0 else 0.0
        values[energy.key] = self._total / 1e6


def _key(folder: str, folders: Iterable[str]) -> str:
    """Return the name of a domain, prefixed with that of its parent."""
    name = (procfs.read_bytes(f"{folder}/name") or b"").decode().strip()
    parent = folder.rpartition(":")[0]
    return f"{_key(parent, ())}:{name}" if parent in folders else name


def _is_readable(folder: str) -> bool:
    return _microjoules(folder, "energy_uj") is not None


def _microjoules(folder: str, name: str) -> int | None:
    data = (procfs.read_bytes(f"{folder}/{name}") or b"").strip()
    return int(data) if data.isdigit() else None


def _unsupported(root: str, folders: list[str]) -> UnsupportedError:
    if folders:
        user = "root" if os.name == "posix" else "an administrator"
        return UnsupportedError(
            "The energy counters cannot be read.",
            cause="Only root may: they leak information about what other users compute.",
            next_step=f"Measure as {user}, or let your group read {root}/*/energy_uj.",
        )
    return UnsupportedError(
        "This machine does not report the energy that its processors use.",
        cause="It is virtual, not Linux, or its processor has no RAPL counters.",
        next_step="Measure without EnergyProbe; GpuProbe measures the power of GPUs.",
    )
