"""Gaps: where a curve has to be broken, because nothing came for long.

What is long follows from the curve itself: from the distances between its points, which
are known from the first time, the last time and the number of points of each bucket.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multimeter.analysis.series import GAP

__all__ = ["breaks"]

_USUAL = 0.8
"""The part of all distances that are no longer than the usual one."""


def breaks(first: NDArray[Any], last: NDArray[Any], counts: NDArray[Any]) -> list[int]:
    """Return the places of the buckets before which there is a gap.

    The usual distance is that which four of five distances do not exceed, so that a
    few gaps in a short curve do not pass for its pace.

    Args:
        first: The time of the first point of each bucket, in ns; increasing.
        last: The time of its last point.
        counts: The number of its points, at least 1.
    """
    # As floats: times can lie further apart than 64 bits hold.
    first, last = first.astype(np.float64), last.astype(np.float64)
    between = first[1:] - last[:-1]
    if not len(between):
        return []
    crowded = counts > 1
    within = (last[crowded] - first[crowded]) / (counts[crowded] - 1)
    distances = np.concatenate([between, within])
    weights = np.concatenate([np.ones(len(between)), counts[crowded] - 1.0])
    order = np.argsort(distances)
    ranks = np.cumsum(weights[order])
    place = np.searchsorted(ranks, np.floor(_USUAL * (ranks[-1] - 1)) + 1)
    usual = distances[order][place]
    return [int(place) + 1 for place in np.flatnonzero(between > GAP * usual)]
