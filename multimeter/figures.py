"""Figures: the few numbers about a whole run that people look at first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = ["FIGURES", "Figure", "FigureDefinition", "figures_of"]


@dataclass(frozen=True)
class FigureDefinition:
    """How one number about a whole run is made.

    Attributes:
        key: Its name in commands and in JSON.
        title: Its name for people.
        unit: ``s``, ``bytes``, ``cores`` (1 is one busy core), ``share`` (1 is all),
            ``J`` or none.
        statistic: What is taken of each measure: its largest value, its mean over the
            points, or what a rate adds up to over the time.
        subjects: The keys of the subjects; the first that was measured is taken.
        metrics: The keys of the metrics; their numbers are added.
    """

    key: str
    title: str
    unit: str
    statistic: Literal["max", "mean", "total"]
    subjects: tuple[str, ...]
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """One number about a whole run.

    Attributes:
        key: Its name in commands and in JSON.
        title: Its name for people.
        unit: As in :class:`FigureDefinition`.
        value: The number, in that unit.
    """

    key: str
    title: str
    unit: str
    value: float


FIGURES: tuple[FigureDefinition, ...] = ()


def figures_of(result: Result) -> tuple[Figure, ...]:
    """Return the figures of a run: its duration, and those for which there are points.

    Args:
        result: What was measured; also one that was read back.
    """
    return tuple(_figures(result))


def _figures(result: Result) -> Iterator[Figure]:
    del result
    yield from ()
