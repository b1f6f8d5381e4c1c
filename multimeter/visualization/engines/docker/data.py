"""The data in InfluxDB: its runs, and whether the example is there."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from multimeter.data.identifiers import RUNS
from multimeter.data.record import Record
from multimeter.http.influxdb import EVER, flux_text
from multimeter.visualization.config import StackConfig
from multimeter.visualization.engines.base import Run
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.examples.load import EXAMPLE

__all__ = ["example_flux", "require_all", "runs_flux", "runs_of"]


def runs_flux(config: StackConfig) -> str:
    """Return the query of the entries of all runs."""
    return (
        f"from(bucket: {flux_text(config.bucket)}) |> {EVER}"
        f' |> filter(fn: (r) => r._measurement == "{RUNS}"'
        " and r._field =~ /^(identifier|start|end)$/)"
    )


def runs_of(entries: Iterable[Record]) -> list[Run]:
    """Return the runs, newest first, from the answer to that query."""
    newest_first = sorted(entries, key=attrgetter("time_ns"), reverse=True)
    empty = {"identifier": "", "start": None, "end": None}
    return [{**empty, **each.fields} for each in newest_first]


def example_flux(config: StackConfig) -> str:
    """Return the query of the points of one measure of the example."""
    return (
        f"from(bucket: {flux_text(config.bucket)}) |> {EVER}"
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
