"""Limits as people write them: ``200MiB``, ``2s``, ``+10%``, ``-0.5s``. Pure.

A limit with a sign is relative to another run; one without is absolute::

    limit = [ "+" | "-" ] number [ unit ]
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from multimeter.analysis.units import limit_factors
from multimeter.errors import ConfigurationError

__all__ = ["Limit", "parse_limit"]

_LIMIT = re.compile(
    r"([+-])?\s*([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?|\.[0-9]+)\s*([A-Za-z%]*)"
)
_LONGEST = 60
_EXAMPLES = {"bytes": "200MiB", "s": "2s", "cores": "150%", "share": "80%", "J": "5kJ"}


@dataclass(frozen=True)
class Limit:
    """What a number may be.

    Attributes:
        value: The limit, or its distance from the other run's number, in the unit of
            the figure; of a percentage, the share: ``+10%`` is 0.1.
        relative: Whether it is a distance.
        percent: Whether the distance is a share of the other run's number.
    """

    value: float
    relative: bool = False
    percent: bool = False

    def allowed(self, baseline: float | None) -> float:
        """Return the number that is just allowed.

        Args:
            baseline: The number of the other run; None without one.

        Raises:
            ConfigurationError: The limit is relative, and there is no other run.
        """
        if not self.relative:
            return self.value
        if baseline is None:
            raise ConfigurationError(
                "A limit with a sign is relative to another run.",
                next_step="Name that run with --baseline, or give a limit without a sign.",
            )
        return baseline + self.value * (abs(baseline) if self.percent else 1.0)


def parse_limit(text: str, unit: str) -> Limit:
    """Return the limit that a text means.

    Args:
        text: The text.
        unit: The unit of the figure that it limits, as figures have it.

    Raises:
        ConfigurationError: It is none, or in a unit that the figure cannot have.
    """
    match = _LIMIT.fullmatch(text.strip()[:_LONGEST])
    if match is None or len(text.strip()) > _LONGEST:
        raise _refused(text, unit)
    sign, digits, given = match.groups()
    number = float(digits)
    if sign and given == "%":
        limit = Limit(float(f"{sign}{number / 100}"), relative=True, percent=True)
    else:
        factor = _factor(given, unit)
        if factor is None:
            raise _refused(text, unit)
        number *= factor
        limit = Limit(-number if sign == "-" else number, relative=sign is not None)
    if not math.isfinite(limit.value):
        raise _refused(text, unit)
    return limit


def _factor(given: str, unit: str) -> float | None:
    return limit_factors(unit).get(given) if given else 1.0


def _refused(text: str, unit: str) -> ConfigurationError:
    units = ", ".join(limit_factors(unit))
    example = _EXAMPLES.get(unit, "4")
    return ConfigurationError(
        f"'{text[:_LONGEST]}' is no limit" + (f" in {units}." if units else "."),
        next_step=f"Write something like +10%, or {example}.",
    )
