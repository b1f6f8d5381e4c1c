"""How long a program waits for its import, and a person for the command line."""

from __future__ import annotations

import os
import pathlib
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from functools import partial

from comparison import Row, Target, compare
from options import Options

_ROUNDS = 31


def _seconds(*command: str) -> float:
    # Who runs a program a second time finds it compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        cwd=tempfile.gettempdir(),
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def rows(_options: Options) -> Iterator[Row]:
    """Compare whole processes: one that imports multimeter, and one with psutil."""
    result = compare(
        partial(_seconds, sys.executable, "-c", "import multimeter"),
        partial(_seconds, sys.executable, "-c", "import psutil"),
        _ROUNDS,
    )
    yield Row(
        "import multimeter",
        "ms",
        result.ours * 1e3,
        result.peer * 1e3,
        "import psutil",
        result.ratio,
        Target(1.5),
    )
    tool = pathlib.Path(sysconfig.get_path("scripts")) / "multimeter-visu"
    if tool.exists():
        seconds = [_seconds(str(tool), "--help") for _ in range(_ROUNDS)][1:]
        target = Target(0.3, absolute=True)
        yield Row("multimeter-visu --help", "s", statistics.median(seconds), target=target)
