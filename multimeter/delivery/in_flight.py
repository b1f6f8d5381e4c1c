"""The parts of the batch in flight that are not settled yet. Pure."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from multimeter.sinks.base import Batch

__all__ = ["InFlightBatch"]


class InFlightBatch:
    """The parts of a batch that are neither delivered nor rejected yet, in order.

    Args:
        *parts: The whole batch, or the intact parts of a damaged one.
    """

    def __init__(self, *parts: Batch) -> None:
        self._parts = collections.deque(part for part in parts if part.lines)

    @property
    def remaining(self) -> int:
        """How many records are left."""
        return sum(map(len, self._parts))

    def part(self, most: int) -> Batch:
        """Return the next part to send, of at most ``most`` records."""
        part = self._parts[0]
        if len(part) > most:
            self._split([(0, most), (most, len(part))])
        return self._parts[0]

    def delivered(self) -> None:
        """Remove the next part: it was delivered."""
        self._parts.popleft()

    def rejected(self, records: Iterable[int]) -> None:
        """Remove some records from the next part; the others are sent again."""
        part, bounds, start = self._parts[0], [], 0
        for record in sorted(records):
            bounds.append((start, record))
            start = record + 1
        self._split([*bounds, (start, len(part))])

    def halve(self) -> None:
        """Split the next part, of two records or more, in two."""
        size = len(self._parts[0])
        self._split([(0, size // 2), (size // 2, size)])

    def postpone(self) -> bool:
        """Move the next part behind all others; return whether there are any."""
        self._parts.rotate(-1)
        return len(self._parts) > 1

    def _split(self, bounds: Sequence[tuple[int, int]]) -> None:
        part = self._parts.popleft()
        self._parts.extendleft(
            part.part(start, stop) for start, stop in reversed(bounds) if start < stop
        )
