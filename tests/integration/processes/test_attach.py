from __future__ import annotations

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import time

import psutil
import pytest

LOAD = "import time\nprint('on', flush=True)\nwhile input(): pass"


@contextlib.contextmanager
def started(*words):
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "on\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.fixture
def program():
    with started("-c", LOAD) as process:
        yield process


def attached(multimeter, *words):
    """Attach, and return the process once it measures."""
    process = multimeter.popen("attach", *words, stderr=subprocess.PIPE, text=True)
    while psutil.Process(process.pid).num_threads() < 2:  # one that waits, one that samples
        time.sleep(0.01)
    return process


def test_a_process_is_measured_until_it_ends(multimeter, program):
    ended = attached(multimeter, str(program.pid), "--json", "-", "--duration", "30")
    program.kill()
    _, error = ended.communicate(timeout=30)
    summary = json.loads(error)
    assert ended.returncode == 0
    assert summary["exit_code"] == 0
    assert summary["points"] >= 1
    assert summary["figures"]["duration"]["value"] < 30
    assert pathlib.Path(summary["file"]).exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_told_to_end_it_stores_what_it_has_and_the_process_goes_on(
    multimeter, program, name
):
    ended = attached(multimeter, str(program.pid), "--name", "x")
    ended.send_signal(getattr(signal, name))
    _, error = ended.communicate(timeout=30)
    assert ended.returncode == 0
    assert "multimeter show x" in error
    assert program.poll() is None


def test_after_its_duration_it_ends(multimeter, program):
    done = multimeter.run("attach", str(program.pid), "--duration", "0.2", "--json", "-")
    assert done.returncode == 0
    assert 0.2 <= json.loads(done.stderr)["figures"]["duration"]["value"] < 10
    assert program.poll() is None


@pytest.mark.parametrize(("pid", "exit_code"), [("2147483646", 1), ("0", 2), ("x", 2)])
def test_what_is_no_process_is_a_clear_error(multimeter, pid, exit_code):
    done = multimeter.run("attach", pid)
    assert done.returncode == exit_code
    assert done.stderr.strip()
    assert b"Traceback" not in done.stderr


BURST = """
import os, sys, time
print('on', flush=True)
sys.stdin.readline()
time.sleep(1.5)
block = b'x' * (100 << 20)
end = time.process_time() + 0.2
while time.process_time() < end: pass
os._exit(0)
"""


@pytest.fixture
def bursting():
    with started("-S", "-c", BURST) as process:
        yield process


@pytest.mark.skipif(sys.platform != "linux", reason="reads what waits to be reaped")
def test_the_last_moments_of_a_process_count(multimeter, bursting):
    ended = attached(multimeter, str(bursting.pid), "--json", "-")
    before = sum(psutil.Process(bursting.pid).cpu_times()[:2])
    bursting.stdin.write("\n")
    bursting.stdin.flush()
    _, error = ended.communicate(timeout=30)
    figures = json.loads(error)["figures"]
    assert figures["cpu_time"]["value"] == pytest.approx(0.2 + 0.05, abs=0.08 + before)
    assert figures["cpu_time"]["flags"] == []
    peak = figures["peak_memory"]
    if peak["source"] == "taskstats":
        assert peak["value"] > 100 << 20
    else:
        assert peak["high"] is None
        assert any(each.startswith("last seen ") for each in peak["flags"])
