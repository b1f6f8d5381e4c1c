"""How far each meter is from known loads: Multimeter and what else measures commands.

The loads are those of ``multimeter selftest``; each run of each meter has its own truth,
which the load reports. Run it as a script; it prints a table in Markdown:

    python benchmarks/accuracy.py
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil
from peer import meter_folder

from multimeter.data.estimate import Estimate
from multimeter.processes.apart import measure_apart
from multimeter.processes.known_loads import LOADS, TRUTH, Load, Truth, truth_of
from multimeter.processes.selftest import LoadCheck
from multimeter.system.interpreter import python_command

__all__ = ["METERS", "Meter"]

_KB, _BLOCK = 1024, 512
_INTERVAL = "0.1"
Figures = Mapping[str, float | Estimate]


@dataclass(frozen=True)
class Meter:
    """A way to measure a command.

    Attributes:
        name: Its name in the table.
        measure: Takes the words of the command, a folder for files, and the environment;
            returns figures by their ids.
    """

    name: str
    measure: Callable[[Sequence[str], pathlib.Path, Mapping[str, str]], Figures]


def _multimeter(
    words: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str]
) -> Figures:
    options = ["--probe", "process"]
    name = f"run-{time.monotonic_ns()}"
    run = measure_apart(words, folder, name, environment=environment, options=options)
    return run.figures


def _gnu_time(
    words: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str]
) -> Figures:
    report = folder / "time.txt"
    form = "%U %S %M %F %R %w %c %O"
    _call(["/usr/bin/time", "-f", form, "-o", str(report), *words], environment)
    numbers = report.read_text().split("\n")[-2].split()
    user, system, peak, major, minor, voluntary, forced, blocks = map(float, numbers)
    return {
        "cpu_time": user + system,
        "peak_memory": peak * _KB,
        "page_faults": major + minor,
        "context_switches": voluntary + forced,
        "written": blocks * _BLOCK,
    }


def _psutil(
    words: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str]
) -> Figures:
    """Ask psutil for the tree each 0.1 s, as a script of ten lines does."""
    _ = folder
    cpu: dict[tuple[int, float], float] = {}
    written: dict[tuple[int, float], float] = {}
    peak = 0.0
    with subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            resident = 0.0
            for each in _tree(root):
                try:
                    key = each.pid, each.create_time()
                    times = each.cpu_times()
                    cpu[key] = times.user + times.system
                    written[key] = each.io_counters().write_bytes
                    resident += each.memory_info().rss
                except psutil.Error:
                    continue
            peak = max(peak, resident)
            time.sleep(float(_INTERVAL))
    total = sum(cpu.values())
    return {"cpu_time": total, "peak_memory": peak, "written": sum(written.values())}


def _tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _con_duct(
    words: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str]
) -> Figures:
    prefix = folder / "duct-"
    duct = [str(meter_folder() / "con-duct"), "run", "--sample-interval", _INTERVAL]
    duct += ["--report-interval", "1", "-q", "-c", "none", "-p", str(prefix)]
    _call([*duct, *words], environment)
    summary = json.loads((folder / "duct-info.json").read_text())["execution_summary"]
    return {"peak_memory": float(summary["peak_rss"] or 0)}


def _psrecord(
    words: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str]
) -> Figures:
    log = folder / "psrecord.txt"
    psrecord = [str(meter_folder() / "psrecord"), shlex.join(words), "--log", str(log)]
    _call([*psrecord, "--interval", _INTERVAL, "--include-children"], environment)
    rows = [list(map(float, line.split())) for line in log.read_text().splitlines()[1:]]
    cpu, before = 0.0, 0.0
    for seconds, percent, *_ in rows:
        cpu += percent / 100 * (seconds - before)
        before = seconds
    return {"cpu_time": cpu, "peak_memory": max((r[2] for r in rows), default=0.0) * _KB**2}


def _mprof(
    words: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str]
) -> Figures:
    log = folder / "mprof.txt"
    mprof = [str(meter_folder() / "mprof"), "run", "-C", "-T", _INTERVAL, "-o", str(log)]
    _call([*mprof, *words], environment)
    lines = (line.split() for line in log.read_text().splitlines())
    sampled = [float(line[1]) for line in lines if line and line[0] == "MEM"]
    return {"peak_memory": max(sampled, default=0.0) * _KB**2}


def _call(words: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


METERS = (
    Meter("Multimeter", _multimeter),
    Meter("GNU time", _gnu_time),
    Meter("psutil, 0.1 s", _psutil),
    Meter("con-duct", _con_duct),
    Meter("psrecord", _psrecord),
    Meter("mprof", _mprof),
)


def _checks(meter: Meter, load: Load, number: int) -> list[LoadCheck]:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        file = folder / f"truth-{number}"
        environment = {**os.environ, TRUTH: str(file)}
        try:
            found = meter.measure(python_command(load.program), folder, environment)
        except (OSError, ValueError, IndexError, KeyError, subprocess.SubprocessError) as e:
            print(f"{meter.name}: {load.name}: {e!r}", file=sys.stderr)
            found = {}
        try:
            truth = truth_of(load, file)
        except (OSError, ValueError) as error:
            print(f"{meter.name}: {load.name} did not run: {error!r}", file=sys.stderr)
            truth = Truth({}, 0)
    return [
        LoadCheck(
            load.name,
            key,
            truth.values.get(key),
            _estimate(found.get(key)),
            truth.processes,
        )
        for key in load.figures
    ]


def _estimate(value: float | Estimate | None) -> Estimate | None:
    return value if value is None or isinstance(value, Estimate) else Estimate.exact(value)


def _cell(check: LoadCheck) -> str:
    if check.found is None:
        return "-"
    text = "?" if check.error is None else f"{100 * check.error:+.1f} %"
    if check.verdict == "right":
        return text
    if check.verdict == "bounded":
        return f"{text} ({'; '.join(check.found.flags)})"
    return f"**{text}**"


def _table(meters: Iterable[Meter], loads: Iterable[Load]) -> str:
    meters = list(meters)
    lines = [
        f"| load | figure | {' | '.join(meter.name for meter in meters)} |",
        f"|---|---|{'---|' * len(meters)}",
    ]
    for load in loads:
        columns = [_checks(meter, load, 1) for meter in meters]
        for row in zip(*columns):
            cells = " | ".join(map(_cell, row))
            lines.append(f"| {load.name} | {row[0].figure_id} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table; what is wrong without a word is bold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="store_true", help="Multimeter without others")
    arguments = parser.parse_args()
    meters = METERS[:1] if arguments.only else METERS
    if not shutil.which("/usr/bin/time"):
        meters = tuple(each for each in meters if each.name != "GNU time")
    print(_table(meters, LOADS))


if __name__ == "__main__":
    main()
