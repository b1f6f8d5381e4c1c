"""What one sample of ResourceProbe costs the program that is measured."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from comparison import Row, Target, compare, fresh_seconds
from options import Options

_TIMES = 10_000

_SAMPLE = """
from multimeter import ResourceProbe
probe = ResourceProbe()
probe.start()
def work(times):
    sample = probe.sample
    for _ in range(times):
        sample({}, 1.0)
"""

_GETRUSAGE = """
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
def work(times):
    for _ in range(times):
        getrusage(RUSAGE_SELF)
        getrusage(RUSAGE_CHILDREN)
"""


def rows(options: Options) -> Iterator[Row]:
    """Compare a sample with that of 0.1, and with the system calls alone."""
    for python, code, name, target in (
        (options.peer_python, _SAMPLE, "multimeter 0.1", Target(0.5)),
        (sys.executable, _GETRUSAGE, "two getrusage(2)", None),
    ):
        result = compare(
            partial(fresh_seconds, sys.executable, _SAMPLE, _TIMES),
            partial(fresh_seconds, python, code, _TIMES),
        )
        yield Row(
            "ResourceProbe.sample",
            "us",
            result.ours / _TIMES * 1e6,
            result.peer / _TIMES * 1e6,
            name,
            result.ratio,
            target,
        )
