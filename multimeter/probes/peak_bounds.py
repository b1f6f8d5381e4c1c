"""Bounds of what several processes held together at one moment."""

from __future__ import annotations

from multimeter.probes.usage import Usage

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PeakBounds"]

# Shared memory is read again when the resident memory has grown by so much.
_GROWTH = 1.05


class PeakBounds:
    """The largest sum of resident memory that was seen, and what it can have been.

    The kernel keeps a mark for each process and none for a tree. Between two looks, all
    processes together held at most the sum of their marks at the second one. One that
    ended in between has taken its last mark with it: it held at most what the kernel
    reports, of the largest of all, to the process that reaps them.

    Attributes:
        seen: The largest sum of a look, in bytes.
        processes: How many processes the last look had.
    """

    def __init__(self) -> None:
        self.seen = 0
        self.processes = 0
        self._read_at = 0.0
        self._before: dict[int, tuple[float, int]] = {}
        self._zombies: set[int] = set()
        # The largest sum of marks, by the number of processes whose mark is not known.
        self._sums: dict[int, int] = {}

    def update(self, now: Mapping[int, Usage], *, unseen: int) -> bool:
        """Record a look; return whether the sum has grown a good deal above all before.

        Args:
            now: The processes.
            unseen: How often processes were reaped since the look before that none has
                seen.
        """
        marks: dict[int, tuple[float, int]] = {}
        rss = sum_of_marks = self.processes = 0
        for pid, usage in now.items():
            if usage.ended:
                continue
            mark = max(usage.rss, usage.rss_peak)
            before = self._before.get(pid)
            if before is not None and before[0] == usage.started and before[1] > mark:
                mark = before[1]  # a new program begins with a new mark
            marks[pid] = (usage.started, mark)
            rss += usage.rss
            sum_of_marks += mark
            self.processes += 1
        zombies = now.keys() - marks
        ended = (
            unseen
            + len(self._before.keys() - marks)
            + len(zombies - self._before.keys() - self._zombies)
        )
        self._before, self._zombies = marks, zombies
        self._sums[ended] = max(self._sums.get(ended, 0), sum_of_marks)
        self.seen = max(self.seen, rss)
        if rss > self._read_at * _GROWTH:
            self._read_at = rss
            return True
        return False

    def at_most(self, of_one: int) -> int:
        """Return an upper bound, in bytes.

        Args:
            of_one: What each process held at most, in bytes.
        """
        sums = (known + ended * of_one for ended, known in self._sums.items())
        return max(sums, default=0)
