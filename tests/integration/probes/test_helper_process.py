"""Sampling from a helper process: no hole while the interpreter lock is held, no loss
in a crash.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from fakes.odd_values import OddProbe
from fakes.write_server import WriteServer

from multimeter import (
    FileStorage,
    InfluxDBStorage,
    JsonFormat,
    LineFormat,
    Multimeter,
    ProbeError,
)
from multimeter.probes import (
    GpuProbe,
    ProcessProbe,
    SamplerProbe,
    ThreadProbe,
    default_probes,
)
from multimeter.sampling.helper import LOST

CYCLE = 0.02
HELD = 1.5


def longest_gap(result):
    times = [result.meta_data["baseline"]["time_ns"], *result.times_ns]
    return max((b - a) / 1e9 for a, b in itertools.pairwise(times))


def hold_the_interpreter_lock():
    """Do what an extension does that computes for long without giving the lock away."""
    ctypes.PyDLL(None).usleep(round(HELD * 1e6))


@pytest.mark.parametrize("sampler", ["thread", "process"])
def test_who_holds_the_interpreter_lock_stops_the_thread_but_not_the_process(sampler):
    probes = default_probes(os.getpid())
    measurement = Multimeter(*probes, cycle_time=CYCLE, sampler=sampler).measure()
    with measurement as result:
        hold_the_interpreter_lock()
    if sampler == "thread":
        assert longest_gap(result) >= HELD
        assert measurement.missed > 0
    else:
        assert longest_gap(result) < HELD
        assert len(result.points) > 10
    assert list(result.times_ns) == sorted(set(result.times_ns))


def test_what_is_measured_from_outside_is_this_process():
    probes = ProcessProbe(separate_children=2), ThreadProbe(), SamplerProbe()
    measurement = Multimeter(*probes, cycle_time=CYCLE, sampler="process").measure("run")
    with measurement as result:
        start = time.process_time()
        while time.process_time() < start + 0.3:
            pass
        measurement.add_mark("burnt")
        with subprocess.Popen(["sleep", "60"]) as child:
            time.sleep(5 * CYCLE)
            child.kill()
    values = result.points[-1].values
    assert values["process.cpu_time"] >= 0.3
    assert values["process.memory_rss"] == pytest.approx(
        psutil.Process().memory_info().rss, rel=0.2
    )
    # The helper is not part of what is measured, though it is a child.
    assert max(result.values("tree.processes")) == 2
    assert any(each.key.endswith(f"-{child.pid}") for each in result.schema.subjects)
    assert [mark.label for mark in result.marks] == ["burnt"]
    assert values["sampler.overhead_cpu"] >= 0
    assert measurement.sampling.cpu_time > 0
    assert measurement.sampling.samples == len(result.points)


def test_the_helper_is_gone_afterwards():
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    with Multimeter(SamplerProbe(), cycle_time=CYCLE, sampler="process").measure():
        during = {each.pid for each in psutil.Process().children(recursive=True)}
    after = {each.pid for each in psutil.Process().children(recursive=True)}
    assert len(during - before) == 1
    assert after <= before


def test_a_helper_that_is_killed_is_said_and_what_came_is_kept(caplog, tmp_path):
    storage = FileStorage(tmp_path, JsonFormat())
    multimeter = Multimeter(
        SamplerProbe(), cycle_time=CYCLE, sampler="process", storage=storage
    )
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    with multimeter.measure("run") as result:
        (helper,) = {
            each.pid for each in psutil.Process().children(recursive=True)
        } - before
        while not result.points:
            time.sleep(CYCLE)
        os.kill(helper, signal.SIGKILL)
    assert "helper process ended early" in caplog.text
    assert len(storage.load("run").points) == len(result.points) > 0


def test_a_probe_that_cannot_start_in_the_helper_is_a_clear_error():
    probe = ProcessProbe()
    gone = subprocess.Popen(["true"])
    foreign = ProcessProbe(gone.pid)
    gone.wait()
    measurement = Multimeter(probe, sampler="process").measure()
    measurement.start()
    measurement.end()
    with pytest.raises(ProbeError, match="There is no process"):
        Multimeter(foreign, sampler="process").measure().start()


CRASH = """
import os, signal, sys, time
from multimeter import FileStorage, JsonFormat, Multimeter
from multimeter.probes import default_probes
storage = FileStorage({folder!r}, JsonFormat())
probes = default_probes(os.getpid())
multimeter = Multimeter(*probes, cycle_time=0.02, sampler="process", storage=storage)
measurement = multimeter.measure("crash", who="me")
result = measurement.start()
while len(result.points) < 5:
    time.sleep(0.02)
