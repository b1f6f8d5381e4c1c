"""The data in InfluxDB: its runs, and whether the example is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from multimeter.data.identifiers import RUNS
from multimeter.visualization.config import StackConfig
from multimeter.visualization.engines.base import Run
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.examples import EXAMPLE

__all__ = ["example_flux", "require_all", "runs_flux", "runs_of"]

_EVER = "range(start: time(v: 0), stop: 2200-01-01T00:00:00Z)"


def runs_flux(config: StackConfig) -> str:
    """Return the query of the entries of all runs."""
    return (
        f"from(bucket: {_quote(config.bucket)}) |> {_EVER}"
        f' |> filter(fn: (r) => r._measurement == "{RUNS}"'
        " and r._field =~ /^(identifier|start|end)$/)"
    )


def runs_of(rows: Iterable[Mapping[str, str]]) -> list[Run]:
    """Return the runs, newest first, from the rows of that query."""
    runs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        empty = {"identifier": "", "start": None, "end": None}
        run = runs.setdefault((row["_time"], row["measurement"]), empty)
        value = row["_value"]
        run[row["_field"]] = value if row["_field"] == "identifier" else int(value)
    return [runs[key] for key in sorted(runs, reverse=True)]


def example_flux(config: StackConfig) -> str:
    """Return the query of the points of one measure of the example."""
    return (
        f"from(bucket: {_quote(config.bucket)}) |> {_EVER}"
        f' |> filter(fn: (r) => r._measurement == "{EXAMPLE}"'
        ' and r._field == "process.cpu_rate_user")'
    )


def require_all(lines: bytes, found: int, where: str) -> None:
    """Check that all points of the example can be read.

    Args:
        lines: The example.
        found: How many of its points were found.
        where: Which server shows them.

    Raises:
        VisualizationError: Some are missing.
    """
    expected = sum(line.startswith(f"{EXAMPLE},".encode()) for line in lines.splitlines())
    if found < expected:
        raise VisualizationError(
            f"{where} shows {found} of the {expected} points of the example.",
            cause="The server lost them, or has a clock or limits of its own.",
            next_step="multimeter-visu logs; or choose another image.",
        )


def _quote(text: str) -> str:
    """Return text as Flux writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'
