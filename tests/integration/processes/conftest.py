"""The tool ``multimeter`` as a user runs it, in a home folder of its own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Multimeter:
    """``multimeter`` in a home folder of its own, with nothing installed."""

    home: pathlib.Path

    @property
    def environment(self):
        ours = {"HOME": str(self.home), "USERPROFILE": str(self.home)}
        others = {k: v for k, v in os.environ.items() if not k.startswith("INFLUXDB_V2")}
        return {**others, **ours}

    def popen(self, *words, **more):
        return subprocess.Popen(self.words(*words), env=self.environment, **more)

    @staticmethod
    def words(*words):
        main = "from multimeter.cli import main; main()"
        return [sys.executable, "-c", main, *words]

    def run(self, *words, stdin=subprocess.DEVNULL, **more):
        return subprocess.run(
            self.words(*words),
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            stdin=None if "input" in more else stdin,
            timeout=60,
            check=False,
            **more,
        )

    def summary_of(self, *words, exit_code=0):
        """Run a command, and return its summary as programs get it."""
        done = self.run("run", "--json", "-", "--", *words)
        assert done.returncode == exit_code, done.stderr
        return json.loads(done.stderr.splitlines()[-1])

    def figures_of(self, *words, exit_code=0):
        """Return the values of the figures."""
        figures = self.summary_of(*words, exit_code=exit_code)["figures"]
        return {key: each["value"] for key, each in figures.items()}

    def python(self, code, exit_code=0):
        """Run code in Python, and return the figures of it."""
        return self.figures_of(sys.executable, "-S", "-c", code, exit_code=exit_code)


@pytest.fixture
def multimeter(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Multimeter(home)
