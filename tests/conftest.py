"""A stack that the real tool installed, on a port of its own, in a home of its own."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import requests
from fakes.crash.explorer import TOTALS, Totals
from fakes.tool import Tool
from hypothesis import HealthCheck, settings

if sys.version_info < (3, 11):
    # There, pathlib keeps the functions that os had at first: tests that replace one
    # would not be noticed.
    for _name in ("mkdir", "rename", "replace"):
        setattr(
            pathlib._NormalAccessor,  # type: ignore[attr-defined]
            _name,
            staticmethod(lambda *args, _name=_name, **kw: getattr(os, _name)(*args, **kw)),
        )

if sys.dont_write_bytecode:
    # Tests, and the package in each process that they start, are compiled once all the
    # same: out of the way of the sources.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(pathlib.Path(__file__).parents[1] / ".pytest_cache/bytecode")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

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
    parser.addoption(
        "--crash-seconds",
        type=float,
        default=0.0,
        help="How long each workload is crashed; by default a fixed number of times.",
    )
    parser.addoption(
        "--crash-seed", type=int, default=1, help="Which of its states are tried."
    )


def pytest_configure() -> None:
    # A shell has what it starts in the background ignore Ctrl-C, and nohup the end of
    # the terminal; both are inherited.
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        if signal.getsignal(number) == signal.SIG_IGN:
            default = (
                signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            )
            signal.signal(number, default)


@pytest.fixture
def count_crash_states(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what counts a state of a disk that was recovered from, by what was on it."""
    totals = request.config.stash.setdefault(TOTALS, Totals())

    def count(what: str) -> None:
        totals.states[what] += 1

    return count


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if totals := config.stash.get(TOTALS, None):
        terminalreporter.write_sep("=", "crashes")
        terminalreporter.write_line(str(totals))


class EmbeddedTool(Tool):
    """The tool with an embedded stack."""

    @property
    def folder(self) -> pathlib.Path:
        return self.home / ".multimeter" / "embedded"

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


def _installed(tool: EmbeddedTool) -> EmbeddedTool:
    done = tool.run("install", "--port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    return tool


def _clean_up(tool: EmbeddedTool) -> None:
    if tool.config_file.exists():
        tool.run("remove", "--yes")


@pytest.fixture
def tool(tmp_path: pathlib.Path) -> Iterator[EmbeddedTool]:
    """The tool, with nothing installed; whatever it leaves is removed in the end."""
    home = tmp_path / "home"
    home.mkdir()
    tool = EmbeddedTool(home)
    yield tool
    _clean_up(tool)


@pytest.fixture
def stack(tool: EmbeddedTool) -> EmbeddedTool:
    """An installed stack that runs, for one test."""
    return _installed(tool)


@pytest.fixture(scope="module")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTool]:
    """An installed stack that runs, for all tests of a file: they only add to it."""
    tool = EmbeddedTool(tmp_path_factory.mktemp("home"))
    yield _installed(tool)
    _clean_up(tool)
