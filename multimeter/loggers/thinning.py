"""Thinning: leaving out points that tell nothing new. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from multimeter.errors import ConfigurationError

__all__ = ["DeadBand", "Thinner", "make_thinners"]

Point = tuple[int, float]
"""A time in ns since the epoch, and a value."""


@dataclass(frozen=True)
class DeadBand:
    """Which points of a series are worth keeping.

    A point is kept when its value differs from the one kept last by more than
    ``absolute``, or by more than ``relative`` times that, whichever is more; or when
    ``longest_silence`` has passed since. With the point after a jump goes the last one
    before it, so that a line through the points shows a jump, and not a ramp.

    Attributes:
        absolute: In units of the value.
        relative: As a part of the value that was kept last: 0.01 is one per cent.
        longest_silence: In seconds, by the times of the points; None for no end.

    Raises:
        ConfigurationError: One of them is negative or not finite.
    """

    absolute: float = 0.0
    relative: float = 0.0
    longest_silence: float | None = None

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if number is not None and not 0 <= number < math.inf:
                raise ConfigurationError(
                    f"'{name}' must be a number that is not negative, not {number!r}."
                )

    def holds(self, kept: Point, point: Point) -> bool:
        """Return whether a point tells nothing new after the one that was kept last."""
        band = max(self.absolute, self.relative * abs(kept[1]))
        if not abs(point[1] - kept[1]) <= band:
            return False
        silence = self.longest_silence
        return silence is None or point[0] - kept[0] < silence * 1e9


class Thinner:
    """Thins out one series.

    Args:
        band: What is worth keeping.

    Attributes:
        left_out: How many points were left out for good.
    """

    def __init__(self, band: DeadBand) -> None:
        self.left_out = 0
        self._band = band
        self._kept: Point | None = None
        self._held: Point | None = None

    def take(self, point: Point) -> Iterable[Point]:
        """Take the next point; return those to keep now, in order."""
        if self._kept is not None and self._band.holds(self._kept, point):
            self.left_out += self._held is not None
            self._held = point
            return ()
        if not math.isfinite(point[1]):
            # It is counted where it goes. What comes after it is compared to numbers.
            return (*self.rest(), point)
        before = self.rest()
        self._kept = point
        return (*before, point)

    def rest(self) -> Iterable[Point]:
        """Return the last point, if it was held back: the end of the series."""
        held, self._held = self._held, None
        if held is None:
            return ()
        self._kept = held
        return (held,)


def make_thinners(
    thinning: DeadBand | Mapping[str, DeadBand] | None, codenames: Sequence[str]
) -> dict[str, Thinner]:
    """Return the thinners of those codenames that are thinned out.

    Args:
        thinning: One dead band for all, one for each of some, or None.
        codenames: All codenames.

    Raises:
        ConfigurationError: Another codename is named.
    """
    if thinning is None:
        return {}
    if isinstance(thinning, DeadBand):
        thinning = dict.fromkeys(codenames, thinning)
    unknown = sorted(set(thinning).difference(codenames))
    if unknown:
        raise ConfigurationError(f"'thinning' names an unknown codename: {unknown[0]!r}.")
    return {codename: Thinner(band) for codename, band in thinning.items()}
