"""How much slower a program is while it is measured by all default probes."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

from comparison import Contender, Row, compare
from options import Options

_CYCLE_TIMES = (1.0, 0.1, 0.01)
_SAMPLERS = ("thread", "process")

_MEASURE = """
import os
from multimeter import Multimeter
from multimeter.probes import default_probes
probes = default_probes(os.getpid())
multimeter = Multimeter(*probes, cycle_time={cycle_time}, sampler={sampler!r})
measurement = multimeter.measure()
measurement.start()
"""

# Each works for some tenths of a second.
_LOADS = {
    "a busy loop": """
def work(times):
    for _ in range(times):
        total = 0
        for number in range(40_000):
            total += number * number
""",
    "a numpy loop": """
import numpy
data = numpy.random.default_rng(1).random(200_000)
def work(times):
    for _ in range(times):
        for _ in range(10):
            numpy.sqrt(data * data + 1.0).sum()
""",
    "an asyncio server": """
import asyncio
async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()
async def ask(requests):
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests):
            writer.write(b"hello\\n")
            await reader.readline()
        writer.close()
        await writer.wait_closed()
def work(times):
    asyncio.run(ask(times * 40))
""",
}


def rows(_options: Options) -> Iterator[Row]:
    """Compare each load with itself: not measured, and measured in several ways."""
    for name, load in _LOADS.items():
        yield _row(f"{name}, not measured", load, load, 0.1)
        for sampler, cycle_time in itertools.product(_SAMPLERS, _CYCLE_TIMES):
            how = {"thread": "in a thread", "process": "out of process"}[sampler]
            measured = _MEASURE.format(cycle_time=cycle_time, sampler=sampler) + load
            yield _row(f"{name}, {how}, {cycle_time:g} s", measured, load, cycle_time)


def _row(what: str, ours: str, peer: str, cycle_time: float) -> Row:
    # Long enough for a sample at the longest cycle time to fall into each round.
    times = 400 if cycle_time >= 1 else 120
    with (
        Contender(sys.executable, ours, clock="perf_counter") as measured,
        Contender(sys.executable, peer, clock="perf_counter") as alone,
    ):
        result = compare(
            lambda: measured.seconds(times), lambda: alone.seconds(times), rounds=11
        )
    return Row(
        what,
        "ms",
        result.ours * 1e3,
        result.peer * 1e3,
        "not measured",
        result.ratio,
    )
