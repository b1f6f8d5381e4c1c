"""``multimeter bench``: commands in turns, with real processes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

MAIN = [sys.executable, "-c", "from multimeter.cli import main; main()"]
WORK = "import time\nwhile time.process_time() < {}: pass"


def command(seconds):
    return shlex.join([sys.executable, "-S", "-c", WORK.format(seconds)])


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    def bench(*words):
        return subprocess.run(
            [*MAIN, "bench", *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
        )

    return bench


def test_a_command_that_takes_twice_the_time_differs(bench, tmp_path):
    done = bench("--repeat", "5", "--json", "-o", "kept", command(0.1), command(0.3))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["turns"] == 5
    cpu_time = said["figures"]["cpu_time"]
    assert cpu_time["differs"]
    assert 0.5 < cpu_time["change"]["low"] <= cpu_time["change"]["high"] < 3
    kept = sorted(each.name for each in (tmp_path / "kept").iterdir())
    assert len(kept) == 15
    assert {"bench-a-1.json", "bench-again-5.json", "bench-b-3.json"} <= set(kept)


def test_a_table_says_what_is_used_and_what_noise_is(bench):
    done = bench("--repeat", "2", command(0.05))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("A  ")
    assert lines[3].split() == ["FIGURE", "A", "A-A"]
    assert any(each.startswith("CPU time") for each in lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("false",), "ended with 1 in turn 1"),
        (("no-such-command-here",), "ended with 127"),
        (("'",), "is no command"),
        (("",), "A command is empty"),
        (("true", "true", "true"), "two can be compared"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(bench, words, said):
    done = bench(*words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
