"""What delivering costs the program: a put, the memory of what waits, a live storage."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import partial

from comparison import Contender, Row, Target, compare
from options import Options
from storage import answer_204

_PUTS = 50_000
_QUEUED = 1_000_000
_ROUNDS = 9

_PUT = """
import sys, tempfile, time
from multimeter.delivery import Delivery
from multimeter.sinks.base import Accepted
from multimeter.sinks.memory import MemorySink

class Sink(MemorySink):
    def send(self, batch):
        if STALLED:
            time.sleep(3600)
        return Accepted()

folder = tempfile.TemporaryDirectory()
delivery = Delivery(
    Sink(),
    tier=TIER,
    spool=folder.name,
    exit_timeout=0.0,
    max_bytes=2**40,
    max_records=10**9,
)
POINT = b"dateplots,codename=lab_temperature_1 value=21.512345678901234 1700000000000000000"
"""

_PUT_LOOP = """
def prepare():
    delivery.flush()
def work(times):
    put = delivery.put_line
    for _ in range(times):
        put(POINT)
"""

_BATCHING = """
import sys
from influxdb_client import InfluxDBClient, WriteOptions
client = InfluxDBClient(sys.argv[1], "benchmark", org="kantai")
api = client.write_api(write_options=WriteOptions(batch_size=5_000))
POINT = b"dateplots,codename=lab_temperature_1 value=21.512345678901234 1700000000000000000"
def work(times):
    write = api.write
    for _ in range(times):
        write("multimeter", record=POINT)
"""

# Microseconds and bytes are told in place of seconds.
_SLOWEST = """
def slowest_of_a_hundred(times):
    clock, put, took = time.perf_counter, delivery.put_line, []
    for _ in range(times):
        start = clock()
        put(POINT)
        took.append(clock() - start)
    return sorted(took)[len(took) * 99 // 100] * 1e6
for order in sys.stdin:
    print(slowest_of_a_hundred(int(order)), flush=True)
"""

_MEMORY = """
import tracemalloc
def bytes_a_point(times):
    tracemalloc.start()
    for number in range(times):
        line = b"dateplots,codename=lab_temperature_1 value=21.5123 %019d" % number
        delivery.put_line(line)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / times
for order in sys.stdin:
    print(bytes_a_point(int(order)), flush=True)
"""

_LIVE = """
import sys
from multimeter import DummyStorage, InfluxDBStorage, Multimeter, ResourceProbe
storage = STORAGE
multimeter = Multimeter(ResourceProbe(), cycle_time=0.01, storage=storage)
def work(times):
    with multimeter.measure():
        for _ in range(times):
            sum(number * number for number in range(1_000))
"""
_LOOPS = 20_000


def _code(code: str, **names: object) -> str:
    for name, value in names.items():
        code = code.replace(name, repr(value))
    return code


def rows(options: Options) -> Iterator[Row]:
    """Compare puts and live storages; tell how long a put takes while a server hangs."""
    del options  # these need no server, but one that answers at once
    with answer_204() as url:
        yield from _puts(url)
        yield _live(url)
    yield from _stalled()
    code = _code(_PUT, STALLED=True, TIER="memory") + _MEMORY
    with Contender(sys.executable, code) as ours:
        size = ours.seconds(_QUEUED)
    yield Row("a point that waits in memory, of 1,000,000", "bytes", size)


def _puts(url: str) -> Iterator[Row]:
    for tier, target in (("memory", Target(2.0, absolute=True)), ("spool", None)):
        code = _code(_PUT, STALLED=False, TIER=tier) + _PUT_LOOP
        with (
            Contender(sys.executable, code, clock="perf_counter") as ours,
            Contender(sys.executable, _BATCHING, [url], "perf_counter") as peer,
        ):
            found = compare(
                partial(ours.seconds, _PUTS), partial(peer.seconds, _PUTS // 10), _ROUNDS
            )
        yield Row(
            f"Delivery.put_line, tier {tier}",
            "us",
            found.ours / _PUTS * 1e6,
            found.peer / (_PUTS // 10) * 1e6,
            "influxdb-client batching",
            found.ratio / 10,
            target,
        )


def _stalled() -> Iterator[Row]:
    for tier in ("memory", "spool"):
        code = _code(_PUT, STALLED=True, TIER=tier) + _SLOWEST
        with Contender(sys.executable, code) as ours:
            slowest = ours.seconds(_PUTS)
        yield Row(
            f"Delivery.put_line, tier {tier}, the server hangs: 99 of 100 within",
            "us",
            slowest,
            target=Target(1_000, absolute=True),
        )


def _live(url: str) -> Row:
    storages = (f"InfluxDBStorage('benchmark', '{url}')", "DummyStorage()")
    with contextlib.ExitStack() as stack:
        live, none = (
            stack.enter_context(Contender(sys.executable, _LIVE.replace("STORAGE", each)))
            for each in storages
        )
        found = compare(
            partial(live.seconds, _LOOPS), partial(none.seconds, _LOOPS), _ROUNDS
        )
    return Row(
        "a program measured each 0.01 s with a live storage, CPU time",
        "s",
        found.ours,
        found.peer,
        "the same, with DummyStorage",
        found.ratio,
    )
