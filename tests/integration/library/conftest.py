"""A way to run code in a Python of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def run_python():
    """Return a function that runs code in a new process and gives its output."""

    def run(code, *options):
        done = subprocess.run(
            [sys.executable, "-W", "error", *options, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
