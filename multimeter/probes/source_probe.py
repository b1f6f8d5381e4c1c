"""What probes have in common that read counters and levels of one subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe, not_started
from multimeter.probes.rates import Rates
from multimeter.schema import Schema
from multimeter.subject import Subject

__all__ = ["MeasuresProbe", "Source", "SourceProbe"]


class MeasuresProbe(Probe):
    """A probe whose metrics and subjects follow from its measures.

    Args:
        measures: What it gives.
    """

    def __init__(self, measures: Iterable[Measure]) -> None:
        self._schema = Schema.of_measures(measures)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What can be told here."""
        return self._schema.metrics

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Of what it can be told."""
        return self._schema.subjects

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Which metric on which subject."""
        return self._schema.measures


class Source(Protocol):
    """Where the numbers about one subject come from."""

    def counters(self) -> dict[str, float]:
        """Return what only grows, by the key of the metric that is its rate.

        Of one device among several: the key, a blank, and the device; they are added.
        """

    def levels(self) -> dict[str, float]:
        """Return what there is now, by the key of its metric."""


class SourceProbe(MeasuresProbe):
    """A probe for one subject, which gives the rates of counters, and levels.

    Args:
        subject: What is measured.
        metrics: Everything that might be told; what the source tells is measured.
        source: Where the numbers come from.
    """

    def __init__(self, subject: Subject, metrics: Iterable[Metric], source: Source) -> None:
        served = {_metric_of(key) for key in source.counters()} | source.levels().keys()
        super().__init__(Measure(subject, each) for each in metrics if each.key in served)
        self._source = source
        self._rates: Rates | None = None

    def start(self) -> None:
        """Remember the counters, from which the first rates are counted."""
        self._rates = Rates(self._source.counters())

    def baseline(self) -> Mapping[str, Any]:
        """Return the peaks that were reached before the measurement began."""
        levels = self._source.levels()
        return {
            each.key: levels[each.metric.key]
            for each in self.measures
            if each.metric.peak_of and each.metric.key in levels
        }

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the values of what the source tells now.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        if self._rates is None:
            raise not_started()
        found: dict[str, float] = {}
        for key, rate in self._rates.of(self._source.counters(), time_elapsed).items():
            found[_metric_of(key)] = found.get(_metric_of(key), 0.0) + rate
        found.update(self._source.levels())
        for measure in self.measures:
            if measure.metric.key in found:
                value = found[measure.metric.key]
                values[measure.key] = measure.metric.limit_value(value)


def _metric_of(key: str) -> str:
    return key.partition(" ")[0]
