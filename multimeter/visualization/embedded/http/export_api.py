"""Exports: points as CSV, runs as one HTML file or as lines. See docs/http-api.md."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote

from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from multimeter.analysis.units import format_value
from multimeter.data.identifiers import LOGS, MARKS, RUN_TAG, RUNS
from multimeter.data.timestamps import format_iso
from multimeter.exports.csv_format import plain_cell
from multimeter.lines.protocol import MAX_TIME_NS, raw_line
from multimeter.reports.html import HtmlChart, HtmlCurve, HtmlReport, Table, render_html
from multimeter.reports.texts import NONE, local_time, points
from multimeter.visualization.dashboards.definition import LOG_SERIES, SPAN_COLUMNS
from multimeter.visualization.embedded.http.reading import ReadRoutes, range_of
from multimeter.visualization.embedded.http.responses import RequestError
from multimeter.visualization.embedded.http.run_view import (
    PanelSource,
    marks_of,
    require_run,
    view_of_run,
)
from multimeter.visualization.embedded.store.database import Interrupt
from multimeter.visualization.embedded.store.logs import list_codenames
from multimeter.visualization.embedded.store.run_figures import RunFigures, Span, run_spans
from multimeter.visualization.embedded.store.runs import RunDescription
from multimeter.visualization.embedded.store.store import PageChoice, SeriesData, Store

__all__ = ["ExportApi", "LinesApi", "csv_response", "html_response"]

_REPORT_BUCKETS = 600


class ExportApi:
    """The API of exported files: CSV and HTML.

    Args:
        store: The store.
        reading: Makes the routes.
        now_ns: Returns the time, in ns since the epoch.
        user_panels: Returns the user-defined panels.
    """

    def __init__(
        self,
        store: Store,
        reading: ReadRoutes,
        now_ns: Callable[[], int],
        user_panels: PanelSource,
    ) -> None:
        self._store = store
        self._figures = RunFigures(store)
        self._reading = reading
        self._now_ns = now_ns
        self._own_panels = user_panels

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [
            self._reading.route("csv", self._csv),
            self._reading.route("logs/csv", self._logs_csv),
            self._reading.route("export", self._html),
        ]

    def _csv(self, asked: QueryParams, _interrupt: Interrupt) -> Response:
        run = require_run(self._store, asked, self._now_ns())
        keys = asked.getlist("key") or list(run.fields)
        unknown = [key for key in keys if key not in run.fields]
        if unknown:
            raise RequestError("not found", f'field "{unknown[0]}" not found')
        units = _units(run)
        sets = self._store.tag_sets(run.identifier)
        tags = sorted({key for each in sets for key in each.tags} - {RUN_TAG})
        choice = PageChoice(
            tuple(keys),
            *range_of(asked, run.start, run.end),
            {},
        )
        rows = self._store.table(run.identifier, choice)
        columns = {key: units.get(key, "") for key in keys}
        if run.began is not None and run.began < run.start and choice.start_ns <= run.start:
            # The rates of the first point cover the time since the start.
            rows = chain([(run.began, {}, *("" for _ in keys))], rows)
        return csv_response(run.identifier, columns, tags, rows)

    def _logs_csv(self, asked: QueryParams, _interrupt: Interrupt) -> Response:
        names = asked.getlist("codename")
        codenames = {each.codename for each in list_codenames(self._store)}
        unknown = [name for name in names if name not in codenames]
        if unknown or not names:
            what = unknown[0] if unknown else ""
            raise RequestError("not found", f'codename "{what}" not found')
        choice = PageChoice(
            (LOG_SERIES.field,),
            *range_of(asked),
            {LOG_SERIES.tag: set(names)},
        )
        tags = {key for each in self._store.tag_sets(LOGS) for key in each.tags}
        rows = self._store.table(LOGS, choice)
        return csv_response("logs", {LOG_SERIES.field: ""}, sorted(tags), rows)

    def _html(self, asked: QueryParams, interrupt: Interrupt) -> Response:
        run = require_run(self._store, asked, self._now_ns())
        own, now_ns = self._own_panels(), self._now_ns()
        view: dict[str, Any] = (
            view_of_run(self._store, self._figures, run.identifier, now_ns, own) or {}
        )
        keys = [each["key"] for panel in view["panels"] for each in panel["series"]]
        data = self._store.series(
            run.identifier, keys, run.start, run.end, _REPORT_BUCKETS, interrupt=interrupt
        )
        spans = run_spans(self._store, run, interrupt)
        return html_response(
            HtmlReport(
                run.identifier,
                _notes(view),
                [
                    (each["title"], _shown(each["value"], each["unit"]))
                    for each in view["figures"]
                ],
                [_span_table(spans, run.start)] if spans else [],
                _charts(view["panels"], data),
                [
                    (mark["time"] / 1e9, mark["label"])
                    for mark in marks_of(self._store, run)
                ],
                [f"{key}: {value}" for key, value in view["meta_data"].items()],
                moments=True,
            )
        )


def _notes(view: Mapping[str, Any]) -> list[str]:
    start, end = local_time(view["start"]), local_time(view["end"])
    about = f"{start} to {end}, {points(view['points'])}"
    tags = ", ".join(f"{key}={value}" for key, value in view["tags"].items())
    return [about, tags] if tags else [about]


def _shown(value: float | None, unit: str) -> str:
    return NONE if value is None else format_value(value, unit)


def _span_table(spans: Sequence[Span], start: int) -> Table:
    rows = []
    for span in spans:
        values = {
            **vars(span),
            "start": (span.start - start) / 1e9,
            "duration": (span.stop - span.start) / 1e9,
        }
        rows.append(
            [
                span.label or "(start)"
                if each.id == "label"
                else _shown(values[each.id], each.unit)
                for each in SPAN_COLUMNS
            ]
        )
    return Table([each.title for each in SPAN_COLUMNS], rows, "Spans between marks")


def _charts(panels: Sequence[Mapping[str, Any]], data: SeriesData) -> list[HtmlChart]:
    """Return the panels of a run with their curves, without those that are always zero."""
    charts = []
    for panel in panels:
        curves: list[HtmlCurve] = []
        for each in panel["series"]:
            for group in data.series:
                summary = group.values.get(each["key"])
                if summary is None or not any(summary.max):
                    continue
                tags = " ".join(group.tags.values()) if len(data.series) > 1 else ""
                least, mean, most = (
                    [None if value is None else value * each["scale"] for value in some]
                    for some in (summary.min, summary.mean, summary.max)
                )
                times = [time / 1e9 for time in group.times]
                label = f"{each['label']} {tags}".rstrip()
                curves.append(
                    HtmlCurve(label, times, least, mean, most, group.breaks, len(curves))
                )
        if curves:
            log = panel["axis"] == "log"
            charts.append(HtmlChart(panel["title"], panel["unit"], curves, log))
    return charts


def _units(run: RunDescription) -> dict[str, str]:
    measures = run.schema.measures if run.schema else ()
    return {each.key: each.metric.unit for each in measures}


_ROWS_AT_ONCE = 2_000


def csv_response(
    name: str, keys: Mapping[str, str], tags: Iterable[str], rows: Iterable[tuple[Any, ...]]
) -> Response:
    """Return points as a CSV file (RFC 4180), row by row.

    Args:
        name: The name of the file, without extension.
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
    """Return a report as an HTML file that includes Plotly."""
    return Response(
        render_html(report).encode(errors="replace"),
        media_type="text/html; charset=utf-8",
        headers=_as_file(f"{report.title}.html"),
    )


