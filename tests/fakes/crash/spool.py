"""Workloads of a delivery with a spool: programs that put, send, and die."""

from __future__ import annotations

import contextlib
import json
import pathlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from fakes.crash.disk import MODELS
from fakes.crash.explorer import Problem
from fakes.driven import Driven

from multimeter.delivery.rejects import RejectsFile
from multimeter.delivery.spool import is_usable
from multimeter.errors import MultimeterError
from multimeter.sinks.base import Accepted, Answer, Batch, Rejected, Retry
from multimeter.sinks.memory import MemorySink

__all__ = ["SCRIPTS", "Lab", "SpoolWorkload", "spilling"]

_SPOOL = "home/spool"
_MOST_STEPS = 200


def _line(writer: int, number: int, size: int) -> bytes:
    line = f"m,writer={writer} v={number}i,text=".encode()
    return line + b'"' + bytes([97 + number % 26]) * max(1, size - len(line)) + b'" 1'


def _who(line: bytes) -> tuple[int, int]:
    head, value, *_ = line.split(b" ", 2)
    return int(head.rpartition(b"=")[2]), int(value.partition(b"i")[0][2:])


class Lab:
    """Programs that share a spool and a server.

    Args:
        root: The folder.
        tier: The tier of the programs.
        note: Takes promises and answers.
    """

    def __init__(self, root: pathlib.Path, tier: str, note: Callable[[Any], None]) -> None:
        self.answer: Callable[[Batch], Answer] = lambda _: Accepted()
        self.note = note
        self._spool = root / _SPOOL
        self._tier = tier
        self._numbers: Counter[int] = Counter()
        self._programs: list[Driven] = []

    def program(self, **settings: Any) -> Driven:
        """Start a program."""
        settings = {"tier": self._tier, "linger": 0.0, "batch_size": 3, **settings}
        if settings["tier"] != "memory" and not is_usable(self._spool):
            raise MultimeterError("no spool")
        program = Driven(MemorySink(self._say), self._spool, spool=self._spool, **settings)
        program.rejects = RejectsFile(
            self._spool / "rejects.jsonl", sync=self._tier == "spool+fsync"
        )
        program.worker._rejects = program.rejects
        self._programs.append(program)
        return program

    def _say(self, batch: Batch) -> Answer:
        answer = self.answer(batch)
        if isinstance(answer, Accepted):
            self.note(("stored", batch.id, batch.first, tuple(batch.lines)))
        return answer

    def write(self, program: Driven, writer: int = 1, size: int = 60) -> tuple[bytes, int]:
        """Put a point, and return it and its ticket; that it is safe is not waited for."""
        self._numbers[writer] += 1
        line = _line(writer, self._numbers[writer], size)
        self.note(("written", line))
        dropped = program.counters.dropped.total()
        try:
            ticket = program.queue.put(line)
        except MultimeterError:
            return line, -1
        if program.counters.dropped.total() > dropped:
            return line, -1
        return line, ticket

    def commit(self, program: Driven, line: bytes, ticket: int) -> None:
        """Wait until a point is safe; then it is promised."""
        if ticket < 0:
            return
        if program.settings.tier == "spool+fsync":
            try:
                program.queue.commit(ticket)
            except OSError:
                return
        self.note(("promised", line))

    def put(self, program: Driven, writer: int = 1, size: int = 60) -> None:
        """Put a point as a program does."""
        self.commit(program, *self.write(program, writer, size))

    def send(self, program: Driven, steps: int = 1) -> None:
        """Have a program send."""
        for _ in range(steps):
            program.worker.retry_now()
            program.step()

    def close(self, program: Driven) -> None:
        """End a program as it ends by itself: what is left goes to the spool."""
        with contextlib.suppress(AssertionError):
            program.run(_MOST_STEPS)
        program.queue.spill(program.worker.claimed)
        program.queue.close()
        self._programs.remove(program)

    def die(self, program: Driven) -> None:
        """End a program as SIGKILL does: the system closes what is open."""
        program.queue.abandon()
        self._programs.remove(program)

    def die_all(self) -> None:
        """End all programs."""
        for program in list(self._programs):
            self.die(program)


