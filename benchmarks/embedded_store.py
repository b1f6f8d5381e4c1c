"""The embedded store in this process: decoding, writing, asking, and room on the disk."""

from __future__ import annotations

import pathlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

import duckdb
import numpy as np
from comparison import Row, Target, compare
from numpy.typing import NDArray
from options import Options

from multimeter.visualization.embedded.store.ingest import Block, decode_columns
from multimeter.visualization.embedded.store.store import Store

_FIELDS = tuple((f"process.metric_{number:02}", "float") for number in range(26))
_KEYS = [key for key, _ in _FIELDS]
_BATCH = 5_000
_BATCHES = 77  # 385,000 points: 10 M values
_STEP_NS = 100_000_000
_START_NS = 1_700_000_000_000_000_000
_OTHER_RUNS = 200
_OTHER_BATCHES = 1  # of each other run; 77 for runs of the same length: 9 GB, minutes
_ASKED = 21
_SMALL_WRITES = 1_000
_ROUNDS = 9


def _columns(points: int, seed: int) -> list[NDArray[np.float64]]:
    chance = np.random.default_rng(seed)
    return [chance.random(points).round(6) for _ in _FIELDS]


def _block(run: str, batch: int, points: int = _BATCH) -> Block:
    return Block(
        measurement=run,
        fields=_FIELDS,  # type: ignore[arg-type]
        tag_sets=((("host", "a"),),),
        series=np.zeros(points, np.int64),
        times=np.arange(points) * _STEP_NS + _START_NS + batch * points * _STEP_NS,
        lines=np.arange(points),
        columns=tuple(_columns(points, batch)),
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rows(_options: Options) -> Iterator[Row]:
    """Measure each step by itself; the server around it is a benchmark of its own."""
    yield _decoding()
    with tempfile.TemporaryDirectory() as folder:
        yield from _storing(pathlib.Path(folder))
        yield _small_writes(pathlib.Path(folder))


def _decoding() -> Row:
    values = random.Random(1)
    body = b"".join(
        b"run,host=a %s %d\n"
        % (
            ",".join(f"{key}={values.random():.6f}" for key in _KEYS).encode(),
            _START_NS + line,
        )
        for line in range(_BATCH)
    )
    result = compare(
        partial(_seconds, partial(decode_columns, body, "ns", 0)),
        partial(_seconds, partial(_split, body)),
        _ROUNDS,
    )
    count = _BATCH * len(_FIELDS)
    return Row(
        "decode_columns, lines of 26 values",
        "values/s",
        count / result.ours,
        count / result.peer,
        "split and float, no checks",
        1 / result.ratio,
        Target(2e6, at_least=True, absolute=True),
    )


def _split(body: bytes) -> NDArray[np.float64]:
    """Read lines as simply as can be: what no checks, escapes and types would take."""
    table = []
    for line in body.splitlines():
        _, fields, _ = line.split(b" ")
        table.append([float(part.split(b"=")[1]) for part in fields.split(b",")])
    return np.array(table)


def _storing(folder: pathlib.Path) -> Iterator[Row]:
    store = Store(folder / "store.duckdb")
    plain = duckdb.connect(str(folder / "plain.duckdb"))
    names = [f"f{number}" for number in range(len(_FIELDS))]
    plain.execute(f"CREATE TABLE t (time BIGINT, {' DOUBLE, '.join(names)} DOUBLE)")
    ours, peer = 0.0, 0.0
    for batch in range(_BATCHES):
        block = _block("run", batch)
        arrays = {"time": block.times, **dict(zip(names, block.columns))}
        ours += _seconds(partial(store.write, [block]))
        plain.register("arrays", arrays)
        peer += _seconds(partial(plain.execute, "INSERT INTO t FROM arrays"))
    plain.close()
    values = _BATCHES * _BATCH * len(_FIELDS)
    yield Row(
        f"Store.write, {_BATCH} points of 26 values at once",
        "values/s",
        values / ours,
        values / peer,
        "INSERT by DuckDB alone",
        peer / ours,
    )
    store.close()
    store = Store(folder / "store.duckdb")
    size = store.size_bytes() / values
    yield Row("bytes on disk a value, in process", "bytes", size, target=_at_most(7))
    yield from _queries(store)
    store.close()


def _at_most(limit: float) -> Target:
    return Target(limit, absolute=True)


def _queries(store: Store) -> Iterator[Row]:
    stop = _START_NS + _BATCHES * _BATCH * _STEP_NS
    ask = partial(store.series, "run", _KEYS[:4], _START_NS, stop, 1000)
    ask()
    alone = statistics.median(_seconds(ask) for _ in range(_ASKED))
    what = "4 series x 1000 buckets of 10 M values, in process"
    yield Row(what, "s", alone, target=_at_most(0.05))
    for number in range(_OTHER_RUNS):
        for batch in range(_OTHER_BATCHES):
            store.write([_block(f"other-{number}", batch)])
    among = statistics.median(_seconds(ask) for _ in range(_ASKED))
    what = f"the same among {_OTHER_RUNS} more runs"
    yield Row(what, "s", among, alone, "alone", among / alone, Target(1.2))


def _small_writes(folder: pathlib.Path) -> Row:
    store = Store(folder / "small.duckdb")
    store.write([_block("run", 0, 1)])
    seconds = [
        _seconds(partial(store.write, [_block("run", number, 1)]))
        for number in range(1, _SMALL_WRITES)
    ]
    store.close()
    return Row("Store.write, one point of 26 values", "s", statistics.median(seconds))
