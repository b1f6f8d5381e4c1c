"""Explorer: crashes a workload at every point, in every way, and looks at what is left."""

from __future__ import annotations

import errno
import hashlib
import itertools
import pathlib
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from fakes.crash.disk import PAGE, SECTOR, Disk, Tree
from fakes.crash.recorder import SHORT, Fault, Note, Recorder

__all__ = ["Explorer", "Plan", "Problem", "Totals", "Workload"]

_WAYS: dict[str, tuple[Any, ...]] = {
    "create": (errno.ENOSPC,),
    "mkdir": (errno.ENOSPC,),
    "rename": (errno.EIO,),
    "sync": (errno.EIO,),
    "sync folder": (errno.EIO,),
    "unlink": (errno.EIO,),
    "write": (errno.ENOSPC, SHORT, errno.EIO),
}


@dataclass(frozen=True)
class Problem:
    """What is wrong after a crash: ``lost``, ``doubled`` or something else, and what."""

    kind: str
    what: str


class Workload(Protocol):
    """What is crashed.

    Attributes:
        models: The models in which its promises hold.
    """

    models: Sequence[str]

    def run(self, root: pathlib.Path, note: Callable[[Any], None]) -> None:
        """Work in a folder; note each promise, and each answer of another party."""

    def recover(
        self, root: pathlib.Path, notes: Sequence[Any], note: Callable[[Any], None]
    ) -> None:
        """Do what the next program does, after a crash, and note what it notes.

        Args:
            root: The folder, as the crash has left it.
            notes: What was noted before the crash.
            note: Takes what is noted now.
        """

    def check(self, root: pathlib.Path, notes: Sequence[Any]) -> list[Problem]:
        """Return what is wrong in the end."""


@dataclass
class Totals:
    """What was found.

    Attributes:
        states: How many different states were recovered from, by model.
        problems: How many of each kind.
        examples: The first problem of each kind, for a person.
    """

    states: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, other: Totals) -> None:
        """Add those of another workload."""
        self.states += other.states
        self.problems += other.problems

    def __str__(self) -> str:
        models = ", ".join(f"{model} {self.states[model]:,}" for model in self.states)
        others = self.problems.total() - self.problems["lost"] - self.problems["doubled"]
        return (
            f"{self.states.total():,} crash states, {self.problems['lost']} lost, "
            f"{self.problems['doubled']} doubled"
            + (f", {others} other problems" if others else "")
            + f" ({models})"
        )


TOTALS = pytest.StashKey[Totals]()
"""Where pytest keeps the totals of a session."""


@dataclass(frozen=True)
class Plan:
    """How much is tried.

    Attributes:
        states: How many states without a fault, with one, and after a second crash;
            None: as many as there is time for.
        most: How many states of one point.
        seconds: How long, where ``states`` says nothing.
    """

    states: tuple[int, int, int] | None = (400, 300, 100)
    most: int = 12
    seconds: float = 0.0


@dataclass(frozen=True)
class _Crash:
    """A state after a crash, and what was noted before it."""

    model: str
    moment: int
    tree: Tree
    notes: tuple[Any, ...]


