"""The known loads of ``multimeter selftest``: no number is wrong without a word."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

MAIN = "from multimeter.cli import main; main()"


def selftest(home, *words):
    return subprocess.run(
        [*words, sys.executable, "-c", MAIN, "selftest", "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        cwd=home,
        env={**os.environ, "HOME": str(home)},
    )


def verdicts(done):
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)["checks"]
    wrong = [each for each in checks if each["verdict"] == "WRONG"]
    assert wrong == []
    assert done.returncode == 0
    return {(each["load"], each["figure"]): each["verdict"] for each in checks}


@pytest.mark.skipif(sys.platform != "linux", reason="what Linux knows of processes")
def test_each_number_is_right_or_says_how_far_it_is(tmp_path):
    found = verdicts(selftest(tmp_path))
    assert found["one process computes for 0.5 s", "cpu_time"] == "right"
    assert found["a daemon: its parent ends first", "cpu_time"] == "right"
    assert found["20 threads take 20 naps each", "context_switches"] == "right"


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0 or not shutil.which("setpriv"),
    reason="another user's rights need root",
)
def test_without_rights_bounds_take_the_place_of_what_is_not_known(tmp_path):
    nobody = 65534
    os.chown(tmp_path, nobody, nobody)
    for folder in tmp_path.parents:
        if str(folder).startswith("/tmp/"):
            pathlib.Path(folder).chmod(0o755)
    words = ("setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups")
    # As of its own start, so of those that it starts.
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import rich'])"
    can = subprocess.run([*words, sys.executable, "-c", nested], check=False)
    if can.returncode:
        pytest.skip("another user cannot read this environment")
    assert "WRONG" not in verdicts(selftest(tmp_path, *words)).values()
