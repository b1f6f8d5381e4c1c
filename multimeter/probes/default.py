"""The probes that this machine can serve."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable
from functools import partial

from multimeter.errors import UnsupportedError
from multimeter.probe import Probe
from multimeter.sampling.overhead import SamplerProbe
from multimeter.system.deprecation import renamed
from multimeter.system.log import log

__all__ = ["ENTRY_POINTS", "default_probes"]

ENTRY_POINTS = "multimeter.probes"
"""The group of entry points by which other packages add probes: each is something to
call without arguments, such as a class, that returns a probe."""

_SYSTEM: str = sys.platform


def default_probes(
    pid: int | None = None, *, since_start: bool = False, whole: bool | None = None
) -> list[Probe]:
    """Return the probes that this machine can serve, those of other packages included.

    What it cannot serve is left out, without a word: no GPU is no error.

    Args:
        pid: The process that shall be measured, from outside; also the id of this one,
            for ``Multimeter(..., sampler="process")``. By default, this process is
            measured from the inside, where more can be told.
        since_start: Whether counters start with the process, not with the measurement:
            for a process that has just been started.
        whole: Deprecated: the former name of ``since_start``.

    Raises:
        ProbeError: There is no process with this id.
    """
    from multimeter.probes.process import ProcessProbe

    since_start = renamed("whole", whole, "since_start", since_start)
    probes: list[Probe] = [ProcessProbe(pid, since_start=since_start)]
    for name, make in (*_own(pid), *_of_others()):
        try:
            probe = make()
            probes.append(probe if pid is None else probe.for_process(pid))
        except UnsupportedError:
            continue
        except Exception as error:  # noqa: BLE001 - not ours, and the others go on
            log().warning("The probe %s cannot be used: %r", name, error)
    return probes


def _own(pid: int | None) -> list[tuple[str, Callable[[], Probe]]]:
    """Return what may be served here, as far as a look at the system can tell."""
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
    """Return whether it is worth while to load the driver's library, which is slow."""
    if _SYSTEM == "linux":
        # /dev/dxg is the GPU in the Windows Subsystem for Linux.
        return any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg")))
    return _SYSTEM == "win32"


def _of_others() -> list[tuple[str, Callable[[], Probe]]]:
    entries = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return [(each.name, partial(_make, each)) for each in entries]


def _make(entry: importlib.metadata.EntryPoint) -> Probe:
    probe: Probe = entry.load()()
    return probe
