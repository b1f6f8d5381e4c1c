"""Store and report a short run without the library: a file of JSON, and some lines.

The file is one of :class:`multimeter.storages.json_format.JsonFormat`, and the lines are
those of :func:`multimeter.processes.report.report_lines`; tests hold them equal.
"""

from __future__ import annotations

import os
import time
from _json import encode_basestring_ascii as _quoted

from multimeter.analysis.quantities import (
    aligned,
    format_quantity,
    note_of,
    shown_figures,
)
from multimeter.data.identifiers import new_run_id
from multimeter.processes import run_tables
from multimeter.processes.accounts import estimate
from multimeter.processes.names import command_text, generated_name

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from typing import Any

    from multimeter.probes.process_run import Reading
    from multimeter.processes.recording import Recording

__all__ = ["store"]


def store(recording: Recording, exit_code: int, ended_ns: int) -> list[str] | None:
    """Store a run in the folder of runs, and return the lines of its report.

    Args:
        recording: The command, which has ended.
        exit_code: Its exit code.
        ended_ns: When it ended, in ns since the epoch on the clock of the run.

    Returns:
        The lines; None where the library has to store it: in a stack, in a folder that is
        not there yet, with other measures than the usual ones.
    """
    folder = _folder()
    run = recording.run
    if folder is None or run is None or run.served != set(run_tables.SERVED):
        return None
    recording.sample(ended_ns)
    figures = _figures(recording, ended_ns)
    name = generated_name(recording.command[0])
    path = f"{folder}/{name}.json"
    text = _json(recording, name, exit_code, figures)
    if not _write(folder, path, text.encode()):
        return None
    return [
        f"multimeter: {name}",
        *(f"  {line}" for line in _lines(figures)),
        f"Stored in {_short(path)}",
        f"Show it: multimeter show {name}",
    ]


def _folder() -> str | None:
    """Return the folder of runs, if they go there and it is there."""
    home = os.environ.get("HOME")
    if not home or not home.startswith("/") or os.environ.get("INFLUXDB_V2_URL"):
        return None
    folder = f"{home.rstrip('/')}/.multimeter"
    if os.path.lexists(f"{folder}/visu.config.json"):
        return None
    return f"{folder}/runs" if os.path.isdir(f"{folder}/runs") else None  # noqa: PTH112


def _short(path: str) -> str:
    """Return a path relative to the working folder, if it is inside."""
    try:
        inside = os.getcwd().rstrip("/") + "/"  # noqa: PTH109 - pathlib is slow to load
    except OSError:
        return path
    return path.removeprefix(inside)


def _figures(recording: Recording, ended_ns: int) -> dict[str, dict[str, Any]]:
    """Return all figures, by their ids, in the order of the library."""
    known = recording.figures()
    duration = (ended_ns - recording.started_ns) / 1e9
    known["duration"] = estimate(duration, duration, duration, "points")
    if duration and "cpu_time" in known:
        cpu = dict(known["cpu_time"])
        for key in ("value", "low", "high"):
            cpu[key] = None if cpu[key] is None else cpu[key] / duration
        known["cpu"] = cpu
    figures = {}
    for key, (_, digits, *_) in run_tables.FIGURES.items():
        if key in known:
            each = figures[key] = known[key]
            if digits is not None:
                for bound in ("value", "low", "high"):
                    if each[bound] is not None:
                        each[bound] = round(each[bound], digits or None)
    return figures


def _lines(figures: dict[str, dict[str, Any]]) -> list[str]:
    rows = []
    for key in shown_figures({key: each["value"] for key, each in figures.items()}):
        title, _, style, symbol = run_tables.FIGURES[key]
        each = figures[key]
        value, high = each["value"], each["high"]
        text = "?" if value is None else format_quantity(value, style, symbol)
        if key == "cpu_time" and "cpu" in figures:
            cpu = format_quantity(figures["cpu"]["value"], *run_tables.FIGURES["cpu"][2:])
            text += f", {cpu} of one core"
        at_most = ""
        if high is not None and (value is None or high > value):
            at_most = format_quantity(high, style, symbol)
        note = note_of(each["flags"], at_most)
        rows.append((title, text, "", f"({note})" if note else ""))
    return aligned(rows)


def _json(
    recording: Recording, name: str, exit_code: int, figures: dict[str, dict[str, Any]]
) -> str:
    started_ns = recording.started_ns
    meta_data = {
        "baseline": {"time_ns": started_ns, "values": {}},
        "command": command_text(recording.command),
        "exit_code": exit_code,
        **recording.meta_data,
    }
    head = {
        "version": run_tables.VERSION,
        "id": new_run_id(started_ns),
        "identifier": name,
        "tags": {},
        "meta_data": meta_data,
    }
    start, end = _iso(started_ns), _iso(recording.readings[-1][0])
    rest = {"start": start, "end": end, "figures": figures}
    points, before = [], started_ns
    for time_ns, process, tree in recording.readings:
        values = _values(process, tree, (time_ns - before) / 1e9)
        points.append(_text({"datetime": _iso(time_ns), "values": values}))
        before = time_ns
    joined = ",\n".join(points)
    return (
        f'{_text(head)[:-1]}, "schema": {run_tables.SCHEMA}, {_text(rest)[1:-1]}, '
        f'"points": [\n{joined}\n], "marks": [\n]}}\n'
    )


def _values(process: Reading, tree: Reading, seconds: float) -> dict[str, float | int]:
    values: dict[str, float | int] = {}
    for reading, rates, levels in (
        (process, run_tables.PROCESS_RATES, run_tables.PROCESS_LEVELS),
        (tree, run_tables.TREE_RATES, run_tables.TREE_LEVELS),
    ):
        for key, place in rates:
            values[key] = reading.growth[place] / seconds if seconds > 0 else 0.0
        for key, attribute in levels:
            value = getattr(reading, attribute)
            if value is not None:
                values[key] = value
    return values


def _iso(time_ns: int) -> str:
    seconds, below = divmod(time_ns, 10**9)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{below // 1000:06d}+00:00"


def _text(value: Any) -> str:
    """Return JSON; json takes longer to import than this takes."""
    if isinstance(value, dict):
        inside = ", ".join(f"{_quoted(key)}: {_text(each)}" for key, each in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, str):
        return str(_quoted(value))
    return "null" if value is None else repr(value)


def _write(folder: str, path: str, data: bytes) -> bool:
    """Write a file that is there whole or not at all, and survives a loss of power.

    Returns:
        Whether that is possible here.
    """
    descriptors = []
    try:
        file = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)
        descriptors.append(file)
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
        place = os.open(folder, os.O_RDONLY)
        descriptors.append(place)
        # With a folder, it is linkat(2), which follows the link to an open file.
        os.link(f"/proc/self/fd/{file}", path, src_dir_fd=place, follow_symlinks=True)
        os.fsync(place)
    except (OSError, NotImplementedError):
        return False
    finally:
        for each in descriptors:
            os.close(each)
    return True
