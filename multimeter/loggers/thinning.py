"""Thinning: leave out points that add no information. Pure."""

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
    """Which points of a series to keep.

    A point is kept if its value differs from the last kept value by more than
    ``absolute``, or by more than ``relative`` times that value, whichever is larger; or
    if ``longest_silence`` has passed since. The point before a jump is kept along with
    the one after it, so that a line through the points shows a jump, not a ramp.

    Attributes:
        absolute: In units of the value.
        relative: As a fraction of the last kept value: 0.01 is one per cent.
        longest_silence: In s, by the times of the points; None for no limit.

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
        """Return whether a point is within the band around the last kept one."""
        band = max(self.absolute, self.relative * abs(kept[1]))
        if not abs(point[1] - kept[1]) <= band:
            return False
        silence = self.longest_silence
        return silence is None or point[0] - kept[0] < silence * 1e9


class Thinner:
    """Thins out one series.

    Args:
        band: Which points to keep.

    Attributes:
        left_out: How many points were left out for good.
    """

    def __init__(self, band: DeadBand) -> None:
        self.left_out = 0
        self._band = band
        self._kept: Point | None = None
        self._held: Point | None = None

    def take(self, point: Point) -> Iterable[Point]:
        """Process the next point; return the points to keep now, in order."""
        if self._kept is not None and self._band.holds(self._kept, point):
            self.left_out += self._held is not None
            self._held = point
            return ()
        if not math.isfinite(point[1]):
            # Pass it on, to be counted; later points are compared to finite values only.
            return (*self.rest(), point)
        before = self.rest()
        self._kept = point
        return (*before, point)

    def rest(self) -> Iterable[Point]:
        """Return the point that was held back, if any: the end of the series."""
        held, self._held = self._held, None
        if held is None:
            return ()
        self._kept = held
        return (held,)


def make_thinners(
    thinning: DeadBand | Mapping[str, DeadBand] | None, codenames: Sequence[str]
) -> dict[str, Thinner]:
    """Return the thinners of the codenames that are thinned.

    Args:
        thinning: One dead band for all codenames, one each for some, or None.
        codenames: All codenames.

    Raises:
        ConfigurationError: A codename is unknown.
    """
    if thinning is None:
        return {}
    if isinstance(thinning, DeadBand):
        thinning = dict.fromkeys(codenames, thinning)
    unknown = sorted(set(thinning).difference(codenames))
    if unknown:
        raise ConfigurationError(f"'thinning' names an unknown codename: {unknown[0]!r}.")
    return {codename: Thinner(band) for codename, band in thinning.items()}
