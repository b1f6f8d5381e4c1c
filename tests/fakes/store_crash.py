"""What a loss of power can leave of a store's write-ahead log, state by state.

A workload runs against the real store in this process. Before and after each write the
files are kept, with what had been acknowledged by then. A crash in the middle of a write
leaves everything that was synced before it, and of the bytes that this write adds to the
log any part: cut short, or zeros, garbage, old bytes, a torn sector, a torn page.
"""

from __future__ import annotations

import pathlib
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

from multimeter.data.record import FieldValue
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Store

__all__ = ["CrashState", "Moment", "Points", "crash_states", "points_of", "record", "write"]

Points = dict[tuple[str, tuple[tuple[str, str], ...], int], dict[str, FieldValue]]
"""The fields of points, by measurement, tags and time."""

SECTOR, PAGE = 512, 4096


@dataclass
class Moment:
    """A write: the files around it, and what they are to hold.

    Attributes:
        body: What was written, as line protocol.
        store: The store after the write; what it was given is synced before the log.
        before: The log before the write: all of it was acknowledged.
        after: The log after the write.
        acknowledged: The points that were acknowledged before the write.
        written: These, and the points of the write.
    """

    body: str
    store: bytes
    before: bytes
    after: bytes
    acknowledged: Points
    written: Points


@dataclass
class CrashState:
    """One state of the disk after a crash.

    Attributes:
        kind: What happened to the log.
        moment: In the middle of which write.
        log: The log.
    """

    kind: str
    moment: Moment
    log: bytes = field(repr=False)

    def put(self, folder: pathlib.Path) -> pathlib.Path:
        """Make the files of this state in an empty folder; return the store's."""
        path = folder / "store.duckdb"
        path.write_bytes(self.moment.store)
        path.with_name("store.duckdb.wal").write_bytes(self.log)
        return path


def write(store: Store, body: str) -> None:
    """Write line protocol with times in ns."""
    conflicts = store.write(decode_columns(body.encode(), "ns", 0))
    assert not conflicts


def points_of(store: Store) -> Points:
    """Return all points of a store; two of one series and time are an error."""
    found: Points = {}
    for each in store.measurements():
        for record_ in store.rows(each.name):
            assert record_.time_ns is not None
            key = (each.name, tuple(sorted(record_.tags.items())), record_.time_ns)
            assert key not in found, f"{key} is stored twice"
            found[key] = dict(record_.fields)
    return found


def record(folder: pathlib.Path, seed: int, writes: int) -> list[Moment]:
    """Run a random workload; return its writes, without those that end in a checkpoint."""
    chance = random.Random(seed)
    path = folder / "store.duckdb"
    log = folder / "store.duckdb.wal"
    moments: list[Moment] = []
    store = Store(path)
    acknowledged: Points = {}
    for number in range(writes):
        if number == writes // 2:
            with store._database.reading() as cursor:
                cursor.execute("CHECKPOINT")
        before = log.read_bytes() if log.exists() else b""
        body = _body(chance, number)
        write(store, body)
        after = log.read_bytes() if log.exists() else b""
        written = points_of(store)
        if after[: len(before)] == before and len(after) > len(before):
            files = (path.read_bytes(), before, after)
            moments.append(Moment(body, *files, acknowledged, written))
        acknowledged = written
    store.close()
    shutil.rmtree(folder)
    folder.mkdir()
    return moments


def _body(chance: random.Random, number: int) -> str:
    """Return a write: one point or thousands, old fields or new ones, old points again."""
    rows = chance.choice((1, 1, 2, 30, 400, 3000))
    fields = chance.sample(("a", "b", "c", f"new{number}"), chance.randint(1, 3))
    measurement = chance.choice(("m", "m", f"run{number}"))
    lines = []
    for row in range(rows):
        values = [f"{name}={chance.random()}" for name in fields]
        if chance.random() < 0.3:
            values.append(f'text="{chance.getrandbits(200):x}"')
        # Some replace what is there.
        time = row if chance.random() < 0.1 else number * 10_000 + row
        lines.append(f"{measurement},half={row % 2} {','.join(values)} {time}")
    return "\n".join(lines)


def crash_states(moments: list[Moment], seed: int, positions: int) -> Iterator[CrashState]:
    """Yield states of the disk, for each moment some positions in what it adds."""
    chance = random.Random(seed)
    for moment in moments:
        begin, end = len(moment.before), len(moment.after)
        some = chance.sample(range(begin, end), min(positions, end - begin))
        # The borders are where it is easy to be wrong by one.
        for place in sorted({begin, begin + 1, begin + 16, end - 21, end - 1, *some}):
            if not begin <= place < end:
                continue
            for kind, log in _torn(chance, moment, place):
                if log != moment.after:
                    yield CrashState(kind, moment, log)


def _torn(chance: random.Random, moment: Moment, place: int) -> Iterator[tuple[str, bytes]]:
    whole, begin = moment.after, len(moment.before)
    rest = len(whole) - place
    old = moment.before or whole
    stale = old * (rest // len(old) + 1)
    head = whole[:place]
    yield "cut short", head
    yield "zeros at the end", head + bytes(rest)
    yield "garbage at the end", head + chance.randbytes(rest)
    yield "old bytes at the end", head + stale[-rest:]
    for name, size in (("sector", SECTOR), ("page", PAGE)):
        start = max(place // size * size, begin)
        stop = min(place // size * size + size, len(whole))
        for kind, hole in (
            ("zeros", bytes(stop - start)),
            ("garbage", chance.randbytes(stop - start)),
        ):
            yield f"a {name} of {kind}", whole[:start] + hole + whole[stop:]
