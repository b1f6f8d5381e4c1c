"""Measure known loads, and compare the figures with the truth."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from multimeter.analysis.figures import figure_named
from multimeter.data.estimate import Estimate
from multimeter.errors import MultimeterError
from multimeter.processes.apart import measure_apart
from multimeter.processes.known_loads import LOADS, TRUTH, Load, truth_of
from multimeter.system.interpreter import python_command

__all__ = ["LoadCheck", "Verdict", "run_loads"]

Verdict = Literal["right", "bounded", "WRONG", "not known"]
"""The number is right; it is off, and its bounds or flags say so; it is off without a
word; the system does not have the truth or the number."""

_SHARE = 0.02
_CLOSE = {"s": 0.005, "bytes": 2.0**20, "": 20.0}
# What a process cannot report of itself: that its memory is taken down when it has left.
_END = {"s": 0.001, "bytes": 0.0, "": 2.0}


@dataclass(frozen=True)
class LoadCheck:
    """One figure of one load.

    Attributes:
        load: The name of the load.
        figure_id: The id of the figure.
        truth: What the load used; None where the system does not know.
        found: What was measured; None where it was not.
        processes: How many processes the load had.
    """

    load: str
    figure_id: str
    truth: float | None
    found: Estimate | None
    processes: int = 1

    @property
    def unit(self) -> str:
        """The unit of the figure."""
        return figure_named(self.figure_id).unit

    @property
    def error(self) -> float | None:
        """How far the number is from the truth, as a share of it."""
        if not self.truth or self.found is None or self.found.value is None:
            return None
        return (self.found.value - self.truth) / self.truth

    @property
    def verdict(self) -> Verdict:
        """Whether the number can be trusted."""
        truth, found = self.truth, self.found
        if truth is None or found is None:
            return "not known"
        close = max(_SHARE * truth, _CLOSE[self.unit] + _END[self.unit] * self.processes)
        if found.value is not None and abs(found.value - truth) <= close:
            return "right"
        low = found.low if found.low is not None else 0.0
        is_inside = low - close <= truth and (
            found.high is None or truth <= found.high + close
        )
        return "bounded" if is_inside and not found.is_exact else "WRONG"


def run_loads(
    folder: pathlib.Path, loads: Iterable[Load] = LOADS
) -> Iterator[list[LoadCheck]]:
    """Measure each load as ``multimeter run`` does; yield the checks of each.

    Args:
        folder: Where files of the loads may be.
        loads: Which.

    Raises:
        MultimeterError: A load could not be run.
    """
    for number, load in enumerate(loads):
        file = folder / f"truth-{number}"
        run = measure_apart(
            python_command(load.program),
            folder,
            f"selftest-{number}",
            environment={**os.environ, TRUTH: str(file)},
            options=["--probe", "process"],
        )
        try:
            truth = truth_of(load, file)
        except (OSError, ValueError) as error:
            raise MultimeterError(
                f"The load '{load.name}' did not run: it ended with {run.exit_code}.",
                cause="No process may be started here, or nothing written.",
            ) from error
        yield [
            LoadCheck(
                load.name,
                each,
                truth.values.get(each),
                run.figures.get(each),
                truth.processes,
            )
            for each in load.figures
        ]
