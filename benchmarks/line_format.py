"""How many points of 26 values a second become line protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from comparison import Row, Target, compare, fresh_seconds
from options import Options
from real_run import REAL_RUN

_POINTS = 5_000
_TIMES = 5

_SAVE = """
import io
from multimeter import LineFormat
def work(times):
    for _ in range(times):
        LineFormat().save_result_to_stream(result, io.BytesIO())
"""

_REAL = REAL_RUN + f"result = real_run({_POINTS})\n" + _SAVE

# The worst case: no value is like another, and to write a float takes longest.
_RANDOM = (
    REAL_RUN
    + f"""
result = Result(ResourceProbe(), identifier="run", tags={{"stage": "benchmark"}})
for point in real_run({_POINTS}).points:
    values = {{
        key: random.randrange(10**6) if type(value) is int else random.random()
        for key, value in point.values.items()
    }}
    result.append(point.datetime, values)
"""
    + _SAVE
)


def rows(options: Options) -> Iterator[Row]:
    """Compare the speed of LineFormat with that of 0.1."""
    for what, code, target in (
        ("LineFormat, a real run", _REAL, Target(9, at_least=True)),
        ("LineFormat, random floats", _RANDOM, Target(5.5, at_least=True)),
    ):
        result = compare(
            partial(fresh_seconds, sys.executable, code, _TIMES),
            partial(fresh_seconds, options.peer_python, code, _TIMES),
        )
        yield Row(
            what,
            "points/s",
            _TIMES * _POINTS / result.ours,
            _TIMES * _POINTS / result.peer,
            "multimeter 0.1",
            1 / result.ratio,
            target,
        )
