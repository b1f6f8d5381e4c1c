"""Measures: one metric on one subject."""

from __future__ import annotations

from dataclasses import dataclass, field

from multimeter.metric import Metric
from multimeter.subject import Subject

__all__ = ["Measure"]


@dataclass(frozen=True)
class Measure:
    """A metric that is measured on a subject.

    Attributes:
        subject: What is measured.
        metric: Which quantity of it.
        key: ``<subject key>.<metric key>``, unique in a result.
    """

    subject: Subject
    metric: Metric
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.subject.key}.{self.metric.key}")

    @property
    def scope(self) -> str:
        """How far it reaches: that of its subject."""
        return self.subject.scope

    @property
    def upper_bound(self) -> bool:
        """Whether the truth may be less than the values."""
        return self.metric.upper_bound