class Explorer:
    """Explores one workload.

    Args:
        workload: What is crashed.
        folder: A folder for it, best on a disk in memory.
        seed: Decides what is tried of all that there is.
    """

    def __init__(self, workload: Workload, folder: pathlib.Path, seed: int) -> None:
        self.totals = Totals()
        self._workload = workload
        self._folder = folder
        self._seed = seed
        self._timing = random.Random(seed)
        self._seen: set[bytes] = set()
        self._kept: list[_Crash] = []
        self._deadline: float | None = None

    def explore(self, plan: Plan) -> Totals:
        """Try what a plan says, and return what was found."""
        if plan.states:
            self._explore_once(plan.states, plan.most)
            return self.totals
        self._deadline = time.monotonic() + plan.seconds
        seen = -1
        for round_ in range(1, _MOST_ROUNDS):
            if self._is_over() or len(self._seen) == seen:
                break
            seen = len(self._seen)
            self._timing = random.Random(f"{self._seed} {round_}")
            number = 300 * 2**round_
            self._explore_once((number, number, number // 2), plan.most * round_)
        return self.totals

    def _explore_once(self, states: tuple[int, int, int], most: int) -> None:
        plain, faulty, again = states
        recorder = self._record(None)
        self._crash_all([(recorder, "")], self._workload.models, plain, most)
        faults = list(self._faults(recorder.calls))
        self._timing.shuffle(faults)
        # Lazily: a workload is run with as many faults as there are states to try.
        recorders = ((self._record(fault), str(fault)) for fault in faults)
        models = [m for m in self._workload.models if m not in ("fat", "mended", "stale")]
        self._crash_all(recorders, models, faulty, max(2, most // 4))
        kept, self._kept = self._kept, []
        self._timing.shuffle(kept)
        recorders = ((self._record_recovery(each), "again") for each in kept)
        self._crash_all(recorders, self._workload.models, again, max(2, most // 4))

    def _faults(self, calls: Counter[str]) -> Iterator[Fault]:
        for call, ways in _WAYS.items():
            for number in range(calls[call]):
                for way, for_good in itertools.product(ways, (False, True)):
                    yield Fault(call, number, way, for_good)

    # Recording.

    def _record(self, fault: Fault | None) -> Recorder:
        root = self._empty("run")
        recorder = Recorder(root, fault)
        with recorder.recording():
            self._workload.run(root, recorder.note)
            self._require_closed(recorder, str(fault or "no fault"))
        return recorder

    def _record_recovery(self, crash: _Crash) -> Recorder:
        root = self._empty("run")
        _write(root, crash.tree)
        recorder = Recorder(root)
        for what in crash.notes:
            recorder.note(what)
        with recorder.recording():
            self._workload.recover(root, crash.notes, recorder.note)
            self._require_closed(recorder, "recovery")
        return recorder

    def _require_closed(self, recorder: Recorder, when: str) -> None:
        if recorder.left_open:
            what = f"{recorder.left_open} descriptors after {when}"
            self._found(Problem("left open", what), "")
            recorder.close_all()

    def _empty(self, name: str) -> pathlib.Path:
        root = self._folder / name
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(mode=0o700)
        return root

    # Crashing.

    def _crash_all(
        self,
        recorders: Any,
        models: Sequence[str],
        states: int,
        most: int,
    ) -> None:
        """Crash recorded programs until so many new states have been seen."""
        left = states
        for recorder, how in recorders:
            share = left if how == "" else max(most, states // 12)
            for crash in itertools.islice(self._crashes(recorder, models, most), share):
                self._try(crash, how)
                left -= 1
            if left <= 0 or self._is_over():
                return

    def _is_over(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _crashes(
        self, recorder: Recorder, models: Sequence[str], most: int
    ) -> Iterator[_Crash]:
        """Give states that were not seen yet, of all models and moments in turn."""
        operations = recorder.operations
        moments = [
            moment
            for moment in range(len(operations) + 1)
            # After a note the disk is the same, and more is promised.
            if moment == len(operations) or not isinstance(operations[moment], Note)
        ]
        kinds = [
            (model, Disk(recorder, model, tear))
            for model in models
            for tear in ((PAGE,) if model == "kill" else (SECTOR, PAGE))
        ]
        points = list(itertools.product(kinds, moments))
        self._timing.shuffle(points)
        for (model, disk), moment in points:
            notes = tuple(
                each.what for each in operations[:moment] if isinstance(each, Note)
            )
            for tree in disk.crashes(moment, self._timing, most):
                if self._is_over():
                    return
                if self._is_new(tree, notes):
                    yield _Crash(model, moment, tree, notes)

    def _is_new(self, tree: Tree, notes: tuple[Any, ...]) -> bool:
        digest = hashlib.blake2b(repr((len(notes), notes[-1:])).encode(), digest_size=16)
        for path, content in tree.items():
            text = b"/" if content is None else _TIME.sub(b"", content)
            digest.update(path.encode() + b"\0" + text)
        key = digest.digest()
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _try(self, crash: _Crash, how: str) -> None:
        self.totals.states[crash.model] += 1
        root = self._empty("crashed")
        _write(root, crash.tree)
        notes = list(crash.notes)
        try:
            self._workload.recover(root, crash.notes, notes.append)
            problems = self._workload.check(root, notes)
        except Exception as error:  # noqa: BLE001 - each is a finding
            problems = [Problem("raised", f"{type(error).__name__}: {error}")]
        where = (
            f"{how or 'no fault'}, {crash.model} at {crash.moment}: {_sizes(crash.tree)}"
        )
        for problem in problems:
            self._found(problem, where)
        if how == "" and len(self._kept) < _MOST_KEPT and self._timing.random() < _KEPT:
            self._kept.append(crash)

    def _found(self, problem: Problem, where: str) -> None:
        self.totals.problems[problem.kind] += 1
        self.totals.examples.setdefault(problem.kind, f"{problem.what} ({where})")


# When it was, in the file of rejects: no two recordings have the same.
_TIME = re.compile(rb'"time": "[^"]*"')
_KEPT = 0.3
_MOST_ROUNDS = 30
_MOST_KEPT = 200


def _write(root: pathlib.Path, tree: Tree) -> None:
    for path, content in tree.items():
        if content is None:
            (root / path).mkdir(mode=0o700)
        else:
            (root / path).write_bytes(content)


def _sizes(tree: Tree) -> dict[str, int | None]:
    return {
        path: None if content is None else len(content) for path, content in tree.items()
    }
