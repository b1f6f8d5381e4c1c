"""What one sample of each probe costs, in CPU time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from comparison import Row, Target, compare, fresh_seconds
from options import Options

_SAMPLE = """
from multimeter.probes import *
{before}
probe = {probe}
probe.start()
def work(times):
    for _ in range(times):
        probe.sample({{}}, 1.0)
"""

_OF_0_1 = """
from multimeter.probe import ResourceProbe
probe = ResourceProbe()
probe.start()
def work(times):
    for _ in range(times):
        probe.sample({}, 1.0)
"""

_PSUTIL = """
import psutil
{before}
me = psutil.Process()
def look(process):
    with process.oneshot():
        return (process.cpu_times(), process.memory_info(), process.num_threads(),
                process.num_fds(), process.io_counters(), process.num_ctx_switches())
def work(times):
    for _ in range(times):
        {look}
"""

_TREE = "[look(each) for each in (me, *me.children(recursive=True))]"
_SYSTEM = (
    "psutil.cpu_times(), psutil.virtual_memory(), psutil.swap_memory(), "
    "psutil.disk_io_counters(), psutil.net_io_counters(), psutil.getloadavg()"
)

# Closed when this process ends, however it ends, so that its children end as well.
_MANY = """
import subprocess, sys, time
wait = "import sys; print(flush=True); sys.stdin.read()"
children = [subprocess.Popen([sys.executable, "-S", "-c", wait], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE) for _ in range({number})]
for child in children:
    child.stdout.readline()
"""
_TEN_THREADS = """
import threading
for number in range(10):
    event = threading.Event()
    threading.Thread(target=event.wait, name=f"worker-{number}", daemon=True).start()
"""


@dataclass(frozen=True)
class _Case:
    """One probe, and how others tell the same.

    Attributes:
        name: What is measured.
        probe: How it is made.
        peer: The code of the peer, or None where nobody tells the same.
        peer_name: Who the peer is.
        times: How many samples a round has.
        before: What both do first.
        target: What shall be reached.
        each: By how many the cost of a sample is divided.
    """

    name: str
    probe: str
    peer: str | None = None
    peer_name: str = ""
    times: int = 500
    before: str = ""
    target: Target | None = None
    each: int = 1


def _cases() -> Iterator[_Case]:
    plain = "psutil, plainly"
    tree = _PSUTIL.format(before="", look=_TREE)
    yield _Case("ProcessProbe", "ProcessProbe()", tree, plain, target=Target(1.0))
    yield _Case("ProcessProbe", "ProcessProbe()", _OF_0_1, "ResourceProbe of 0.1")
    for number in (100, 500):
        many = _MANY.format(number=number)
        yield _Case(
            f"ProcessProbe, a tree of {number}, each process",
            "ProcessProbe()",
            _PSUTIL.format(before=many, look=_TREE),
            plain,
            times=10,
            before=many,
            each=number,
            target=Target(12.0, absolute=True),
        )
    system = _PSUTIL.format(before="", look=_SYSTEM)
    yield _Case("SystemProbe", "SystemProbe()", system, plain, target=Target(1.0))
    threads = _PSUTIL.format(before=_TEN_THREADS, look="me.threads()")
    yield _Case(
        "ThreadProbe, 10 threads", "ThreadProbe()", threads, plain, before=_TEN_THREADS
    )
    yield _Case("PythonProbe", "PythonProbe()")
    if _is_served("CgroupProbe()"):
        yield _Case("CgroupProbe", "CgroupProbe()")
    if _is_served("EnergyProbe()"):
        yield _Case("EnergyProbe", "EnergyProbe()")
    if _is_served("GpuProbe()"):
        yield _Case("GpuProbe", "GpuProbe()")


def _is_served(probe: str) -> bool:
    from multimeter import UnsupportedError, probes

    try:
        getattr(probes, probe.removesuffix("()"))()
    except UnsupportedError:
        return False
    return True


def rows(options: Options) -> Iterator[Row]:
    """Compare the samples of all probes that this machine can serve."""
    for case in _cases():
        code = _SAMPLE.format(before=case.before, probe=case.probe)
        peer = case.peer or code
        python = options.peer_python if peer is _OF_0_1 else sys.executable
        result = compare(
            partial(fresh_seconds, sys.executable, code, case.times),
            partial(fresh_seconds, python, peer, case.times),
            rounds=7,
        )
        alone = case.peer is None
        yield Row(
            f"{case.name}.sample" if "," not in case.name else case.name,
            "us",
            result.ours / case.times / case.each * 1e6,
            None if alone else result.peer / case.times / case.each * 1e6,
            case.peer_name,
            None if alone else result.ratio,
            case.target,
        )
