"""Two contenders side by side: rounds in turn, and the median of their ratios.

The machine may be busy with other things. Both contenders feel that alike when their
rounds alternate, so that the ratio stays steady where seconds do not.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

__all__ = ["Comparison", "Contender", "Row", "Target", "compare", "fresh_seconds"]

ROUNDS = 21

_BEFORE = """
def prepare():
    pass
"""

_LOOP = """
import sys
from time import {clock} as clock
for line in sys.stdin:
    prepare()
    start = clock()
    work(int(line))
    print(clock() - start, flush=True)
"""


@dataclass(frozen=True)
class Target:
    """What shall be reached.

    Attributes:
        limit: The largest value, or the smallest where ``at_least`` is set.
        at_least: Whether larger is better.
        absolute: Whether our own value is judged, and not the ratio.
    """

    limit: float
    at_least: bool = False
    absolute: bool = False

    def reached(self, ours: float, ratio: float | None) -> bool:
        """Tell whether it is reached."""
        value = ours if self.absolute or ratio is None else ratio
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{sign} {self.limit:g}" + ("" if self.absolute else " x")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        unit: The unit of both values.
        ours: Our value.
        peer: The value of the peer, measured at the same time, if there is one.
        peer_name: Who the peer is.
        ratio: Ours divided by the peer's: the median over all rounds.
        target: What shall be reached, if anything.
    """

    what: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    ratio: float | None = None
    target: Target | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        return None if self.target is None else self.target.reached(self.ours, self.ratio)


@dataclass(frozen=True)
class Comparison:
    """What two contenders took for the same work.

    Attributes:
        ours: Our median, in seconds.
        peer: The median of the peer, in seconds.
        ratio: The median of ours divided by the peer's, round by round.
    """

    ours: float
    peer: float
    ratio: float


def compare(
    ours: Callable[[], float], peer: Callable[[], float], rounds: int = ROUNDS
) -> Comparison:
    """Let two contenders take turns.

    Args:
        ours: Does our work once and returns the seconds that it took.
        peer: The same of the peer.
        rounds: How often; one more goes ahead and does not count.
    """
    ours(), peer()
    pairs = []
    for number in range(rounds):
        # Who comes second may find warm caches: they change places.
        if number % 2:
            theirs = peer()
            pairs.append((ours(), theirs))
        else:
            pairs.append((ours(), peer()))
    mine, others = zip(*pairs)
    return Comparison(
        statistics.median(mine),
        statistics.median(others),
        statistics.median(a / b for a, b in pairs),
    )


class Contender:
    """Code in a Python process of its own, which works when it is told to.

    Args:
        python: The interpreter.
        code: Defines ``work(times)``, and ``prepare()`` if something is to be done
            before it that does not count.
        arguments: What the code finds in ``sys.argv[1:]``.
        clock: Which function of ``time`` tells the seconds. That of the process does
            not count what other programs take; for work that waits there is
            ``perf_counter``.
    """

    def __init__(
        self,
        python: str,
        code: str,
        arguments: Sequence[str] = (),
        clock: str = "process_time",
    ) -> None:
        # Isolated, or the folder that we stand in would come before what is installed.
        self._process = subprocess.Popen(
            [python, "-I", "-c", _BEFORE + code + _LOOP.format(clock=clock), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, times: int) -> float:
        """Return how many seconds the work takes when it is done some times.

        Raises:
            RuntimeError: The process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{times}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # its error output says why
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"A contender ended with status {self._process.wait()}.")
        return float(answer)

    def __enter__(self) -> Contender:  # noqa: PYI034 - Self is of Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()


def fresh_seconds(python: str, code: str, times: int) -> float:
    """Return what a new process takes, which has done the work once before.

    New, as some processes are slower than others by chance: hashes differ in each.
    """
    with Contender(python, code) as contender:
        contender.seconds(times)
        return contender.seconds(times)
