"""Figures of runs: those that a run's entry has, else computed from its points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from multimeter.analysis.figures import (
    FIGURES,
    Figure,
    FigureDefinition,
    figure_named,
    figures_from,
    key_groups,
)
from multimeter.analysis.peaks import MissedPeak, marked_curves, missed_peaks
from multimeter.analysis.statistics import Statistic, SummedStatistics
from multimeter.data.baseline import Baseline
from multimeter.schema import Schema
from multimeter.visualization.embedded.store.runs import (
    LISTED_FIGURES,
    RunDescription,
    RunSummary,
    describe_run,
)
from multimeter.visualization.embedded.store.statistics import StoredStatistics
from multimeter.visualization.embedded.store.store import Store

__all__ = ["RunFigures"]

_LISTED = tuple(map(figure_named, LISTED_FIGURES))


@dataclass(frozen=True)
class _RunFacts:
    """What does not change while a run goes on.

    Attributes:
        schema: What its fields measure, if that is known.
        before: What marks of the kernel were before it.
        began: When it began; None where that is not known.
    """

    schema: Schema | None = None
    before: Mapping[str, float] = field(default_factory=dict)
    began: int | None = None


class RunFigures:
    """Computes the figures of runs.

    Args:
        store: Where the points are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._about: dict[tuple[str, int], _RunFacts] = {}

    def of(self, run: RunDescription) -> list[Figure]:
        """Return all figures of one run.

        Raises:
            StoreError: The store failed.
        """
        about = _about(run)
        found = self._statistics([(run, about)], FIGURES)[run.identifier]
        return self._figures(run, about, found, run.fields, FIGURES)

    def missed_peaks(self, run: RunDescription) -> list[MissedPeak]:
        """Return the peaks of a run that its curves do not show.

        Raises:
            StoreError: The store failed.
        """
        about = _about(run)
        keys = {each.key for pair in marked_curves(run.schema) for each in pair}
        found = self._store.statistics(keys, {run.identifier: about.began})
        largest = found.get(run.identifier, {})
        return missed_peaks(
            run.schema,
            lambda key: largest[key].max if key in largest else None,
            about.before,
        )

    def listed(self, runs: Sequence[RunSummary], now_ns: int) -> list[list[Figure]]:
        """Return the figures of many runs that a list shows.

        Args:
            runs: The runs.
            now_ns: The time, in ns since the epoch.

        Raises:
            StoreError: The store failed.
        """
        needed = [each for each in runs if each.points and _lacks(each)]
        abouts = {each.identifier: self._known(each, now_ns) for each in needed}
        kept = {(each.identifier, each.starts[-1]) for each in needed if each.starts}
        self._about = {key: each for key, each in self._about.items() if key in kept}
        found = self._statistics(
            [(each, abouts[each.identifier]) for each in needed], _LISTED
        )
        return [
            self._figures(
                run,
                abouts.get(run.identifier, _RunFacts(began=run.began)),
                statistics,
                statistics,
                _LISTED,
            )
            for run in runs
            for statistics in [found.get(run.identifier, {})]
        ]

    def _known(self, run: RunSummary, now_ns: int) -> _RunFacts:
        """Return what is known of a run: its entry is read once."""
        if not run.starts:
            return _RunFacts()
        key = run.identifier, run.starts[-1]
        if key not in self._about:
            described = describe_run(self._store, run.identifier, now_ns)
            self._about[key] = _about(described) if described else _RunFacts()
        return self._about[key]

    def _statistics(
        self,
        runs: Sequence[tuple[RunSummary, _RunFacts]],
        figures: Iterable[FigureDefinition],
    ) -> dict[str, dict[str, Statistic]]:
        # Each measurement has fields of its own; one query reads those of equal columns.
        keys: set[str] = set()
        for run, about in runs:
            fields = self._store.fields(run.identifier)
            keys |= {key for _, group in key_groups(fields, figures) for key in group}
            keys |= {each.key for pair in marked_curves(about.schema) for each in pair}
        starts = {run.identifier: about.began for run, about in runs}
        found = self._store.statistics(keys, starts) if starts else {}
        return {run.identifier: found.get(run.identifier, {}) for run, _ in runs}

    def _figures(
        self,
        run: RunSummary,
        about: _RunFacts,
        statistics: Mapping[str, Statistic],
        keys: Iterable[str],
        figures: Sequence[FigureDefinition],
    ) -> list[Figure]:
        if not run.points:
            return []
        stored = StoredStatistics(
            statistics,
            lambda factors: self._store.max_sum(run.identifier, factors, about.began),
        )
        summed = SummedStatistics(stored, about.schema, about.before)
        began = run.start if about.began is None else about.began
        found = figures_from(summed, keys, (run.end - began) / 1e9, run.figures, figures)
        return list(found)


def _about(run: RunDescription) -> _RunFacts:
    return _RunFacts(run.schema, Baseline.of(run.meta_data).values, run.began)


def _lacks(run: RunSummary) -> bool:
    return "cpu" not in run.figures or "peak_memory" not in run.figures
