"""Figures of runs: as stored in the entry of the run, else computed; and of spans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from multimeter.analysis.figures import (
    FIGURES,
    Figure,
    FigureDefinition,
    figure_named,
    figures_from,
    key_groups,
)
from multimeter.analysis.panel_definitions import HEADLINES
from multimeter.analysis.panels import known_metric, scale_of
from multimeter.analysis.peaks import MissedPeak, marked_curves, missed_peaks
from multimeter.analysis.statistics import Statistic, SummedStatistics
from multimeter.data.baseline import Baseline
from multimeter.schema import Schema
from multimeter.visualization.embedded.store.database import Interrupt
from multimeter.visualization.embedded.store.export import Part
from multimeter.visualization.embedded.store.runs import (
    LISTED_FIGURES,
    RunDescription,
    RunSummary,
    describe_run,
    run_marks,
)
from multimeter.visualization.embedded.store.statistics import StoredStatistics
from multimeter.visualization.embedded.store.store import Store

__all__ = ["MOST_SPANS", "RunFigures", "Span", "run_spans"]

_LISTED = tuple(map(figure_named, LISTED_FIGURES))


@dataclass(frozen=True)
class _RunFacts:
    """Facts about a run that do not change while it is live.

    Attributes:
        schema: The schema of its fields, if there is one.
        before: The peaks of the kernel before the run.
        began: Its start; None where it is unknown.
    """

    schema: Schema | None = None
    before: Mapping[str, float] = field(default_factory=dict)
    began: int | None = None


class RunFigures:
    """Computes the figures of runs.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._facts: dict[tuple[str, int], _RunFacts] = {}

    def of(self, run: RunDescription) -> list[Figure]:
        """Return all figures of one run.

        Raises:
            StoreError: The store failed.
        """
        facts = _facts_of(run)
        statistics = self._statistics([(run, facts)], FIGURES)[run.identifier]
        return self._figures(run, facts, statistics, run.fields, FIGURES)

    def missed_peaks(self, run: RunDescription) -> list[MissedPeak]:
        """Return the peaks of a run that its curves miss.

        Raises:
            StoreError: The store failed.
        """
        facts = _facts_of(run)
        keys = {each.key for pair in marked_curves(run.schema) for each in pair}
        statistics = self._store.statistics(keys, {run.identifier: facts.began})
        largest = statistics.get(run.identifier, {})
        return missed_peaks(
            run.schema,
            lambda key: largest[key].max if key in largest else None,
            facts.before,
        )

    def listed(self, runs: Sequence[RunSummary], now_ns: int) -> list[list[Figure]]:
        """Return the figures in the list of runs, for many runs at once.

        Args:
            runs: The runs.
            now_ns: The time, in ns since the epoch.

        Raises:
            StoreError: The store failed.
        """
        needed = [each for each in runs if each.points and _lacks(each)]
        facts_by_run = {
            each.identifier: self._cached_facts(each, now_ns) for each in needed
        }
        kept = {(each.identifier, each.starts[-1]) for each in needed if each.starts}
        self._facts = {key: each for key, each in self._facts.items() if key in kept}
        computed = self._statistics(
            [(each, facts_by_run[each.identifier]) for each in needed], _LISTED
        )
        return [
            self._figures(
                run,
                facts_by_run.get(run.identifier, _RunFacts(began=run.began)),
                statistics,
                statistics,
                _LISTED,
            )
            for run in runs
            for statistics in [computed.get(run.identifier, {})]
        ]

    def _cached_facts(self, run: RunSummary, now_ns: int) -> _RunFacts:
        """Return the facts about a run, whose entry is read only once."""
        if not run.starts:
            return _RunFacts()
        key = run.identifier, run.starts[-1]
        if key not in self._facts:
            described = describe_run(self._store, run.identifier, now_ns)
            self._facts[key] = _facts_of(described) if described else _RunFacts()
        return self._facts[key]

    def _statistics(
        self,
        runs: Sequence[tuple[RunSummary, _RunFacts]],
        figures: Iterable[FigureDefinition],
    ) -> dict[str, dict[str, Statistic]]:
        # Measurements have different fields; one query reads all with the same columns.
        keys: set[str] = set()
        for run, facts in runs:
            fields = self._store.fields(run.identifier)
            keys |= {key for _, group in key_groups(fields, figures) for key in group}
            keys |= {each.key for pair in marked_curves(facts.schema) for each in pair}
        starts = {run.identifier: facts.began for run, facts in runs}
        statistics = self._store.statistics(keys, starts) if starts else {}
        return {run.identifier: statistics.get(run.identifier, {}) for run, _ in runs}

    def _figures(
        self,
        run: RunSummary,
        facts: _RunFacts,
        statistics: Mapping[str, Statistic],
        keys: Iterable[str],
        figures: Sequence[FigureDefinition],
    ) -> list[Figure]:
        if not run.points:
            return []
        stored = StoredStatistics(
            statistics,
            lambda factors: self._store.max_sum(run.identifier, factors, facts.began),
        )
        summed = SummedStatistics(stored, facts.schema, facts.before)
        began = run.start if facts.began is None else facts.began
        computed = figures_from(summed, keys, (run.end - began) / 1e9, run.figures, figures)
        return list(computed)


def _facts_of(run: RunDescription) -> _RunFacts:
    return _RunFacts(run.schema, Baseline.of(run.meta_data).values, run.began)


def _lacks(run: RunSummary) -> bool:
    return "cpu" not in run.figures or "peak_memory" not in run.figures


MOST_SPANS = 300
"""The maximum number of spans; later ones are left out."""


@dataclass(frozen=True)
class Span:
    """A part of a run between two marks; None for what was not measured.

    Attributes:
        label: The label of the mark at its start; empty before the first mark.
        start: Its start, in ns since the epoch.
        stop: Its end.
        cpu_time: Its CPU time in seconds: of the process tree, else of the process and
            the children that it has waited for.
        mean_cpu: The mean number of busy cores.
        peak_memory: The largest sampled memory, in bytes.
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
    """Return the spans of a run, sorted by time; none for a run without marks.

    A rate is the count since the previous point divided by the time, so multiplied by the
    time it is the count again. Where a mark is between two points, the spans on both
    sides get their share of it.

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
    """Return the rates whose integrals sum up to the CPU time of the run."""
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
    integrals = [each for each in used if each is not None]
    cpu_time = sum(integrals) if integrals else None
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
