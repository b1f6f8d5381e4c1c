"""The time of day is set by an hour while a run is measured: no number of it changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from multimeter import JsonFormat
from multimeter.analysis.figures import figures_of

MIB = 2**20
BLOCKS = 10 * MIB

WORK = """
import os, sys, time

def work(path):
    # Two spells of 0.15 s CPU and 10 MiB written to storage each.
    with open(path, "wb", buffering=0) as stream:
        for _ in range(10):
            stream.write(os.urandom(2**20))
        os.fsync(stream.fileno())
    os.remove(path)
    begin = time.thread_time()
    while time.thread_time() - begin < 0.15:
        pass
    time.sleep(0.1)

def set_clock(seconds):
    clock = os.environ["MOVED_CLOCK"]
    with open(clock + ".new", "w") as stream:
        stream.write(seconds)
    os.replace(clock + ".new", clock)

def step(folder, seconds):
    begin, monotonic = time.time(), time.monotonic()
    work(os.path.join(folder, "first"))
    set_clock(seconds)
    work(os.path.join(folder, "second"))
    moved = time.time() - begin - (time.monotonic() - monotonic)
    assert abs(moved - float(seconds)) < 1, moved
"""

MAIN = "from multimeter.cli import main; main()"

LIBRARY = (
    WORK
    + """
from multimeter import FileStorage, JsonFormat, Multimeter
from multimeter.probes import ProcessProbe

if __name__ == "__main__":
    folder, seconds, sampler = sys.argv[1:]
    storage = FileStorage(folder, JsonFormat())
    meter = Multimeter(ProcessProbe(), cycle_time=0.05, storage=storage, sampler=sampler)
    begin = time.monotonic()
    measurement = meter.measure("run")
    result = measurement.start()
    measurement.add_mark("before")
    step(folder, seconds)
    measurement.add_mark("after")
    measurement.end()
    assert abs(result.duration.total_seconds() - (time.monotonic() - begin)) < 5
    times = [time for time, _ in result.marks_ns]
    assert 0 < times[1] - times[0] < 60e9, times
    assert result.times_ns == sorted(set(result.times_ns))
"""
)


def check(result, seconds, real_seconds):
    figures = {each.id: each for each in figures_of(result)}
    assert result.duration.total_seconds() < real_seconds
    assert figures["duration"].value == result.duration.total_seconds()
    # The program itself and what is around its work may cost more, but not an hour.
    assert 0.3 <= figures["cpu_time"].value + 0.021 < real_seconds
    written = figures["written"]
    if written.estimate.source == "disk" and written.value:
        assert written.value % 512 == 0
        assert 2 * BLOCKS <= written.value < 2 * BLOCKS + 2 * MIB
    (step,) = result.meta_data["clock_steps"]
    assert step["seconds"] == pytest.approx(float(seconds), abs=2)
    assert result.start_ns < step["time_ns"] <= result.end_ns


def measured_by_library(tmp_path, moved_clock, seconds, sampler):
    program = tmp_path / "program.py"
    program.write_text(LIBRARY)
    subprocess.run(
        [sys.executable, program, tmp_path, seconds, sampler],
        env={**os.environ, **moved_clock},
        timeout=120,
        check=True,
    )
    with (tmp_path / "run.json").open("rb") as stream:
        return JsonFormat().load(stream)


@pytest.mark.parametrize("sampler", ["thread", "process"])
@pytest.mark.parametrize("seconds", ["+3600", "-3600"])
def test_of_the_library(tmp_path, moved_clock, seconds, sampler):
    check(measured_by_library(tmp_path, moved_clock, seconds, sampler), seconds, 60)


@pytest.mark.parametrize("seconds", ["+3600", "-3600"])
def test_of_a_command(tmp_path, moved_clock, seconds):
    program = tmp_path / "program.py"
    program.write_text(WORK + "\nstep(sys.argv[1], sys.argv[2])\n")
    file, report = tmp_path / "run.json", tmp_path / "report.json"
    subprocess.run(
        [
            *(sys.executable, "-c", MAIN, "run", "-o", file, "--json", report),
            *("--", sys.executable, program, tmp_path, seconds),
        ],
        env={**os.environ, **moved_clock},
        timeout=120,
        check=True,
    )
    with file.open("rb") as stream:
        result = JsonFormat().load(stream)
    check(result, seconds, 60)
    said = json.loads(report.read_text())
    assert said["duration"] == result.duration.total_seconds()
    assert said["figures"]["duration"]["value"] == said["duration"]
    assert len(said["clock_steps"]) == 1
