"""What ``multimeter run`` adds to a command, beside what ``/usr/bin/time`` adds.

Durations, and the CPU time and memory of all processes. An editable installation costs some
10 ms more than a wheel.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from comparison import Row, Target, compare
from options import Options
from peer import meter_folder

_ROUNDS = 15
_FEW_ROUNDS = 5

_USAGE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
assert not status
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""

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
        yield from _short(tool, folder)
        yield from _beside_meters(tool, folder, timer)


def _beside_meters(tool: pathlib.Path, folder: str, timer: str) -> Iterator[Row]:
    """Compare the CPU time that meters add to a second in which nothing happens."""
    meters = meter_folder()
    sleep = ["sleep", "1"]
    peers = {
        "GNU time": [timer, "-o", f"{folder}/time", *sleep],
        "con-duct": [
            *(str(meters / "con-duct"), "run", "-q", "-c", "none", "--clobber"),
            *("-p", f"{folder}/duct-", *sleep),
        ],
        "psrecord": [
            *(str(meters / "psrecord"), "sleep 1", "--include-children"),
            *("--log", f"{folder}/psrecord.txt"),
        ],
        "mprof": [
            *(str(meters / "mprof"), "run", "-C", "-o", f"{folder}/mprof.txt", *sleep),
        ],
    }
    environment = {**os.environ, "HOME": folder}
    ours = partial(_usage, [str(tool), "run", "-q", *sleep], environment)
    for name, command in peers.items():
        peer = partial(_usage, command, environment)
        result = compare(_cpu_of(ours), _cpu_of(peer), _FEW_ROUNDS)
        numbers = result.ours * 1e3, result.peer * 1e3, name, result.ratio
        yield Row("multimeter run sleep 1, CPU time", "ms", *numbers)


def _cpu_of(usage: Callable[[], tuple[float, float]]) -> Callable[[], float]:
    return lambda: usage()[0]


def _short(tool: pathlib.Path, home: str) -> Iterator[Row]:
    """Compare the CPU time and memory of a short run, file and report included."""
    environment = {**os.environ, "HOME": home}
    pathlib.Path(home, ".multimeter", "runs").mkdir(parents=True)
    ours = partial(_usage, [str(tool), "run", "-q", "true"], environment)
    python = partial(_usage, [sys.executable, "-I", "-c", "pass"], environment)
    result = compare(_cpu_of(ours), _cpu_of(python), _ROUNDS)
    yield Row(
        "multimeter run true, CPU time",
        "ms",
        result.ours * 1e3,
        result.peer * 1e3,
        "python -I -c pass",
        result.ratio,
        Target(30.0, absolute=True),
    )
    memory = max(ours()[1] for _ in range(3))
    yield Row(
        "multimeter run true, memory", "MiB", memory, target=Target(14, absolute=True)
    )


def _usage(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Return the CPU time in s, and the peak memory in MiB of the largest process."""
    program = [sys.executable, "-S", "-c", _USAGE, *command]
    done = subprocess.run(program, check=True, env=environment, capture_output=True)
    *_, cpu, kilobytes = done.stdout.split()  # psrecord speaks first
    return float(cpu), int(kilobytes) / 1024


def _row(what: str, ours: Sequence[str], peer: Sequence[str], peer_name: str) -> Row:
    result = compare(partial(_seconds, ours), partial(_seconds, peer), _ROUNDS)
    return Row(what, "ms", result.ours * 1e3, result.peer * 1e3, peer_name, result.ratio)


def _seconds(command: Sequence[str]) -> float:
    # Who runs a program a second time finds it compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment)
    return time.perf_counter() - start
