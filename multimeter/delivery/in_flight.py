"""InFlightBatch: what is left of the one batch that is on its way. Pure."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from multimeter.sinks.base import Batch

__all__ = ["InFlightBatch"]


class InFlightBatch:
    """The parts of a batch that are neither delivered nor rejected yet, in order.

    Args:
        *parts: The whole batch, or what is left of one that is damaged.
    """

    def __init__(self, *parts: Batch) -> None:
        self._parts = collections.deque(part for part in parts if part.lines)

    @property
    def remaining(self) -> int:
        """How many records are left."""
        return sum(map(len, self._parts))

    def part(self, most: int) -> Batch:
        """Return the next part to send, of at most so many records."""
        part = self._parts[0]
        if len(part) > most:
            self._cut([(0, most), (most, len(part))])
        return self._parts[0]

    def delivered(self) -> None:
        """Forget the next part: it has arrived."""
        self._parts.popleft()

    def rejected(self, records: Iterable[int]) -> None:
        """Forget some records of the next part; its other records are sent again."""
        part, bounds, start = self._parts[0], [], 0
        for record in sorted(records):
            bounds.append((start, record))
            start = record + 1
        self._cut([*bounds, (start, len(part))])

    def halve(self) -> None:
        """Cut the next part, of two records or more, in two."""
        size = len(self._parts[0])
        self._cut([(0, size // 2), (size // 2, size)])

    def postpone(self) -> bool:
        """Let all other parts go first; tell whether there are any."""
        self._parts.rotate(-1)
        return len(self._parts) > 1

    def _cut(self, bounds: Sequence[tuple[int, int]]) -> None:
        part = self._parts.popleft()
        self._parts.extendleft(
            part.part(start, stop) for start, stop in reversed(bounds) if start < stop
        )