Script = Callable[[Lab], None]


class SpoolWorkload:
    """A script, run in a lab; afterwards all that was promised must be at the server.

    Args:
        script: What the programs do.
        tier: Their tier.
    """

    def __init__(self, script: Script, tier: str) -> None:
        self.models: Sequence[str] = MODELS if tier == "spool+fsync" else ("kill",)
        self._script = script
        self._tier = tier
        self._refuses = script.__name__ == "refusing"

    def run(self, root: pathlib.Path, note: Callable[[Any], None]) -> None:
        lab = Lab(root, self._tier, note)
        if self._refuses:
            lab.answer = _refuse_some
        try:
            with contextlib.suppress(MultimeterError):
                self._script(lab)
        finally:
            lab.die_all()

    def recover(
        self, root: pathlib.Path, notes: Sequence[Any], note: Callable[[Any], None]
    ) -> None:
        lab = Lab(root, self._tier, note)
        if self._refuses:
            lab.answer = _refuse_some
        program = lab.program()
        program.run(_MOST_STEPS)
        stats = program.counters.stats()
        gone = stats.delivered + stats.rejected + sum(stats.dropped.values())
        if (stats.accepted, stats.queued) != (gone, 0):
            note(("wrong accounts", str(stats)))
        lab.close(program)

    def check(self, root: pathlib.Path, notes: Sequence[Any]) -> list[Problem]:
        written = {line for kind, line, *_ in notes if kind == "written"}
        promised = {line for kind, line, *_ in notes if kind == "promised"}
        problems = [
            Problem("wrong accounts", what)
            for kind, what, *_ in notes
            if kind[:5] == "wrong"
        ]
        stored: dict[tuple[str, int], bytes] = {}
        places: dict[bytes, set[tuple[str, int]]] = defaultdict(set)
        last: Counter[int] = Counter()
        for _, batch, first, lines in (each for each in notes if each[0] == "stored"):
            for index, line in enumerate(lines, first):
                if line not in written:
                    problems.append(Problem("invented", repr(line[:60])))
                    continue
                if stored.setdefault((batch, index), line) != line:
                    problems.append(Problem("altered", f"{batch} {index}: {line[:60]!r}"))
                if not places[line]:
                    writer, number = _who(line)
                    if number < last[writer]:
                        problems.append(Problem("out of order", repr(line[:60])))
                    last[writer] = number
                places[line].add((batch, index))
        problems += [
            Problem("doubled", f"{line[:60]!r} at {sorted(at)}")
            for line, at in places.items()
            if len(at) > 1
        ]
        lost = promised - {line for line, at in places.items() if at} - _rejected(root)
        problems += [Problem("lost", repr(line[:60])) for line in sorted(lost)]
        return problems + _left_over(root)


def _rejected(root: pathlib.Path) -> set[bytes]:
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for text in (root / _SPOOL / "rejects.jsonl").read_bytes().split(b"\n"):
            # Half a line of one that was not promised yet may stand alone.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                found.add(json.loads(text)["line"].encode())
    return found


def _left_over(root: pathlib.Path) -> list[Problem]:
    with contextlib.suppress(FileNotFoundError):
        for path in (root / _SPOOL).iterdir():
            if path.is_dir() and not any(
                ".damaged" in each.name for each in path.iterdir()
            ):
                return [Problem("left over", path.name)]
    return []


def _refuse_some(batch: Batch) -> Answer:
    bad = [place for place, line in enumerate(batch.lines) if _who(line)[1] % 4 == 2]
    return Rejected("bad", dict.fromkeys(bad, "bad")) if bad else Accepted()


def _is_down(_: Batch) -> Answer:
    return Retry("down")


# The scripts.


def growing(lab: Lab) -> None:
    """Records of all sizes, over sectors and pages."""
    lab.answer = _is_down
    program = lab.program(batch_size=100)
    for size in (40, 480, 20, 1_300, 4_900, 30, 9_000):
        lab.put(program, size=size)


