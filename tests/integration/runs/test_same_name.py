"""Runs of the same name: two runs in files and in the stack, or not judged as one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# As one writes it at first: the same name each time.
PROGRAM = """
import time
from multimeter import *
from multimeter.connection import find_connection

stack = find_connection()
storage = {storage}
measurement = Multimeter(ResourceProbe(), cycle_time=0.1, storage=storage).measure("{name}")
with measurement as result:
    begun = time.process_time()
    while time.process_time() < begun + {cpu}:
        pass
    measurement.add_mark("half")
    time.sleep(0.2)
print(result.identifier, measurement.identifier)
"""
MAIN = [sys.executable, "-c", "from multimeter.cli import main; main()"]
WRITE_ONLY = "InfluxDBStorage(stack.token, stack.url, stack.org, stack.bucket)"


def measure(tool, name, storage="InfluxDBStorage.from_stack()", cpu=0.3):
    done = tool.python(PROGRAM.format(name=name, storage=storage, cpu=cpu))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def run(tool, *words):
    return tool.call([*MAIN, *words])


def figures(tool, name):
    found = json.loads(run(tool, "show", name, "--json").stdout)["figures"]
    return {key: each["value"] for key, each in found.items()}


@pytest.mark.parametrize("live", [True, False])
def test_a_second_run_of_a_name_is_another_run_of_the_stack(shared_stack, live):
    name = f"train-{live}"
    storage = f"InfluxDBStorage.from_stack(live={live})"
    measure(shared_stack, name, storage)
    names = [name, f"{name}-2"]
    assert measure(shared_stack, name, storage) == [names[1], names[1]]
    assert set(names) <= shared_stack.runs().keys()
    for each in names:
        assert 0.2 < figures(shared_stack, each)["cpu_time"] < 0.6
        assert run(shared_stack, "gate", each, "--max", "cpu_time=0.1s").returncode == 1


def test_so_is_a_command(shared_stack):
    for name in ("nightly", "nightly-2", "nightly-3"):
        done = run(shared_stack, "run", "--name", "nightly", "--", "true")
        assert f"Show it: multimeter show {name}\n" in done.stderr
    assert {"nightly", "nightly-2", "nightly-3"} <= shared_stack.runs().keys()


def test_where_the_stack_cannot_be_asked_the_latest_run_of_a_name_is_judged(shared_stack):
    for cpu in (0.3, 0.5):
        assert measure(shared_stack, "blind", WRITE_ONLY, cpu) == ["blind", "blind"]
    found = figures(shared_stack, "blind")
    assert found["cpu_time"] == pytest.approx(0.5, abs=0.15)
    assert all(value >= 0 for value in found.values())
    for limit, code in (("cpu_time=0.1s", 1), ("cpu_time=0.7s", 0)):
        assert run(shared_stack, "gate", "blind", "--max", limit).returncode == code
    shown = run(shared_stack, "show", "blind").stdout
    assert "Earlier runs" not in shown
    assert shown.count("half") == 1
    view = shared_stack.get("/api/run", run="blind")
    _, last = view["starts"]
    assert view["start"] < last
    assert found["duration"] == pytest.approx((view["end"] - last) / 1e9, abs=0.2)
    assert all(each["value"] >= 0 for each in view["figures"])
    spans = shared_stack.get("/api/spans", run="blind")
    assert sum(each["cpu_time"] for each in spans) == pytest.approx(0.8, abs=0.2)


def test_a_second_run_of_a_name_is_another_file(tool):
    for _ in range(2):
        assert run(tool, "run", "-o", "out/", "--name", "dup", "true").returncode == 0
    listed = json.loads(run(tool, "ls", "--folder", "out", "--json").stdout)["runs"]
    assert [each["identifier"] for each in listed] == ["dup-2", "dup"]
    for word, name in (("dup", "dup"), ("dup-2", "dup-2"), ("@latest", "dup-2")):
        done = run(tool, "show", word, "--folder", "out", "--json")
        assert json.loads(done.stdout)["identifier"] == name
    words = ("--baseline", "@2", "--max", "duration=+9999%", "--folder", "out")
    assert run(tool, "gate", "@latest", *words).returncode == 0


def test_a_demonstration_of_a_name_that_is_taken_is_refused(shared_stack):
    done = shared_stack.run("demo", "example", "--no-browser")
    assert done.returncode == 252
    assert "A run 'example' exists already" in done.stderr


def test_two_runs_of_a_name_at_the_same_time_are_two(shared_stack):
    code = PROGRAM.format(name="both", storage=WRITE_ONLY, cpu=1.0)
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=shared_stack.environment,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [each.wait(60) for each in programs] == [0, 0]
    assert 0.9 < figures(shared_stack, "both")["cpu_time"] < 1.5
    done = run(shared_stack, "gate", "both", "--max", "cpu_time=1.5s")
    assert done.returncode == 0, done.stdout
    shown = run(shared_stack, "show", "both").stdout
    assert "at the same time" not in shown
    assert shown.count("half") == 1
