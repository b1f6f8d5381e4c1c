"""Choose the probes that work on this machine, for this process or from outside."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from multimeter.errors import ConfigurationError, UnsupportedError
from multimeter.probe import Probe
from multimeter.probes.process import ProcessProbe
from multimeter.sampling.overhead import SamplerProbe
from multimeter.system.deprecation import renamed
from multimeter.system.log import log

__all__ = [
    "ENTRY_POINTS",
    "chosen_probes",
    "default_probes",
]

ENTRY_POINTS = "multimeter.probes"
"""The entry point group through which other packages add probes. Each entry point is a
callable without arguments, such as a class, that returns a probe."""

_SYSTEM: str = sys.platform


def default_probes(
    pid: int | None = None, *, since_start: bool = False, whole: bool | None = None
) -> list[Probe]:
    """Return the probes that work on this machine, including those of other packages.

    Unsupported probes are left out silently: a missing GPU is not an error.

    Args:
        pid: The process to measure from outside; pass the id of this process for
            ``Multimeter(..., sampler="process")``. By default, this process is measured
            from the inside, which gives more measures.
        since_start: Whether to count from the start of the process, not of the
            measurement: for a process that has just been started.
        whole: Deprecated: the former name of ``since_start``.

    Raises:
        ProbeError: There is no process with this id.
    """
    from multimeter.probes.process import ProcessProbe

    since_start = renamed("whole", whole, "since_start", since_start)
    probes: list[Probe] = [ProcessProbe(pid, since_start=since_start)]
    for name, make in (*_own(pid), *_from_entry_points()):
        try:
            probe = make()
            probes.append(probe if pid is None else probe.for_process(pid))
        except UnsupportedError:
            continue
        except Exception as error:  # noqa: BLE001 - a foreign probe must not stop others
            log().warning("The probe %s cannot be used: %r", name, error)
    return probes


def _own(pid: int | None) -> list[tuple[str, Callable[[], Probe]]]:
    """Return the built-in probes that may work here, by a cheap look at the system."""
    from multimeter.probes.system import SystemProbe

    makers: list[tuple[str, Callable[[], Probe]]] = [("SystemProbe", SystemProbe)]
    if _SYSTEM == "linux":
        from multimeter.probes.cgroup import CgroupProbe
        from multimeter.probes.energy import EnergyProbe

        makers += [
            ("CgroupProbe", lambda: CgroupProbe(pid)),
            ("EnergyProbe", EnergyProbe),
        ]
    if _may_have_gpu():
        from multimeter.probes.gpu import GpuProbe

        makers.append(("GpuProbe", lambda: GpuProbe(pid)))
    if pid is None:
        from multimeter.probes.python import PythonProbe

        makers.append(("PythonProbe", PythonProbe))
    return [*makers, ("SamplerProbe", SamplerProbe)]


def _may_have_gpu() -> bool:
    """Return whether it is worth loading the driver's library, which is slow."""
    if _SYSTEM == "linux":
        # /dev/dxg is the GPU in the Windows Subsystem for Linux.
        return any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg")))
    return _SYSTEM == "win32"


def _from_entry_points() -> list[tuple[str, Callable[[], Probe]]]:
    entries = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return [(each.name, partial(_make, each)) for each in entries]


def _make(entry: importlib.metadata.EntryPoint) -> Probe:
    probe: Probe = entry.load()()
    return probe


def chosen_probes(names: Sequence[str] = ()) -> list[Probe]:
    """Return the probes for measuring a process, besides ``ProcessProbe``.

    They are created before the process starts, so that it does not have to wait.

    Args:
        names: Their names, such as ``gpu``; empty for all that work on this machine.
            ``process`` is always included.

    Raises:
        ConfigurationError: This machine has no probe with that name.
    """
    if set(names) == {"process"}:
        return []
    probes = {_name(p): p for p in default_probes() if not isinstance(p, ProcessProbe)}
    if names:
        probes = {name: p for name, p in probes.items() if _works_from_outside(p)}
    unknown = [name for name in names if name not in probes and name != "process"]
    if unknown:
        raise ConfigurationError(
            f"This machine has no probe '{unknown[0]}'.",
            next_step=f"Use some of: {', '.join(('process', *probes))}.",
        )
    return [probe for name, probe in probes.items() if not names or name in names]


def _works_from_outside(probe: Probe) -> bool:
    try:
        probe.for_process(os.getpid())
    except UnsupportedError:
        return False
    return True


def _name(probe: Probe) -> str:
    return type(probe).__name__.removesuffix("Probe").lower()
