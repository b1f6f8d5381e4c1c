"""Which probes measure a program."""

from __future__ import annotations

import os
from collections.abc import Sequence

from multimeter.errors import ConfigurationError, UnsupportedError
from multimeter.probe import Probe
from multimeter.probes.default import default_probes
from multimeter.probes.process import ProcessProbe

__all__ = ["chosen_probes"]


def chosen_probes(names: Sequence[str] = ()) -> list[Probe]:
    """Return the probes that measure a program beside ``ProcessProbe``.

    They are made before the program is there, so that it need not wait for them.

    Args:
        names: Their names, such as ``gpu``; none for all that this machine can serve.
            ``process`` is there in any case.

    Raises:
        ConfigurationError: This machine has no probe of that name.
    """
    if set(names) == {"process"}:
        return []
    found = {_name(p): p for p in default_probes() if not isinstance(p, ProcessProbe)}
    if names:
        found = {name: p for name, p in found.items() if _looks_from_outside(p)}
    unknown = [name for name in names if name not in found and name != "process"]
    if unknown:
        raise ConfigurationError(
            f"There is no probe '{unknown[0]}' that this machine can serve.",
            next_step=f"Use some of: {', '.join(('process', *found))}.",
        )
    return [probe for name, probe in found.items() if not names or name in names]


def _looks_from_outside(probe: Probe) -> bool:
    try:
        probe.for_process(os.getpid())
    except UnsupportedError:
        return False
    return True


def _name(probe: Probe) -> str:
    return type(probe).__name__.removesuffix("Probe").lower()