measurement.add_mark("about to crash")
{how}
"""


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("os._exit(3)", 3),
        (
            # A forked child inherits the pipes and holds them open.
            "if os.fork() == 0: time.sleep(3)\nelse: os.kill(os.getpid(), signal.SIGKILL)",
            -signal.SIGKILL,
        ),
    ],
)
def test_a_crash_loses_nothing(tmp_path, how, status):
    done = subprocess.run(
        [sys.executable, "-c", CRASH.format(folder=str(tmp_path), how=how)],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == status
    file = tmp_path / "crash.json"
    deadline = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    result = FileStorage(tmp_path, JsonFormat()).load("crash")
    assert len(result.points) >= 5
    assert [mark.label for mark in result.marks] == ["about to crash", LOST]
    assert result.tags == {"who": "me"}
    assert longest_gap(result) < HELD


def test_a_crash_loses_nothing_that_goes_to_a_server(tmp_path):
    storage = 'storage = InfluxDBStorage("T0KEN", {url!r}, spool={spool!r})'
    code = CRASH.replace("FileStorage, JsonFormat", "InfluxDBStorage").replace(
        "storage = FileStorage({folder!r}, JsonFormat())", storage
    )
    with WriteServer.running() as server:
        code = code.format(
            url=server.url,
            spool=str(tmp_path / "spool"),
            how="os.kill(os.getpid(), signal.SIGKILL)",
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
        deadline = time.monotonic() + 30
        while not any(fields.get("label") == LOST for fields in server.points().values()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        points = [each for each in server.points() if each[0].startswith("crash,")]
    assert len(points) >= 5


def test_a_program_that_ends_without_a_word_is_stored_as_well(tmp_path):
    code = CRASH.format(folder=str(tmp_path), how="sys.exit(0)")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    # A busy machine may have missed samples.
    assert all("missed" in line for line in done.stderr.splitlines())
    deadline = time.monotonic() + 30
    while not (tmp_path / "crash.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_keyboard_interrupt_reaches_the_program_and_not_the_helper(tmp_path):
    how = (
        "try:\n    print('here', flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt: measurement.end()"
    )
    code = CRASH.format(folder=str(tmp_path), how=how)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (0, "")
    labels = [m.label for m in FileStorage(tmp_path, JsonFormat()).load("crash").marks]
    assert labels == ["about to crash"]


def test_a_real_gpu_is_measured_from_inside_and_outside():
    try:
        probe = GpuProbe()
    except OSError as error:
        pytest.skip(str(error).splitlines()[0])
    for sampler in ("thread", "process"):
        with Multimeter(probe, cycle_time=0.1, sampler=sampler).measure() as result:
            time.sleep(0.3)
        values = result.points[-1].values
        assert values["gpu0.gpu_memory_used"] > 0
        assert 0 <= values["gpu0.gpu_use"] <= 100
        assert values["gpu0.gpu_power"] > 0


@pytest.mark.parametrize("sampler", ["thread", "process"])
def test_samples_can_be_asked_for(sampler):
    probes = default_probes(os.getpid())
    measurement = Multimeter(*probes, cycle_time=60.0, sampler=sampler).measure()
    with measurement as result:
        for number in (1, 2):
            measurement.sample()
            while len(result.points) < number:
                time.sleep(CYCLE)
    assert len(result.points) == 3
    assert measurement.missed == 0


@pytest.mark.parametrize("sampler", ["thread", "process"])
def test_a_program_goes_on_whatever_its_probes_give(sampler, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HOME", str(tmp_path))
    with WriteServer.running() as server:
        storage = InfluxDBStorage("token", server.url)
        meter = Multimeter(OddProbe(), cycle_time=CYCLE, sampler=sampler, storage=storage)
        start = time.monotonic()
        with meter.measure("odd") as result:
            for _ in range(20):
                time.sleep(CYCLE)
        assert time.monotonic() - start < 10
        storage.close()
        assert len(result.points) > 5
        sent = [series for series, _ in server.points() if series.startswith("odd,")]
        assert len(sent) == len(result.points)
    for each in (JsonFormat(), LineFormat()):
        files = FileStorage(tmp_path, each)
        files.store(result)
        assert files.load("odd").times_ns == result.times_ns
    assert len(caplog.records) <= 1
