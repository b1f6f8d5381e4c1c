"""Comparison: the figures of runs and their differences, on a common zero of time. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import sub

from multimeter.analysis.figures import FIGURES, figures_of
from multimeter.analysis.noise import Effect, difference_of, effect_of, median_of
from multimeter.analysis.statistics import own_marks_ns
from multimeter.data.estimate import Estimate
from multimeter.errors import ConfigurationError
from multimeter.result import Result

__all__ = ["START", "Row", "compare_figures", "compare_marks", "zero_of"]

START = "start"
"""What runs are aligned on by default."""


@dataclass(frozen=True)
class Row:
    """One number of all sides that are compared; a side is a run, or several of the same.

    Attributes:
        id: Its name in JSON.
        title: Its name for people.
        unit: As figures have it.
        sides: The number of each run of each side, with its bounds; none where it was
            not measured.
    """

    id: str
    title: str
    unit: str
    sides: tuple[tuple[Estimate, ...], ...]

    @cached_property
    def estimates(self) -> tuple[Estimate | None, ...]:
        """The number of each side, with its bounds: of several runs the median."""
        return tuple(median_of(side) if side else None for side in self.sides)

    @cached_property
    def changes(self) -> tuple[Estimate | None, ...]:
        """How much more than the first side each has; the bounds cover the noise."""
        first = self.sides[0]
        return tuple(
            difference_of(side, first, sub) if side and first else None
            for side in self.sides
        )

    def effects(self, smallest: float = 0.0) -> tuple[Effect | None, ...]:
        """Return whether each side differs from the first one.

        Args:
            smallest: The smallest difference that matters, as a share of the first side.
        """
        first = self.values[0]
        least = smallest * abs(first or 0.0)
        return tuple(effect_of(change, least) for change in self.changes)

    @property
    def values(self) -> tuple[float | None, ...]:
        """The number of each run; None where it was not measured."""
        return tuple(None if each is None else each.value for each in self.estimates)

    @property
    def key(self) -> str:
        """The same as :attr:`id`.

        .. deprecated:: 1.0
        """
        return self.id

    @property
    def differences(self) -> tuple[float | None, ...]:
        """How much more than the first run each has; None where one is not known."""
        first = self.values[0]
        return tuple(
            None if first is None or value is None else value - first
            for value in self.values
        )

    @property
    def percents(self) -> tuple[float | None, ...]:
        """The differences in per cent of the first run; None where that has 0."""
        first = self.values[0]
        return tuple(
            None if not first or each is None else 100 * each / abs(first)
            for each in self.differences
        )


def compare_figures(sides: Sequence[Result | Sequence[Result]]) -> list[Row]:
    """Return the figures that at least one of some runs has.

    Args:
        sides: The runs; or several of the same for each side, whose medians count.
    """
    figures = [
        [
            {each.id: each.estimate for each in figures_of(run)}
            for run in ([side] if isinstance(side, Result) else side)
        ]
        for side in sides
    ]
    return [
        Row(
            each.id,
            each.title,
            each.unit,
            tuple(tuple(run[each.id] for run in s if each.id in run) for s in figures),
        )
        for each in FIGURES
        if any(each.id in run for side in figures for run in side)
    ]


def compare_marks(results: Sequence[Result], align: str = START) -> list[Row]:
    """Return when the marks were that all of some runs have, in s since their zero.

    Where a run has several marks of the same label, the first of them is taken.

    Raises:
        ConfigurationError: A run has no such mark as it shall be aligned on.
    """
    marks = [_first_marks(run) for run in results]
    zeros = [zero_of(run, align) for run in results]
    return [
        Row(
            label,
            label,
            "s",
            tuple(
                (Estimate.exact((run[label] - zero) / 1e9),)
                for run, zero in zip(marks, zeros)
            ),
        )
        for label in marks[0]
        if all(label in run for run in marks)
    ]


def zero_of(result: Result, align: str = START) -> int:
    """Return the zero of a run, in ns since the epoch.

    Args:
        result: The run.
        align: ``start``, or the label of a mark.

    Raises:
        ConfigurationError: It has no such mark.
    """
    if align != START:
        marks = _first_marks(result)
        if align not in marks:
            near = difflib.get_close_matches(align, marks, 5, 0.3) or list(marks)[:5]
            raise ConfigurationError(
                f"The run '{result.identifier}' has no mark '{align}'.",
                next_step=f"It has: {', '.join(near)}" if near else "It has no marks.",
            )
        return marks[align]
    if result.start_ns is not None:
        return result.start_ns
    return min((time for time, _ in result.marks_ns), default=0)


def _first_marks(result: Result) -> dict[str, int]:
    marks: dict[str, int] = {}
    for time, label in own_marks_ns(result):
        marks.setdefault(label, time)
    return marks
