"""How much memory a point of 26 values takes while it is kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from comparison import Contender, Row, Target
from options import Options

_POINTS = 20_000

# Bytes are told in place of seconds: the same at every round, so that one is enough.
_KEEP = """
import datetime, tracemalloc
from multimeter import ResourceProbe
from multimeter.result import Result
probe = ResourceProbe()
probe.start()
def bytes_a_point(points):
    result = Result(probe, identifier="run")
    start = datetime.datetime(2021, 11, 28, tzinfo=datetime.timezone.utc)
    tracemalloc.start()
    for number in range(points):
        values = {}
        probe.sample(values, 1.0)
        # As different as values of a real run, not the one and the same 0.0.
        values = {key: value + number for key, value in values.items()}
        result.append(start + datetime.timedelta(seconds=number), values)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / points
for line in sys.stdin:
    print(bytes_a_point(int(line)), flush=True)
"""


def rows(options: Options) -> Iterator[Row]:
    """Compare the bytes of a kept point with those of 0.1."""
    code = "import sys\n" + _KEEP
    with (
        Contender(sys.executable, code) as ours,
        Contender(options.peer_python, code) as peer,
    ):
        mine, theirs = ours.seconds(_POINTS), peer.seconds(_POINTS)
    yield Row(
        "a kept point of 26 values",
        "bytes",
        mine,
        theirs,
        "multimeter 0.1",
        mine / theirs,
        Target(260, absolute=True),
    )
