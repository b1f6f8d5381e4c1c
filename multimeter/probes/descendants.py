"""A probe for the unshared memory of the descendants of this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe
from multimeter.probes.process import process_source
from multimeter.probes.usage import Usage
from multimeter.subject import Subject

if TYPE_CHECKING:
    from multimeter.probes.usage import ProcessSource

__all__ = ["DESCENDANTS_MEMORY", "DescendantsProbe"]

DESCENDANTS_MEMORY = Measure(
    Subject("descendants", "All that descend from the process.", "tree"),
    Metric("memory_uss", "Memory that none of them shares (USS), added up.", "bytes", int),
)


class DescendantsProbe(Probe):
    """Samples the unshared memory (USS) of the descendants of this process.

    A forked child shares the pages of its parent until one of them writes: resident
    memory would count these pages twice. Each sample reads all page tables of the
    descendants, which takes some ms for a large process.
    """

    measures = (DESCENDANTS_MEMORY,)
    metrics = (DESCENDANTS_MEMORY.metric,)
    subjects = (DESCENDANTS_MEMORY.subject,)

    def __init__(self) -> None:
        self._source: ProcessSource | None = None
        self._seen: dict[int, Usage] | None = None

    def start(self) -> None:
        """Take a first look at the descendants."""
        self._source = process_source(os.getpid())
        self._seen = self._source.snapshot()

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:  # noqa: ARG002 - a level, not a rate
        """Add up their current unshared memory."""
        if self._source is None:
            self.start()
        assert self._source is not None, "it has started"
        self._seen = self._source.snapshot(self._seen)
        values[DESCENDANTS_MEMORY.key] = sum(
            self._unshared(pid, usage)
            for pid, usage in self._seen.items()
            if pid != os.getpid() and not usage.ended
        )

    def _unshared(self, pid: int, usage: Usage) -> int:
        assert self._source is not None, "it has started"
        memory = self._source.memory(pid)
        if memory is None or memory.uss is None:
            # It has just ended, or the system does not report shared memory.
            return 0 if "uss" in self._source.served else usage.rss
        return memory.uss
