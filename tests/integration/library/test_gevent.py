"""Programs whose threads are greenlets: the sampler has a thread of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("gevent")

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import json, time
import gevent, sys
from multimeter import Multimeter, ResourceProbe
from multimeter.probes import *

def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

measurement = Multimeter(*eval(sys.argv[1]), cycle_time=0.02).measure("run")
begin = time.perf_counter()
with measurement as result:
    measurement.add_mark("begin")
    jobs = [gevent.spawn(compute, 0.5) for _ in range(2)]
    gevent.joinall(jobs)
    computed = time.time_ns()
    gevent.sleep(0.1)
took = time.perf_counter() - begin
times = [t / 1e9 for t in result.times_ns]
print(json.dumps({"points": sum(t < computed / 1e9 for t in times), "took": took}))
"""


@pytest.mark.parametrize("probes", ["[ResourceProbe()]", "default_probes()"])
def test_a_greenlet_that_computes_does_not_stop_the_sampling(probes):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, probes],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    # A greenlet would have none. Each system call may wait for the interpreter lock.
    assert said["points"] >= 2
    assert said["took"] < 10
