"""Run commands in turns, to find out what they use and how much that varies."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import sub

from multimeter.analysis.figures import FIGURES
from multimeter.analysis.noise import difference_of, effect_of, median_of
from multimeter.data.estimate import Estimate
from multimeter.errors import MultimeterError
from multimeter.processes.apart import measure_apart

__all__ = ["Arm", "Comparison", "compare_arms", "is_sure", "largest", "run_turns"]

_DECISIVE = ("cpu_time", "duration")
_FEWEST_TURNS = 5
_NARROW = 0.01


@dataclass
class Arm:
    """One of the commands that take turns, and what its runs used.

    Attributes:
        name: Its name in the report and in the names of its runs.
        command: The program and its arguments.
        runs: The figures of each run so far, by their ids.
    """

    name: str
    command: Sequence[str]
    runs: list[dict[str, Estimate]] = field(default_factory=list)

    def values(self, figure_id: str) -> list[Estimate]:
        """Return a figure of each run that has it."""
        return [each[figure_id] for each in self.runs if figure_id in each]


@dataclass(frozen=True)
class Comparison:
    """One figure of the commands.

    Attributes:
        id: The id of the figure.
        title: Its name for people.
        unit: As figures have it.
        first: The median of the first command, and the interval in which it lies.
        second: That of the other command; None without one.
        change: How much more the other one uses, as a share of the first.
        noise: The same for the first command and itself: what is no difference. None
            where it uses nothing of it.
        smallest: The smallest change that matters.
    """

    id: str
    title: str
    unit: str
    first: Estimate
    second: Estimate | None
    change: Estimate | None
    noise: Estimate | None
    smallest: float = 0.0

    @property
    def differs(self) -> bool:
        """Whether the commands differ by more than runs of the same command do."""
        change, noise = self.change, self.noise
        if change is None or effect_of(change, self.smallest) != "differs":
            return False
        return noise is None or abs(change.value or 0.0) > abs(noise.value or 0.0)


def run_turns(
    arms: Sequence[Arm],
    folder: pathlib.Path,
    turns: int,
    is_enough: Callable[[], bool],
    *,
    show_output: bool = False,
) -> Iterator[int]:
    """Run each command once a turn, in changing order; yield the number of each turn.

    Every run is a process of its own that measures nothing else.

    Args:
        arms: The commands; their runs are filled.
        folder: Where the runs are kept.
        turns: The most turns.
        is_enough: Asked after each turn.
        show_output: Whether the outputs of the commands are shown.

    Raises:
        MultimeterError: A command failed.
    """
    for turn in range(1, turns + 1):
        # What a machine gets slower or warmer by must not fall on one command.
        for arm in arms if turn % 2 else reversed(arms):
            arm.runs.append(_measured(arm, folder, turn, show_output=show_output))
        yield turn
        if is_enough():
            return


def _measured(
    arm: Arm, folder: pathlib.Path, turn: int, *, show_output: bool
) -> dict[str, Estimate]:
    name = f"bench-{arm.name}-{turn}"
    run = measure_apart(arm.command, folder, name, show_output=show_output)
    if run.exit_code or not run.figures:
        raise MultimeterError(
            f"'{arm.command[0]}' ended with {run.exit_code} in turn {turn}.",
            cause="It fails, or it cannot be found.",
            next_step="Run it alone; --show-output shows what it prints.",
        )
    return run.figures


def compare_arms(arms: Sequence[Arm], smallest: float = 0.0) -> list[Comparison]:
    """Return all figures that the first command has.

    Args:
        arms: The first command, the same once more, and the other one, if there is one.
        smallest: The smallest change that matters, as a share of the first command.
    """
    comparisons = []
    for each in FIGURES:
        first, same, *others = (arm.values(each.id) for arm in arms)
        both = first + same
        if not first or not same or (others and not others[0]):
            continue
        median = median_of(both)
        comparisons.append(
            Comparison(
                each.id,
                each.title,
                each.unit,
                median,
                median_of(others[0]) if others else None,
                _share(others[0], both, median) if others else None,
                _share(same, first, median),
                smallest,
            )
        )
    return comparisons


def _share(
    runs: Sequence[Estimate], baseline: Sequence[Estimate], median: Estimate
) -> Estimate | None:
    if not median.value:
        return None
    return difference_of(runs, baseline, sub).divided(abs(median.value))


def largest(change: Estimate | None) -> float | None:
    """Return the largest share that a change may be, up or down; None where unknown."""
    if change is None or change.low is None or change.high is None:
        return None
    return max(abs(change.low), abs(change.high))


def is_sure(arms: Sequence[Arm], smallest: float = 0.0) -> bool:
    """Return whether more turns would not show more.

    That is so where CPU time and duration differ, or are known to a hundredth.

    Args:
        arms: As of :func:`compare_arms`.
        smallest: The smallest change that matters; to know that there is none is enough.
    """
    if len(arms[0].runs) < _FEWEST_TURNS:
        return False
    comparisons = compare_arms(arms, smallest)
    found: Mapping[str, Comparison] = {each.id: each for each in comparisons}
    narrow = max(_NARROW, smallest)
    return all(
        each.differs or (largest(each.change or each.noise) or 0.0) <= narrow
        for each in map(found.get, _DECISIVE)
        if each is not None
    )
