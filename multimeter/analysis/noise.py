"""Noise: how far a difference between runs can be trusted. Pure.

Runs of the same program differ. The medians of several runs a side are compared, and a
bootstrap (https://doi.org/10.1214/aos/1176344552) gives the interval in which their
difference lies: both sides are drawn again, with repetition, some thousand times. Of one
run a side, only the bounds of the figure itself are known, and not its noise.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import Literal

from multimeter.data.estimate import Estimate

__all__ = [
    "CONFIDENCE",
    "KEPT_CONFIDENCE",
    "Effect",
    "difference_of",
    "effect_of",
    "median_of",
]

Effect = Literal["differs", "same", "undecided"]

CONFIDENCE = 0.99
"""How sure an interval is, and that a limit is broken."""

KEPT_CONFIDENCE = 0.9
"""How sure it is that a limit is kept: an alarm without a cause costs more than a verdict
that is put off."""

_TAILS = ((1 - CONFIDENCE) / 2, (1 - CONFIDENCE) / 2)
_DRAWS = 2_000
_SEED = 1  # the same runs get the same verdict


def median_of(estimates: Sequence[Estimate]) -> Estimate:
    """Return the median of several runs, with the interval in which it lies.

    Args:
        estimates: The same figure of each run; at least one.

    >>> median_of([Estimate.exact(each) for each in (1.0, 5.0, 2.0)]).value
    2.0
    """
    if len(estimates) == 1:
        return estimates[0]
    return difference_of(estimates, [Estimate.exact(0.0)], lambda value, _: value)


def difference_of(
    runs: Sequence[Estimate],
    baseline: Sequence[Estimate],
    distance: Callable[[float, float], float],
    tails: tuple[float, float] = _TAILS,
) -> Estimate:
    """Return how far the median of some runs is from that of others.

    Args:
        runs: The figure of each run; at least one.
        baseline: The figure of each run of the other side; at least one.
        distance: Returns the distance of a number of the first side from one of the
            other; it rises with the first and falls with the second, or both not at all.
        tails: Which shares of all draws lie below the lower and above the upper bound.

    Returns:
        The distance of the medians; the bounds cover the noise and what is not known of
        each figure. No value where one side was not seen.
    """
    draw = random.Random(_SEED)  # noqa: S311 - no secret
    lows, highs = [], []
    for _ in range(_DRAWS if max(len(runs), len(baseline)) > 1 else 1):
        some, others = _drawn(draw, runs), _drawn(draw, baseline)
        lows.append(distance(_median(map(_low, some)), _median(map(_high, others))))
        highs.append(distance(_median(map(_high, some)), _median(map(_low, others))))
    values = [[each.value for each in side] for side in (runs, baseline)]
    known = [[v for v in side if v is not None] for side in values]
    value = None
    if all(known):
        value = distance(statistics.median(known[0]), statistics.median(known[1]))
    flags = dict.fromkeys(flag for each in (*runs, *baseline) for flag in each.flags)
    return Estimate(
        value,
        _finite(_quantile(lows, tails[0])),
        _finite(_quantile(highs, 1 - tails[1])),
        runs[0].source,
        tuple(flags),
    )


def effect_of(difference: Estimate | None, smallest: float = 0.0) -> Effect | None:
    """Return whether a difference is one.

    Args:
        difference: A difference with its bounds.
        smallest: What is not larger than this, up or down, does not matter.

    Returns:
        ``differs`` where it is larger for sure, ``same`` where it is not larger for sure,
        ``undecided`` where the noise hides it; None where it is not known.

    >>> effect_of(Estimate(3.0, 1.0, 5.0)), effect_of(Estimate(3.0, 1.0, 5.0), 2.0)
    ('differs', 'undecided')
    >>> effect_of(Estimate(0.1, -1.0, 1.5), 2.0)
    'same'
    """
    if difference is None or difference.value is None:
        return None
    low, high = difference.bounds
    if low > smallest or high < -smallest:
        return "differs"
    return "same" if -smallest <= low and high <= smallest else "undecided"


def _drawn(draw: random.Random, side: Sequence[Estimate]) -> Sequence[Estimate]:
    return side if len(side) == 1 else draw.choices(side, k=len(side))


def _low(estimate: Estimate) -> float:
    return estimate.bounds[0]


def _high(estimate: Estimate) -> float:
    return estimate.bounds[1]


def _median(values: map[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2 or math.isinf(ordered[middle - 1]):
        return ordered[middle] if len(ordered) % 2 else ordered[middle - 1]
    return (ordered[middle - 1] + ordered[middle]) / 2


def _quantile(values: list[float], share: float) -> float:
    values.sort()
    return values[min(len(values) - 1, max(0, round(share * (len(values) - 1))))]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
