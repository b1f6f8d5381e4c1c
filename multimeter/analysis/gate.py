"""The gate: whether the figures of a run keep to limits. Pure.

A limit is written as ``200MiB``, ``2s``, ``+10%``, ``-0.5s``. With a sign, it is relative
to another run; without one, it is absolute::

    limit = [ "+" | "-" ] number [ unit ]
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from multimeter.analysis.figures import FIGURES, Figure
from multimeter.analysis.noise import (
    CONFIDENCE,
    KEPT_CONFIDENCE,
    difference_of,
    median_of,
)
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
    """The verdict on a run, or on several of the same, by one limit.

    Attributes:
        requirement: The limit.
        figure: The figure of the run; of several runs, the median with its bounds.
        baseline: The number of the other run, or the median of several; None without one.
        allowed: The number that is just allowed; None where it was not seen.
        excess: How far the figure is above the limit (negative: below it); its bounds
            cover the noise of several runs.
        runs: How many runs were judged, and how many there are on the other side.
    """

    requirement: Requirement
    figure: Figure
    baseline: Estimate | None
    allowed: float | None
    excess: Estimate
    runs: tuple[int, int] = (1, 0)

    @property
    def kept(self) -> bool | None:
        """Whether the limit is kept; None where it lies inside the bounds."""
        low, high = self.excess.bounds
        if self.requirement.direction == "min":
            low, high = -high, -low
        if high <= 0:
            return True
        return False if low > 0 else None


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
    runs: Sequence[Iterable[Figure]],
    baselines: Sequence[Iterable[Figure]] = (),
) -> list[Verdict]:
    """Return the verdict on some runs of the same by each limit.

    Args:
        requirements: The limits.
        runs: The figures of each run; at least one.
        baselines: The figures of each run that relative limits refer to.

    Raises:
        ConfigurationError: A figure that is limited was not measured, or a limit is
            relative to a run that is not there.
    """
    of_runs = [{each.id: each for each in figures} for figures in runs]
    of_baselines = [{each.id: each for each in figures} for figures in baselines]
    return [_verdict(each, of_runs, of_baselines) for each in requirements]


def _verdict(
    requirement: Requirement,
    runs: Sequence[Mapping[str, Figure]],
    baselines: Sequence[Mapping[str, Figure]],
) -> Verdict:
    key, limit = requirement.figure_id, requirement.limit
    figures = [_figure_of("run", key, each) for each in runs]
    estimates = [each.estimate for each in figures]
    others: list[Estimate] = []
    if limit.relative or all(key in each for each in baselines):
        others = [_figure_of("baseline", key, each).estimate for each in baselines]
    before = median_of(others) if others else None
    allowed = None
    if not limit.relative or before is None:
        allowed = limit.allowed(None)
    elif before.value is not None:
        allowed = limit.allowed(before.value)
    excess = difference_of(
        estimates,
        others if limit.relative else [Estimate.exact(0.0)],
        lambda value, other: value - limit.allowed(other),
        _TAILS[requirement.direction],
    )
    figure = replace(figures[0], estimate=median_of(estimates))
    return Verdict(
        requirement, figure, before, allowed, excess, (len(runs), len(baselines))
    )


_ALARM, _KEPT = 1 - CONFIDENCE, 1 - KEPT_CONFIDENCE
_TAILS = {"max": (_ALARM, _KEPT), "min": (_KEPT, _ALARM)}


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
        if math.isinf(baseline):
            return baseline
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
