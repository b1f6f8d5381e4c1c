from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from multimeter.probes import portable
from multimeter.probes.portable import PortableProcesses
from multimeter.probes.usage import COUNTERS


def counter(usage, name):
    return usage.own[COUNTERS.index(name)]


@pytest.fixture
def child():
    code = "print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        yield process
        process.stdin.close()


def test_this_process_and_its_children_are_found(child):
    source = PortableProcesses(os.getpid())
    found = source.snapshot()
    assert {os.getpid(), child.pid} <= set(found)
    assert found[child.pid].parent == os.getpid()
    assert found[child.pid].rss > 0
    assert found[child.pid].started <= source.now()
    assert counter(found[os.getpid()], "user") > 0
    assert found[os.getpid()].rss_peak >= found[os.getpid()].rss * 0.9
    assert found[os.getpid()].open_files > 2
    assert found[os.getpid()].name


def test_a_child_that_has_ended_is_gone_the_next_time(child):
    source = PortableProcesses(os.getpid())
    known = source.snapshot()
    child.kill()
    child.wait()
    assert child.pid not in source.snapshot(known)


def test_a_foreign_process_is_looked_at_without_us(child):
    parent = PortableProcesses(os.getppid())
    found = parent.snapshot()
    assert os.getpid() not in found
    assert os.getppid() in found


def test_a_process_that_is_not_there_is_not_found():
    assert PortableProcesses(2**22 + 1).snapshot() == {}
    assert PortableProcesses(2**22 + 1).memory(2**22 + 1) is None


def test_memory_that_is_not_shared_is_told():
    memory = PortableProcesses(os.getpid()).memory(os.getpid())
    assert 0 < memory.uss < psutil.Process().memory_info().rss * 2


def test_what_the_system_does_not_tell_is_not_served(monkeypatch):
    class Sparse:
        """As psutil.Process on a system that tells little."""

        def __init__(self, pid):
            self.pid = pid

    monkeypatch.setattr(portable.psutil, "Process", Sparse)
    monkeypatch.setattr(portable, "resource", None)
    served = PortableProcesses(1).served
    assert served == {"user", "system", "threads", "open_files", "uss"}


def windows_process(**more):
    """A process as psutil shows it on Windows: no num_fds, no getrusage."""
    known = SimpleNamespace(
        pid=4242,
        oneshot=contextlib.nullcontext,
        cpu_times=lambda: SimpleNamespace(user=1.5, system=0.5),
        memory_info=lambda: SimpleNamespace(rss=100, peak_wset=300, num_page_faults=7),
        io_counters=lambda: SimpleNamespace(read_bytes=10, write_bytes=20),
        num_ctx_switches=lambda: SimpleNamespace(voluntary=3, involuntary=0),
        num_handles=lambda: 55,
        num_threads=lambda: 4,
        ppid=lambda: 1,
        create_time=lambda: 123.0,
        name=lambda: "python.exe",
        status=lambda: "running",
    )
    known.__dict__.update(more)
    return known


def test_a_process_of_windows_is_understood():
    usage = portable._usage(windows_process())
    assert (counter(usage, "user"), counter(usage, "system")) == (1.5, 0.5)
    assert (counter(usage, "faults"), counter(usage, "switches_vol")) == (7, 3)
    assert (counter(usage, "read"), counter(usage, "write")) == (10, 20)
    assert (usage.rss, usage.rss_peak, usage.open_files) == (100, 300, 55)
    assert (usage.threads, usage.parent, usage.name) == (4, 1, "python.exe")


def test_what_is_refused_is_left_out():
    def refuse():
        raise psutil.AccessDenied

    usage = portable._usage(windows_process(io_counters=refuse, num_handles=refuse))
    assert counter(usage, "read") == 0
    assert usage.open_files is None
    assert portable._usage(windows_process(cpu_times=refuse)) is None
