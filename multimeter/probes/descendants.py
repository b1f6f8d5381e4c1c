"""DescendantsProbe: what the processes hold for themselves that a process has started."""

from __future__ import annotations

import os
from typing import Any

from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe
from multimeter.probes.process import process_source
from multimeter.probes.usage import ProcessSource, Usage
from multimeter.subject import Subject

__all__ = ["DESCENDANTS_MEMORY", "DescendantsProbe"]

DESCENDANTS_MEMORY = Measure(
    Subject("descendants", "All that descend from the process.", "tree"),
    Metric("memory_uss", "Memory that none of them shares (USS), added up.", "bytes", int),
)


class DescendantsProbe(Probe):
    """Samples how much memory the descendants of this process hold for themselves.

    A forked child shares the pages of its parent until one of them writes: its resident
    memory would count them again. Each sample reads all of their page tables, which
    takes some ms for a large process.
    """

    measures = (DESCENDANTS_MEMORY,)
    metrics = (DESCENDANTS_MEMORY.metric,)
    subjects = (DESCENDANTS_MEMORY.subject,)

    def __init__(self) -> None:
        self._source: ProcessSource | None = None
        self._known: dict[int, Usage] | None = None

    def start(self) -> None:
        """Begin with those that are there."""
        self._source = process_source(os.getpid())
        self._known = self._source.snapshot()

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:  # noqa: ARG002 - it holds now
        """Add up what they hold now."""
        if self._source is None:
            self.start()
        assert self._source is not None, "it has started"
        self._known = self._source.snapshot(self._known)
        values[DESCENDANTS_MEMORY.key] = sum(
            self._held_by(pid, usage)
            for pid, usage in self._known.items()
            if pid != os.getpid() and not usage.ended
        )

    def _held_by(self, pid: int, usage: Usage) -> int:
        assert self._source is not None, "it has started"
        memory = self._source.memory(pid)
        if memory is None or memory.uss is None:
            # It has ended by now, or the system does not say what it shares.
            return 0 if "uss" in self._source.served else usage.rss
        return memory.uss