def rolling(lab: Lab) -> None:
    """Segments fill up, are sent and removed."""
    program = lab.program()
    for number in range(9):
        lab.put(program, size=50 + 350 * (number % 3))
        if number % 4 == 3:
            lab.send(program)
    lab.send(program, 3)
    lab.put(program)


def refusing(lab: Lab) -> None:
    """The server refuses some for good."""
    program = lab.program()
    for number in range(7):
        lab.put(program, size=700 if number % 2 else 60)
        if number in (3, 6):
            lab.send(program, 4)


def ending(lab: Lab) -> None:
    """Programs that end: all has arrived, and then the server is down."""
    program = lab.program()
    for _ in range(4):
        lab.put(program)
    lab.close(program)
    lab.answer = _is_down
    program = lab.program()
    lab.put(program)
    lab.close(program)


def sharing(lab: Lab) -> None:
    """Two programs; one dies, a third takes over what it has left."""
    one, two = lab.program(), lab.program()
    for number in range(4):
        lab.put(one, 1)
        lab.put(two, 2, 600)
        if number == 2:
            lab.send(two)
    lab.die(one)
    three = lab.program()
    lab.put(three, 3)
    lab.send(three, 4)
    lab.put(two, 2)
    lab.send(two, 3)
    lab.close(three)


def cutting(lab: Lab) -> None:
    """The server takes a batch in parts only."""
    lab.answer = lambda batch: (
        Rejected("too much", too_large=True) if len(batch) > 2 else Accepted()
    )
    program = lab.program(batch_size=6)
    for _ in range(8):
        lab.put(program, size=200)
    lab.send(program, 4)


def inheriting(lab: Lab) -> None:
    """A program dies before its last record is synced; the next one sends it."""
    lab.answer = _is_down
    program = lab.program(batch_size=4)
    for _ in range(6):
        lab.put(program, size=90)
    lab.write(program, size=800)
    lab.die(program)
    lab.answer = lambda _: Accepted()
    lab.send(lab.program(batch_size=4), 2)


def waiting(lab: Lab) -> None:
    """Threads that have written, and then wait for the disk one after the other."""
    lab.answer = _is_down
    program = lab.program(batch_size=4)
    for _ in range(4):
        both = [lab.write(program, size=90), lab.write(program, size=5_000)]
        for line, ticket in both:
            lab.commit(program, line, ticket)


def freezing(lab: Lab) -> None:
    """The segment of a record is frozen before its thread waits for the disk."""
    lab.answer = _is_down
    program = lab.program(batch_size=4)
    lab.put(program)
    line, ticket = lab.write(program, size=90)
    lab.send(program)
    lab.put(program)
    lab.commit(program, line, ticket)


def limiting(lab: Lab) -> None:
    """The spool is at its limit."""
    lab.answer = _is_down
    program = lab.program(max_spool_bytes=2_000, when_full="raise")
    for _ in range(12):
        lab.put(program, size=200)
    lab.answer = lambda _: Accepted()
    program.now += 1_000
    lab.send(program, 3)
    for _ in range(3):
        lab.put(program, size=200)


def spilling(lab: Lab) -> None:
    """Memory is full; what is in it is moved to the spool before the program ends."""
    lab.answer = _is_down
    program = lab.program(tier="memory", max_records=3)
    lines = [lab.write(program, size=300) for _ in range(8)]
    lab.send(program)
    if program.queue.spill(program.worker.claimed):
        for line, ticket in lines:
            lab.commit(program, line, ticket)
    lab.answer = lambda _: Accepted()
    program.now += 1_000
    lab.send(program, 2)


SCRIPTS: tuple[Script, ...] = (
    growing,
    rolling,
    refusing,
    ending,
    sharing,
    cutting,
    inheriting,
    waiting,
    freezing,
    limiting,
)
"""What programs with a spool do, whatever their tier."""
