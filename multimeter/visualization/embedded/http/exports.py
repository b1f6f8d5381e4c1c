"""Exports: points as CSV, and a run as one file that needs no server."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from multimeter.data.timestamps import format_iso
from multimeter.exports.csv_format import plain_cell
from multimeter.reports.html import HtmlReport, render_html

__all__ = ["csv_response", "html_response"]

_ROWS_AT_ONCE = 2_000


def csv_response(
    name: str, keys: Mapping[str, str], tags: Iterable[str], rows: Iterable[tuple[Any, ...]]
) -> Response:
    """Return points as a file of comma-separated values (RFC 4180), row by row.

    Args:
        name: The name of the file, without its ending.
        keys: The fields in the order of the values, with their units.
        tags: The tags that have a column.
        rows: The time in ns since the epoch, the tags, and a value for each field.
    """
    titles = [f"{key} ({unit})" if unit else key for key, unit in keys.items()]
    names = list(tags)
    return StreamingResponse(
        _csv_parts(["time", *names, *titles], names, rows),
        media_type="text/csv; charset=utf-8",
        headers=_as_file(f"{name}.csv"),
    )


def _csv_parts(
    head: list[str], tags: list[str], rows: Iterable[tuple[Any, ...]]
) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(map(plain_cell, head))
    for number, (time, own, *values) in enumerate(rows, 1):
        cells = (*(own.get(tag, "") for tag in tags), *values)
        writer.writerow([format_iso(time), *map(plain_cell, cells)])
        if number % _ROWS_AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def html_response(report: HtmlReport) -> Response:
    """Return a report as a file, with Plotly inside."""
    return Response(
        render_html(report).encode(errors="replace"),
        media_type="text/html; charset=utf-8",
        headers=_as_file(f"{report.title}.html"),
    )


def _as_file(name: str) -> dict[str, str]:
    """Return the headers of a file to be saved (RFC 6266)."""
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name)[-120:]
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    value = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe)}"
    return {"Content-Disposition": value, "Cache-Control": "no-store"}
