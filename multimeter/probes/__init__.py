"""Probes: all that the package can measure besides :class:`multimeter.ResourceProbe`.

::

    from multimeter import Multimeter
    from multimeter.probes import default_probes

    with Multimeter(*default_probes(), cycle_time=0.1).measure() as result:
        work()
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:  # at run time, they are loaded on first use, see below
    from multimeter.probes.cgroup import CgroupProbe
    from multimeter.probes.default import default_probes
    from multimeter.probes.energy import EnergyProbe
    from multimeter.probes.gpu import GpuProbe
    from multimeter.probes.process import ProcessProbe
    from multimeter.probes.python import PythonProbe
    from multimeter.probes.system import SystemProbe
    from multimeter.probes.thread import ThreadProbe
    from multimeter.sampling.overhead import SamplerProbe

__all__ = [
    "CgroupProbe",
    "EnergyProbe",
    "GpuProbe",
    "ProcessProbe",
    "PythonProbe",
    "SamplerProbe",
    "SystemProbe",
    "ThreadProbe",
    "default_probes",
]

_LAZY = {
    "CgroupProbe": "multimeter.probes.cgroup",
    "EnergyProbe": "multimeter.probes.energy",
    "GpuProbe": "multimeter.probes.gpu",
    "ProcessProbe": "multimeter.probes.process",
    "PythonProbe": "multimeter.probes.python",
    "SamplerProbe": "multimeter.sampling.overhead",
    "SystemProbe": "multimeter.probes.system",
    "ThreadProbe": "multimeter.probes.thread",
    "default_probes": "multimeter.probes.default",
}

if not TYPE_CHECKING:  # it would hide misspelt names from type checkers

    def __getattr__(name: str) -> object:
        """Import a public name on first use (PEP 562)."""
        if name not in _LAZY:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        import importlib

        value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
