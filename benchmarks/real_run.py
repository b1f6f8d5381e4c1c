"""Points as ResourceProbe gives them in a real run, made without waiting for one.

The code runs in multimeter 0.1, too.
"""

from __future__ import annotations

__all__ = ["REAL_RUN"]

REAL_RUN = """
import datetime, random
from multimeter import ResourceProbe
from multimeter.result import Result

def real_run(points):
    # What moves in a process that computes and writes now and then; the rest, and
    # children that have not ended, stand still.
    probe, counts = ResourceProbe(), random.Random(1)
    result = Result(probe, identifier="run", tags={"stage": "benchmark"})
    start = datetime.datetime(2021, 11, 28, tzinfo=datetime.timezone.utc)
    for second in range(points):
        values = {measure.key: measure.metric.value_type() for measure in probe.measures}
        elapsed = 1 + counts.random() / 1e4
        values["process.cpu_rate_user"] = counts.randrange(10**6) / 1e6 / elapsed
        values["process.cpu_rate_system"] = counts.randrange(10**4) / 1e6 / elapsed
        values["process.memory_rss_max"] = 30_000 + second // 10
        values["process.memory_page_faults_without_io"] = counts.randrange(10**3) / elapsed
        values["process.io_block_out"] = counts.randrange(100) / elapsed
        values["process.context_switches_vol"] = counts.randrange(30) / elapsed
        values["process.context_switches_invol"] = counts.randrange(300) / elapsed
        result.append(start + datetime.timedelta(seconds=second), values)
    return result
"""
