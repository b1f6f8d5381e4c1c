"""Schema: which measures a result holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from multimeter.errors import ConfigurationError
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.subject import Subject

__all__ = ["HasMeasures", "Schema"]

_Keyed = TypeVar("_Keyed", Metric, Subject)


class HasMeasures(Protocol):
    """What a schema asks of a probe."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that the probe gives."""


@dataclass(frozen=True)
class Schema:
    """The metrics, subjects and measures of a result.

    Attributes:
        metrics: The metrics that are measured, each once.
        subjects: The subjects on which they are measured, each once.
        measures: Which metric is measured on which subject.
    """

    metrics: tuple[Metric, ...] = ()
    subjects: tuple[Subject, ...] = ()
    measures: tuple[Measure, ...] = ()

    @classmethod
    def of_probes(cls, probes: Iterable[HasMeasures]) -> Schema:
        """Return the schema of the values that some probes give together.

        Raises:
            ConfigurationError: Two probes give the same measure, so that one of them
                would overwrite the values of the other.
        """
        return cls.of_measures(measure for probe in probes for measure in probe.measures)

    @classmethod
    def of_measures(cls, given: Iterable[Measure]) -> Schema:
        """Return the schema of some measures.

        Raises:
            ConfigurationError: A measure is there twice.
        """
        measures = tuple(given)
        twice = sorted(_repeated(measure.key for measure in measures))
        if twice:
            raise ConfigurationError(
                f"More than one probe gives the measure '{twice[0]}'.",
                cause="The same kind of probe was added twice; or ProcessProbe, which "
                "measures what ResourceProbe measures and more, was added beside it.",
                next_step="Add each probe once, or give its subject another key.",
            )
        return cls(
            _unique(measure.metric for measure in measures),
            _unique(measure.subject for measure in measures),
            measures,
        )


def _unique(items: Iterable[_Keyed]) -> tuple[_Keyed, ...]:
    return tuple({item.key: item for item in items}.values())


def _repeated(keys: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    return {key for key in keys if key in seen or seen.add(key)}  # type: ignore[func-returns-value]
