"""What ``multimeter run`` tells of known loads, beside what others tell of them."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

MIB = 1024**2
BURN = "import time\nwhile time.process_time() < {}: pass"
NEEDS_TIME = pytest.mark.skipif(not shutil.which("time"), reason="needs /usr/bin/time")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what Linux tells")


def by_time(*words):
    """Return CPU seconds and peak memory in bytes, as /usr/bin/time tells them."""
    program = shutil.which("time")
    done = subprocess.run(
        [program, "-f", "%U %S %M", *words], capture_output=True, text=True, check=True
    )
    user, system, kilobytes = done.stderr.split()[-3:]
    return float(user) + float(system), int(kilobytes) * 1024


@NEEDS_TIME
def test_a_second_of_cpu_is_what_time_tells(multimeter):
    code = BURN.format(1.0)
    cpu_time, _ = by_time(sys.executable, "-S", "-c", code)
    figures = multimeter.python(code)
    assert figures["cpu_time"] == pytest.approx(cpu_time, abs=0.05)
    assert figures["cpu_time"] >= 1.0
    assert figures["duration"] >= figures["cpu_time"] * 0.99
    assert figures["cpu"] <= 1.05


def test_memory_that_was_there_between_two_samples_is_in_the_peak(multimeter):
    code = "x = bytearray(200 << 20); x[::4096] = b'x' * len(x[::4096]); del x"
    done = multimeter.run(
        "run", "--cycle-time", "60", "--", sys.executable, "-S", "-c", code
    )
    assert b"(reached between two samples)" in done.stderr
    assert 200 * MIB < multimeter.python(code)["peak_memory"] < 250 * MIB


@NEEDS_TIME
def test_the_peak_of_a_command_that_lives_some_milliseconds_is_what_time_tells(multimeter):
    code = "x = b'x' * (15 << 20)"
    _, peak = by_time(sys.executable, "-S", "-c", code)
    figures = multimeter.python(code)
    assert figures["peak_memory"] == pytest.approx(peak, rel=0.05)


def test_the_peak_just_before_the_end_is_known_from_who_reaps(multimeter):
    code = "import os; x = b'x' * (150 << 20); os._exit(0)"
    assert multimeter.python(code)["peak_memory"] > 150 * MIB


def test_what_is_written_and_synced_counts(multimeter, tmp_path):
    code = f"""
import os
with open({str(tmp_path / "file")!r}, "wb") as file:
    file.write(b"x" * (10 << 20))
    os.fsync(file.fileno())
"""
    written = multimeter.python(code).get("written", 0)
    if not written:
        pytest.skip("files lie in memory here, or the kernel does not tell")
    assert written == pytest.approx(10 * MIB, rel=0.05)


def test_children_that_live_shortly_count(multimeter):
    child = BURN.format(0.02)
    code = f"""
import subprocess, sys
for _ in range(10):
    subprocess.run([sys.executable, "-S", "-c", {child!r}], check=True)
"""
    figures = multimeter.python(code)
    assert 0.2 <= figures["cpu_time"] < 2.0
    assert figures["processes"] >= 2


def test_a_command_that_does_nothing_has_figures_as_well(multimeter):
    summary = multimeter.summary_of("true")
    assert summary["points"] >= 1
    assert 0 < summary["figures"]["duration"]["value"] < 5
    assert 0 < summary["figures"]["cpu_time"]["value"] < 1


def test_samples_begin_at_once_and_become_rare(multimeter):
    summary = multimeter.summary_of("sleep", "0.5")
    assert 5 <= summary["points"] <= 40
