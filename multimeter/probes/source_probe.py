"""Base classes of probes: fixed measures, and counters and levels of one subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.probe import Probe, not_started
from multimeter.schema import Schema
from multimeter.subject import Subject

__all__ = ["MeasuresProbe", "Rates", "Source", "SourceProbe"]


class MeasuresProbe(Probe):
    """A probe that derives its metrics and subjects from its measures.

    Args:
        measures: The measures.
    """

    def __init__(self, measures: Iterable[Measure]) -> None:
        self._schema = Schema.of_measures(measures)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that are available."""
        return self._schema.metrics

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The subjects that are available."""
        return self._schema.subjects

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures: metrics of subjects."""
        return self._schema.measures


class Source(Protocol):
    """Reads the counters and levels of one subject."""

    def counters(self) -> dict[str, float]:
        """Return the counters, by the key of the metric that is their rate.

        The key of one device among several is ``<key> <device>``; devices are added up.
        """

    def levels(self) -> dict[str, float]:
        """Return the current levels, by the key of the metric."""


class SourceProbe(MeasuresProbe):
    """A probe for the rates and levels of one subject.

    Args:
        subject: The subject.
        metrics: All possible metrics; those that the source serves are measured.
        source: Reads the counters and levels.
    """

    def __init__(self, subject: Subject, metrics: Iterable[Metric], source: Source) -> None:
        served = {_metric_of(key) for key in source.counters()} | source.levels().keys()
        super().__init__(Measure(subject, each) for each in metrics if each.key in served)
        self._source = source
        self._rates: Rates | None = None

    def start(self) -> None:
        """Read the initial counters, for the first rates."""
        self._rates = Rates(self._source.counters())

    def baseline(self) -> Mapping[str, Any]:
        """Return the peaks from before the measurement."""
        levels = self._source.levels()
        return {
            each.key: levels[each.metric.key]
            for each in self.measures
            if each.metric.peak_of and each.metric.key in levels
        }

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:
        """Add the current values of the source.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.

        Raises:
            StateError: The probe was not started.
        """
        if self._rates is None:
            raise not_started()
        current: dict[str, float] = {}
        for key, rate in self._rates.of(self._source.counters(), time_elapsed).items():
            current[_metric_of(key)] = current.get(_metric_of(key), 0.0) + rate
        current.update(self._source.levels())
        for measure in self.measures:
            if measure.metric.key in current:
                value = current[measure.metric.key]
                values[measure.key] = measure.metric.limit_value(value)


def _metric_of(key: str) -> str:
    return key.partition(" ")[0]


class Rates:
    """Computes rates from the growth of counters between two calls.

    A counter that was reset (a device was replugged, a container was restarted) gives
    zero once, never a negative rate; so does a new one.

    Args:
        first: The initial counters, by key.
    """

    def __init__(self, first: Mapping[str, float]) -> None:
        self._before = dict(first)

    def of(self, now: Mapping[str, float], seconds: float) -> dict[str, float]:
        """Return the growth of each counter per second.

        Args:
            now: The current counters.
            seconds: Seconds since the previous call; zero gives rates of zero.
        """
        before, self._before = self._before, dict(now)
        if seconds <= 0:
            return dict.fromkeys(now, 0.0)
        return {
            key: max(0.0, value - before.get(key, value)) / seconds
            for key, value in now.items()
        }
