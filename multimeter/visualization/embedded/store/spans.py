"""Spans: what a run did up to its first mark, and from each mark to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from multimeter.visualization.dashboards.definition import SPAN_CPU, SPAN_MEMORY
from multimeter.visualization.dashboards.panels import scale_of
from multimeter.visualization.embedded.store.export import Part
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store.runs import RunDescription, run_marks
from multimeter.visualization.embedded.store.store import Store

__all__ = ["MOST_SPANS", "Span", "run_spans"]

MOST_SPANS = 300
"""How many spans are computed; those after them are left out."""


@dataclass(frozen=True)
class Span:
    """A part of a run; what was not measured is None.

    Attributes:
        label: The label of the mark at its begin; empty before the first mark.
        start: When it begins, in ns since the epoch.
        stop: When it ends.
        cpu_time: The CPU time of the process in it, in seconds.
        mean_cpu: How many cores were busy in the mean.
        peak_memory: The largest sampled memory in it, in bytes.
    """

    label: str
    start: int
    stop: int
    cpu_time: float | None
    mean_cpu: float | None
    peak_memory: float | None


def run_spans(
    store: Store, run: RunDescription, interrupt: Interrupt | None = None
) -> list[Span]:
    """Return the spans of a run in the order of time; none for a run without marks.

    A rate is what was counted since the point before, divided by the time: times that
    time it is the count again. Where a mark lies between two points, each of its sides
    gets its share of it.

    Raises:
        StoreError: The store failed.
    """
    begins = run.starts or (run.start,)
    start = min(run.start, begins[0])
    cuts = [(start, "")]
    cuts += [
        (mark.time_ns, mark.label)
        for mark in run_marks(store, run.identifier)
        if mark.time_ns <= run.end
    ]
    if not run.points or len(cuts) == 1:
        return []
    if cuts[1][0] <= start:
        del cuts[0]
    cuts.append((run.end, ""))
    cpu = [key for key in SPAN_CPU if key in run.fields]
    memory = next((key for key in SPAN_MEMORY if key in run.fields), None)
    bounds = [time for time, _ in cuts[: MOST_SPANS + 1]]
    did = store.parts(
        run.identifier, [*cpu, memory] if memory else cpu, bounds, begins, interrupt
    )
    return [
        _span(label, start, stop, part, memory)
        for (start, stop), (_, label), part in zip(pairwise(bounds), cuts, did)
    ]


def _span(
    label: str,
    start: int,
    stop: int,
    did: Mapping[str, Part],
    memory: str | None,
) -> Span:
    used = [part.integral for key, part in did.items() if key != memory]
    known = [each for each in used if each is not None]
    cpu_time = sum(known) if known else None
    seconds = (stop - start) / 1e9
    peak = did[memory].max if memory is not None and memory in did else None
    return Span(
        label,
        start,
        stop,
        cpu_time,
        cpu_time / seconds if cpu_time is not None and seconds > 0 else None,
        peak * scale_of(memory) if peak is not None and memory else None,
    )
