"""Estimate: a number, the bounds between which it lies, and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multimeter.data.columns import is_number

__all__ = ["AT_LEAST", "POINTS", "Estimate"]

POINTS = "points"
"""The source of a number that follows from the sampled points."""

AT_LEAST = "at least"
"""The flag of a number that is only a lower bound."""


@dataclass(frozen=True)
class Estimate:
    """A number about a whole run, with what is known of its error.

    Attributes:
        value: The best that is known; None where it was not seen at all.
        low: The truth is not below this; None where that is not known.
        high: The truth is not above this; None where that is not known.
        source: Who counted: ``points``, ``wait4``, ``taskstats``, ``cgroup``, ``proc``,
            ``getrusage``; of bytes also ``disk``, ``blocks``, ``calls``.
        flags: What to know about it, such as ``at least``.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    source: str = POINTS
    flags: tuple[str, ...] = ()

    @classmethod
    def exact(cls, value: float, source: str = POINTS, *flags: str) -> Estimate:
        """Return a number without an error.

        >>> Estimate.exact(4096, "disk").high
        4096
        """
        return cls(value, value, value, source, flags)

    @classmethod
    def at_least(
        cls, value: float | None, high: float | None, source: str = POINTS, *flags: str
    ) -> Estimate:
        """Return a number that is only a lower bound.

        Args:
            value: The lower bound; None where nothing was seen.
            high: The upper bound, if one is known.
            source: Who counted.
            *flags: More to know about it.
        """
        return cls(value, value or 0, high, source, (AT_LEAST, *flags))

    @property
    def bounds(self) -> tuple[float, float]:
        """Both bounds; infinite where none is known."""
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high

    @property
    def is_exact(self) -> bool:
        """Whether both bounds are the value."""
        return self.value is not None and self.low == self.value == self.high

    def divided(self, divisor: float) -> Estimate:
        """Return it divided by a positive number."""
        value, low, high = (
            None if each is None else each / divisor
            for each in (self.value, self.low, self.high)
        )
        return Estimate(value, low, high, self.source, self.flags)

    def rounded(self, digits: int | None) -> Estimate:
        """Return it with so many digits behind the point; None keeps all of them."""
        if digits is None:
            return self
        value, low, high = (
            None if each is None else round(each, digits or None)
            for each in (self.value, self.low, self.high)
        )
        return Estimate(value, low, high, self.source, self.flags)

    def to_json(self) -> dict[str, Any]:
        """Return it as an object of JSON with the names of the attributes."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "source": self.source,
            "flags": list(self.flags),
        }

    @classmethod
    def from_json(cls, data: object) -> Estimate | None:
        """Read what :meth:`to_json` has written; None for anything else."""
        if not isinstance(data, Mapping):
            return None
        value, low, high = (data.get(key) for key in ("value", "low", "high"))
        if not all(each is None or is_number(each) for each in (value, low, high)):
            return None
        flags = data.get("flags")
        return cls(
            value,
            low,
            high,
            str(data.get("source", POINTS)),
            tuple(map(str, flags)) if isinstance(flags, list) else (),
        )
