"""The gate: whether the figures of a run keep to limits. Pure.

A limit is written as ``200MiB``, ``2s``, ``+10%``, ``-0.5s``. With a sign, it is relative
to another run; without one, it is absolute::

    limit = [ "+" | "-" ] number [ unit ]
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from multimeter.analysis.figures import FIGURES, Figure
from multimeter.analysis.units import limit_factors
from multimeter.data.estimate import Estimate
from multimeter.errors import ConfigurationError

__all__ = [
    "Limit",
    "Requirement",
    "Verdict",
    "judge",
    "parse_limit",
    "parse_requirement",
]

Direction = Literal["max", "min"]


@dataclass(frozen=True)
class Requirement:
    """One limit of one figure.

    Attributes:
        figure_id: The id of the figure.
        direction: Whether it may be no more, or no less.
        text: The limit as it was written.
        limit: The limit.
    """

    figure_id: str
    direction: Direction
    text: str
    limit: Limit


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run by one limit.

    Attributes:
        requirement: The limit.
        figure: The figure of the run.
        baseline: The number of the other run; None where there is none.
        allowed: The number that is just allowed, with its bounds: those of the other run
            move a relative limit.
    """

    requirement: Requirement
    figure: Figure
    baseline: float | None
    allowed: Estimate

    @property
    def kept(self) -> bool | None:
        """Whether the run keeps to it; None where the limit lies inside the bounds."""
        low, high = _interval(self.figure.estimate)
        lowest, highest = _interval(self.allowed)
        if self.requirement.direction == "min":
            low, high, lowest, highest = -high, -low, -highest, -lowest
        if high <= lowest:
            return True
        return False if low > highest else None


def _interval(estimate: Estimate) -> tuple[float, float]:
    low = -math.inf if estimate.low is None else estimate.low
    return low, math.inf if estimate.high is None else estimate.high


def parse_requirement(text: str, direction: Direction) -> Requirement:
    """Return what ``KEY=LIMIT`` requires.

    Raises:
        ConfigurationError: It has another form, or there is no such figure or limit.
    """
    key, equals, limit = text.partition("=")
    key = key.strip()
    if not equals:
        raise ConfigurationError(
            f"'{text}' is not KEY=LIMIT.",
            next_step=f"Write something like --{direction} peak_memory=+10%",
        )
    units = {each.id: each.unit for each in FIGURES}
    if key not in units:
        near = difflib.get_close_matches(key, units, 3, 0.5) or units
        raise ConfigurationError(
            f"There is no figure '{key}'.", next_step=f"Take one of: {', '.join(near)}"
        )
    return Requirement(key, direction, limit.strip(), parse_limit(limit, units[key]))


def judge(
    requirements: Iterable[Requirement],
    figures: Iterable[Figure],
    baseline: Iterable[Figure] | None,
) -> list[Verdict]:
    """Return the verdict on a run by each limit.

    Args:
        requirements: The limits.
        figures: The figures of the run.
        baseline: The figures of the run that relative limits refer to.

    Raises:
        ConfigurationError: A figure that is limited was not measured, or a limit is
            relative to a run that is not there.
    """
    of_run = {each.id: each for each in figures}
    of_baseline = None if baseline is None else {each.id: each for each in baseline}
    return [_verdict(each, of_run, of_baseline) for each in requirements]


def _verdict(
    requirement: Requirement,
    figures: Mapping[str, Figure],
    baseline: Mapping[str, Figure] | None,
) -> Verdict:
    figure = _figure_of("run", requirement.figure_id, figures)
    relative = requirement.limit.relative
    before: Estimate | None = None
    if baseline is not None and (relative or requirement.figure_id in baseline):
        before = _figure_of("baseline", requirement.figure_id, baseline).estimate
    limit = requirement.limit
    bounds = (before.value, before.low, before.high) if before else (None, None, None)
    if not relative or before is None:
        allowed = Estimate.exact(limit.allowed(None))
    else:
        value, low, high = (
            None if each is None else limit.allowed(each) for each in bounds
        )
        allowed = Estimate(value, low, high, before.source, before.flags)
    return Verdict(requirement, figure, bounds[0], allowed)


def _figure_of(which: str, key: str, figures: Mapping[str, Figure]) -> Figure:
    if key not in figures:
        raise ConfigurationError(
            f"The {which} has no figure '{key}': it cannot be judged.",
            cause="No probe has measured it, or the run has no points.",
            next_step=f"It has: {', '.join(figures) or 'none'}.",
        )
    return figures[key]


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