def _as_file(name: str) -> dict[str, str]:
    """Return the headers of a download (RFC 6266)."""
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name)[-120:]
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    value = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe)}"
    return {"Content-Disposition": value, "Cache-Control": "no-store"}


class LinesApi:
    """The API of runs as line protocol: their entry, marks and points.

    Args:
        store: The store.
        reading: Makes the routes.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(
        self, store: Store, reading: ReadRoutes, now_ns: Callable[[], int]
    ) -> None:
        self._store = store
        self._reading = reading
        self._now_ns = now_ns

    def routes(self) -> list[Route]:
        """Return the routes of this API."""
        return [self._reading.route("lines", self._lines)]

    def _lines(self, asked: QueryParams, _interrupt: Interrupt) -> Response:
        run = require_run(self._store, asked, self._now_ns())
        start, stop = range_of(asked, -MAX_TIME_NS, MAX_TIME_NS)
        return StreamingResponse(
            self._parts(run.identifier, start, stop),
            media_type="text/plain; charset=utf-8",
            headers={"Cache-Control": "no-store"},
        )

    def _parts(self, name: str, start_ns: int, stop_ns: int) -> Iterator[str]:
        """Yield the lines; the entry comes first, as it describes the points.

        An empty line precedes a name that would be read as a byte order mark.
        """
        if name.startswith("\ufeff"):
            yield "\n"
        for measurement in (RUNS, MARKS):
            for record in self._store.rows(measurement, tags={"measurement": name}):
                assert record.time_ns is not None, "the store sets it"
                inside = start_ns <= record.time_ns <= stop_ns
                if inside or measurement == RUNS:
                    yield f"{raw_line(record)}\n"
        for part in self._store.lines(name, start_ns, stop_ns):
            yield "\n".join([*part, ""])
