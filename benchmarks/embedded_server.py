"""The embedded server as a process: from install to page, lines in, curves out."""

from __future__ import annotations

import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from comparison import Row, Target
from options import Options

_FIELDS = [f"field_{number:02}" for number in range(26)]
_LINES = 5_000
_BODIES = 77  # about 10 M values
_OTHER_RUNS = 20
_ASKED = 21


@dataclass(frozen=True)
class _Stack:
    """A stack in a home of its own, and a session that keeps its connection."""

    home: pathlib.Path
    session: requests.Session

    def tool(self, *words: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "multimeter.visualization", *words, "--json"],
            env={**os.environ, "HOME": str(self.home)},
            cwd=self.home,
            check=True,
            capture_output=True,
        )
        return dict(json.loads(done.stdout))

    @property
    def config(self) -> dict[str, Any]:
        file = self.home / ".multimeter" / "visu.config.json"
        return dict(json.loads(file.read_text()))

    def write(self, body: bytes) -> None:
        config = self.config
        self.session.post(
            f"{config['url']}/api/v2/write",
            params={"org": config["org"], "bucket": config["bucket"]},
            headers={"Authorization": f"Token {config['token']}"},
            data=body,
            timeout=60,
        ).raise_for_status()

    def series(self, run: str) -> float:
        """Return how many seconds four series of 1,000 buckets take at the API."""
        config = self.config
        start = time.perf_counter()
        answer = self.session.get(
            f"{config['url']}/api/series",
            params={"run": run, "buckets": 1000, "key": _FIELDS[:4]},
            headers={"Authorization": f"Token {config['read_token']}"},
            timeout=60,
        )
        answer.raise_for_status()
        assert len(answer.json()["groups"][0]["series"]) == 4
        return time.perf_counter() - start


@contextmanager
def _installed() -> Iterator[tuple[_Stack, float]]:
    with tempfile.TemporaryDirectory() as home, requests.Session() as session:
        session.trust_env = False
        stack = _Stack(pathlib.Path(home), session)
        start = time.perf_counter()
        login = stack.tool("install", "--engine", "embedded", "--port", "0")["login"]
        requests.get(login, timeout=30).raise_for_status()
        seconds = time.perf_counter() - start
        try:
            yield stack, seconds
        finally:
            stack.tool("remove", "--yes")


def _body(run: str, number: int, lines: int = _LINES) -> bytes:
    """Lines of random values of six digits, ten milliseconds apart."""
    values = random.Random(number)
    first = 1_700_000_000_000_000_000 + number * lines * 10_000_000
    return "\n".join(
        f"{run} {','.join(f'{key}={values.random():.6f}' for key in _FIELDS)}"
        f" {first + line * 10_000_000}"
        for line in range(lines)
    ).encode()


def _install_seconds() -> float:
    with _installed() as (_, seconds):
        return seconds


def rows(_options: Options) -> Iterator[Row]:
    """Measure a server that the tool has installed."""
    seconds = statistics.median(_install_seconds() for _ in range(3))
    yield Row("install to page", "s", seconds, target=Target(1.5, absolute=True))
    with _installed() as (stack, _):
        taken = 0.0
        for number in range(_BODIES):
            body = _body("big", number)
            start = time.perf_counter()
            stack.write(body)
            taken += time.perf_counter() - start
        values = _BODIES * _LINES * len(_FIELDS)
        yield Row(
            "embedded ingest over HTTP, lines of 26 values",
            "values/s",
            values / taken,
            target=Target(1e6, at_least=True, absolute=True),
        )
        stack.tool("stop")
        size = int(stack.tool("start") and stack.tool("status")["size_bytes"])
        yield Row(
            "bytes on disk a value",
            "bytes",
            size / values,
            target=Target(7, absolute=True),
        )
        yield from _queries(stack)


def _queries(stack: _Stack) -> Iterator[Row]:
    alone = statistics.median(stack.series("big") for _ in range(_ASKED))
    what = "4 series x 1000 buckets of 10 M values, at the API"
    yield Row(what, "s", alone, target=Target(0.05, absolute=True))
    for number in range(_OTHER_RUNS):
        stack.write(_body(f"other-{number}", number))
    among = statistics.median(stack.series("big") for _ in range(_ASKED))
    what = f"the same among {_OTHER_RUNS} more runs"
    yield Row(what, "s", among, alone, "alone", among / alone, Target(1.2))
