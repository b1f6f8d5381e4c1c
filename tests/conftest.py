"""A stack that the real tool installed, on a port of its own, in a home of its own."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
import requests
from hypothesis import HealthCheck, settings

# How fast the machine is says nothing of the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--points",
        type=int,
        default=50_000,
        help="How many points each fault of a delivery is tried with; 1000000 at night.",
    )


def pytest_configure() -> None:
    # A shell has what it starts in the background ignore Ctrl-C, and that is inherited.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Tool:
    """``multimeter-visu`` as a user runs it, in a home folder of its own."""

    home: pathlib.Path

    @property
    def config_file(self) -> pathlib.Path:
        return self.home / ".multimeter" / "visu.config.json"

    @property
    def folder(self) -> pathlib.Path:
        return self.home / ".multimeter" / "embedded"

    @property
    def environment(self) -> dict[str, str]:
        ours = {"HOME": str(self.home), "USERPROFILE": str(self.home)}
        # Where a Docker engine is, an install would use that.
        ours["DOCKER_HOST"] = f"unix://{self.home}/no-docker.sock"
        others = {k: v for k, v in os.environ.items() if not k.startswith("INFLUXDB_V2")}
        return {**others, **ours}

    def run(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "multimeter.visualization", *words],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
            **more,
        )

    def json(self, *words: str) -> dict[str, Any]:
        done = self.run(*words, "--json")
        assert done.returncode in (0, 3), done.stderr
        return dict(json.loads(done.stdout))

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def config(self) -> dict[str, Any]:
        return dict(json.loads(self.config_file.read_text()))

    @property
    def server(self) -> psutil.Process:
        return psutil.Process(self.json("status")["pid"])

    def get(self, path: str, **params: object) -> Any:
        """Ask the page's API with the read token."""
        answer = requests.get(
            self.config["url"] + path,
            params=params,  # type: ignore[arg-type]
            headers={"Authorization": f"Token {self.config['read_token']}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, *lines: str) -> None:
        """Write lines of line protocol, times in ns."""
        config = self.config
        answer = requests.post(
            config["url"] + "/api/v2/write",
            params={"org": config["org"], "bucket": config["bucket"]},
            data="\n".join(lines).encode(),
            headers={"Authorization": f"Token {config['token']}"},
            timeout=60,
        )
        assert answer.status_code == 204, answer.text

    def runs(self) -> dict[str, dict[str, Any]]:
        return {run["identifier"]: run for run in self.get("/api/runs")}


def _installed(tool: Tool) -> Tool:
    done = tool.run("install", "--port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    return tool


def _clean_up(tool: Tool) -> None:
    if tool.config_file.exists():
        tool.run("remove", "--yes")


@pytest.fixture
def tool(tmp_path: pathlib.Path) -> Iterator[Tool]:
    """The tool, with nothing installed; whatever it leaves is removed in the end."""
    home = tmp_path / "home"
    home.mkdir()
    tool = Tool(home)
    yield tool
    _clean_up(tool)


@pytest.fixture
def stack(tool: Tool) -> Tool:
    """An installed stack that runs, for one test."""
    return _installed(tool)


@pytest.fixture(scope="module")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """An installed stack that runs, for all tests of a file: they only add to it."""
    tool = Tool(tmp_path_factory.mktemp("home"))
    yield _installed(tool)
    _clean_up(tool)
