"""One page of HTML with everything in it: it opens without a network.

The charts are Plotly's; its JavaScript comes from the wheel of ``plotly``. A policy in
the page keeps it from loading anything (https://www.w3.org/TR/CSP3/).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from multimeter.analysis.units import axis_scale
from multimeter.errors import MissingExtraError
from multimeter.reports.charts import Chart, thinned
from multimeter.reports.texts import printable

__all__ = ["REPORT_POLICY", "Page", "Table", "html_page"]

_BUCKETS = 2_000
_COLORS = ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d")
_DASHES = ("solid", "dash", "dot", "dashdot")
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; form-action 'none'; base-uri 'none'"
)
"""What a report may load: what is in it, and nothing from elsewhere."""

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 72rem;
       padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.5rem 0 0; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: right; padding: .15rem .9rem .15rem 0;
         font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
th { border-bottom: 1px solid #999; font-weight: 600; }
p { margin: .3rem 0; overflow-wrap: anywhere; } .chart { height: 280px; }
"""
# The charts share their range of time: who zooms one zooms all.
_SCRIPT = """
const charts = JSON.parse(document.getElementById("charts").textContent);
const boxes = charts.map((chart, number) => document.getElementById("chart-" + number));
let busy = false;
function follow(source, change) {
  if (busy) return;
  const wanted = "xaxis.autorange" in change ? {"xaxis.autorange": true}
    : "xaxis.range[0]" in change
      ? {"xaxis.range": [change["xaxis.range[0]"], change["xaxis.range[1]"]]} : null;
  if (!wanted) return;
  busy = true;
  Promise.all(boxes.filter((box) => box !== source)
    .map((box) => Plotly.relayout(box, wanted))).finally(() => { busy = false; });
}
Promise.all(charts.map((chart, number) =>
  Plotly.newPlot(boxes[number], chart.data, chart.layout,
    {responsive: true, displaylogo: false, plotlyServerURL: "",
     modeBarButtonsToRemove: ["sendChartToCloud"]}))).then(() => {
  boxes.forEach((box) => box.on("plotly_relayout", (change) => follow(box, change)));
  document.body.dataset.state = "ready";
});
"""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        head: The titles of the columns.
        rows: The rows.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Page:
    """What a page shows.

    Attributes:
        title: Its title.
        notes: Sentences below the title.
        tables: Tables below the notes.
        charts: The charts.
        marks: Moments, in seconds, with their labels.
    """

    title: str
    notes: Sequence[str] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    marks: Sequence[tuple[float, str]] = ()


def html_page(page: Page) -> str:
    """Return a page as one file of HTML.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError("plotly", "visu") from error
    charts = [_figure(chart, page.marks) for chart in page.charts]
    # In a script, only < could end it or begin something else.
    data = json.dumps(charts, allow_nan=False).replace("<", "\\u003c")
    boxes = "".join(
        f'<h2>{_text(chart.title)}</h2><div class="chart" id="chart-{number}"></div>\n'
        for number, chart in enumerate(page.charts)
    )
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{REPORT_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(page.title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{_text(page.title)}</h1>",
            *(f"<p>{_text(note)}</p>" for note in page.notes),
            *map(_table, page.tables),
            boxes,
            f"<script>{get_plotlyjs()}</script>",
            f'<script type="application/json" id="charts">{data}</script>',
            f"<script>{_SCRIPT}</script></body></html>\n",
        )
    )


def _text(text: str) -> str:
    return escape(printable(text))


def _table(table: Table) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in table.head)
    rows = (
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _figure(chart: Chart, marks: Sequence[tuple[float, str]]) -> Mapping[str, Any]:
    """Return a chart as Plotly's JSON; it takes labels for HTML, so they are escaped."""
    factor, suffix = _scale(chart)
    kinds = list(dict.fromkeys(curve.label.rpartition(": ")[2] for curve in chart.curves))
    lines = []
    for curve in chart.curves:
        thin = thinned(curve, _BUCKETS)
        color = kinds.index(curve.label.rpartition(": ")[2]) % len(_COLORS)
        lines.append(
            {
                "type": "scatter",
                "mode": "lines" if len(thin.seconds) > 1 else "markers",
                "name": _text(curve.label),
                "x": list(thin.seconds),
                "y": [value / factor for value in thin.values],
                "line": {
                    "width": 1.5,
                    "color": _COLORS[color],
                    "dash": _DASHES[curve.run % len(_DASHES)],
                },
            }
        )
    layout = {
        "margin": {"l": 80, "r": 20, "t": 20, "b": 40},
        "xaxis": {"ticksuffix": " s"},
        "yaxis": {
            "rangemode": "tozero",
            "ticksuffix": _text(suffix),
        },
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.2},
        "hovermode": "x unified",
        "shapes": [
            {
                "type": "line",
                "x0": time,
                "x1": time,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"width": 1, "dash": "dot", "color": "#888"},
            }
            for time, _ in marks
        ],
        "annotations": [
            {
                "x": time,
                "yref": "paper",
                "y": 1,
                "yanchor": "bottom",
                "showarrow": False,
                "text": _text(label),
                "font": {"size": 10},
            }
            for time, label in marks
        ],
    }
    return {"data": lines, "layout": layout}


def _scale(chart: Chart) -> tuple[float, str]:
    """Return what the values are divided by, and the text behind them."""
    most = max((max(map(abs, curve.values)) for curve in chart.curves), default=0.0)
    return axis_scale(most, chart.unit)
