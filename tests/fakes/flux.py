"""Flux without a server: its interpreter as a command, over points in a file."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import pathlib
import subprocess
from collections.abc import Iterable

from multimeter.lines.protocol import decode
from multimeter.visualization.dashboards.grafana import render_dashboards

__all__ = ["annotated_csv", "execute", "figure_queries", "only_value"]

_TYPES = {float: "double", int: "long", str: "string", bool: "boolean"}


def figure_queries() -> dict[str, str]:
    """Return the queries of the figures of a run by their titles."""
    panels = json.loads(render_dashboards()["run.json"])["panels"]
    (stat,) = (each for each in panels if each["type"] == "stat")
    return {each["refId"]: each["query"] for each in stat["targets"]}


def execute(flux: str, query: str, points: pathlib.Path, folder: pathlib.Path) -> str:
    """Return what a query answers, as CSV.

    Args:
        flux: The command, which github.com/influxdata/flux has as ``cmd/flux``.
        query: The query.
        points: What :func:`annotated_csv` returned: it stands for the bucket.
        folder: Where the query may be written.
    """
    source = f'csv.from(file: "{points}")'
    script = folder / "query.flux"
    text = query.replace("from(bucket: v.defaultBucket)", source)
    script.write_text(f'import "csv"\n{text}')
    done = subprocess.run(
        [flux, "--format", "csv", str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def only_value(answer: str) -> float | None:
    """Return the one number of an answer in CSV; None without one."""
    rows = [
        row for row in csv.reader(io.StringIO(answer)) if row and not row[0].startswith("#")
    ]
    if not rows:
        return None
    head, *values = rows
    assert len(values) <= 1, answer
    return float(values[0][head.index("_value")]) if values else None


def annotated_csv(lines: Iterable[str]) -> str:
    """Return points as a bucket gives them: a table for each series and field."""
    tables: dict[tuple[str, tuple[tuple[str, str], ...], str], dict[int, object]] = {}
    for record in decode("\n".join(lines)):
        tags = tuple(sorted(record.tags.items()))
        for key, value in record.fields.items():
            table = tables.setdefault((record.measurement, tags, key), {})
            table[record.time_ns or 0] = value
    stream = io.StringIO()
    writer = csv.writer(stream)
    for (measurement, tags, key), values in tables.items():
        kind = _TYPES.get(type(next(iter(values.values()))), "unsignedLong")
        types = ["string", "long", "dateTime:RFC3339", kind, "string", "string"]
        writer.writerow(["#datatype", *types, *("string" for _ in tags)])
        writer.writerow(["#group", *["false"] * 4, *["true"] * (2 + len(tags))])
        writer.writerow(["#default", "_result", *[""] * (5 + len(tags))])
        names = ["result", "table", "_time", "_value", "_field", "_measurement"]
        writer.writerow(["", *names, *(name for name, _ in tags)])
        for time, value in sorted(values.items()):
            row = ["", "", "0", _time(time), value, key, measurement]
            writer.writerow([*row, *(text for _, text in tags)])
        writer.writerow([])
    return stream.getvalue()


def _time(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 10**9)
    moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
