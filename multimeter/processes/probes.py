"""Choose the probes for measuring a process from outside."""

from __future__ import annotations

import os
from collections.abc import Sequence

from multimeter.errors import ConfigurationError, UnsupportedError
from multimeter.probe import Probe
from multimeter.probes.default import default_probes
from multimeter.probes.process import ProcessProbe

__all__ = ["chosen_probes"]


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
