"""Baseline: what was known of a run before its first sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multimeter.data.columns import is_number

__all__ = ["OVERHEAD", "Baseline"]

OVERHEAD = "overhead"
"""The key of meta data with the CPU time of sampling: ``cpu_time`` in s, and whether the
measured process has spent it itself: ``inside``."""

_KEY = "baseline"


@dataclass(frozen=True)
class Baseline:
    """When a run started, and what the kernel's marks were then.

    It is kept in the meta data of a run, as ``baseline``.

    Attributes:
        time_ns: The start in ns since the epoch; None where it is not known.
        values: Measure keys to the finite numbers that were known.
    """

    time_ns: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, meta_data: Mapping[str, Any]) -> Baseline:
        """Read it from meta data, which other programs may have written."""
        kept = meta_data.get(_KEY)
        if not isinstance(kept, Mapping):
            return cls()
        time, values = kept.get("time_ns"), kept.get("values")
        known = values.items() if isinstance(values, Mapping) else ()
        return cls(
            time if type(time) is int else None,
            {key: value for key, value in known if is_number(value)},
        )

    def meta_data(self) -> dict[str, Any]:
        """Return it as an entry of meta data."""
        return {_KEY: {"time_ns": self.time_ns, "values": dict(self.values)}}
