"""Spans: what a run did up to its first mark, and from each mark to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from multimeter.analysis.figures import figure_named, key_groups
from multimeter.analysis.panel_definitions import HEADLINES
from multimeter.analysis.panels import known_metric, scale_of
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
        cpu_time: The CPU time in it, in seconds: of the tree of processes, else of the
            process with those of its children for which it has waited.
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
    begins = sorted({*run.starts, run.start if run.began is None else run.began})
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
    cpu, memory = _cpu_keys(run), _memory_key(run)
    scale = _scale(run, memory) if memory else 1.0
    bounds = [time for time, _ in cuts[: MOST_SPANS + 1]]
    did = store.parts(
        run.identifier, [*cpu, memory] if memory else cpu, bounds, begins, interrupt
    )
    return [
        _span(label, start, stop, part, memory, scale)
        for (start, stop), (_, label), part in zip(pairwise(bounds), cuts, did)
    ]


def _cpu_keys(run: RunDescription) -> tuple[str, ...]:
    """Return the rates that add up to the CPU time of the whole run."""
    groups = key_groups(run.fields, [figure_named("cpu_time")])
    rates = (keys for source, keys in groups if source.statistic == "total")
    return next(rates, ())


def _memory_key(run: RunDescription) -> str | None:
    headline = next(each for each in HEADLINES if "peak_memory" in each.figures)
    return next(iter(headline.keys(run.fields)), None)


def _scale(run: RunDescription, key: str) -> float:
    measures = run.schema.measures if run.schema else ()
    metrics = {each.key: each.metric for each in measures}
    return scale_of(metrics.get(key) or known_metric(key))


def _span(
    label: str,
    start: int,
    stop: int,
    did: Mapping[str, Part],
    memory: str | None,
    scale: float,
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
        None if peak is None else peak * scale,
    )
