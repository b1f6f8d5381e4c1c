"""What ``multimeter run`` adds to a command, beside what ``/usr/bin/time`` adds."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial

from comparison import Row, compare
from options import Options

_ROUNDS = 15

# It works for about a second: what sampling adds to it, and starting and storing.
_WORK = """
total = 0
for number in range(15_000_000):
    total += number * number
"""


def rows(_options: Options) -> Iterator[Row]:
    """Compare a measured command with the same one under time(1), and alone."""
    timer = shutil.which("time")
    tool = pathlib.Path(sysconfig.get_path("scripts")) / "multimeter"
    if timer is None or not tool.exists():
        print(
            "command: it needs /usr/bin/time and an installed multimeter", file=sys.stderr
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        run = [str(tool), "run", "-q", "-o", f"{folder}/run.json", "--"]
        timed = [timer, "-o", f"{folder}/time", "--"]
        yield _row("multimeter run true", [*run, "true"], [*timed, "true"], "time true")
        python = [sys.executable, "-c", "pass"]
        yield _row("multimeter run true", [*run, "true"], python, "python -c pass")
        work = [sys.executable, "-c", _WORK]
        yield _row("multimeter run, a busy loop", [*run, *work], [*timed, *work], "time")


def _row(what: str, ours: Sequence[str], peer: Sequence[str], peer_name: str) -> Row:
    result = compare(partial(_seconds, ours), partial(_seconds, peer), _ROUNDS)
    return Row(what, "ms", result.ours * 1e3, result.peer * 1e3, peer_name, result.ratio)


def _seconds(command: Sequence[str]) -> float:
    # Who runs a program a second time finds it compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment)
    return time.perf_counter() - start
