"""Reports of runs as one file of HTML, which opens without a network.

The charts are Plotly's; its JavaScript comes from the wheel of ``plotly``. A policy in
the file keeps it from loading anything (https://www.w3.org/TR/CSP3/). Every quantity is
written here, by :mod:`multimeter.analysis.units`: the script only draws.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from multimeter.analysis.series import GAP
from multimeter.analysis.units import axis_scale, format_value
from multimeter.errors import MissingExtraError
from multimeter.reports.charts import Chart, Curve
from multimeter.reports.texts import NONE, printable

__all__ = [
    "REPORT_POLICY",
    "HtmlChart",
    "HtmlCurve",
    "HtmlReport",
    "Table",
    "html_chart",
    "render_html",
]

REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; form-action 'none'; base-uri 'none'"
)
"""What a report may load: what is in it, and nothing from elsewhere."""

_BUCKETS = 600
_USUAL = 0.8
"""The part of all distances between points that are no longer than the usual one."""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        head: The titles of the columns.
        rows: The rows.
        title: Its heading; may be empty.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True)
class HtmlCurve:
    """One curve, in buckets of time; a value that is not known is None.

    Attributes:
        label: What the legend says.
        x: The time of each bucket, in seconds, as :attr:`HtmlReport.moments` has it.
        min: The least value of each, in the unit of the chart.
        mean: The mean of each.
        max: The largest value of each.
        breaks: The places of the buckets before which nothing was measured for long.
        color: The number of its colour; curves of the same measure share it.
        dash: The number of its pattern of dashes; curves of the same run share it.
    """

    label: str
    x: Sequence[float]
    min: Sequence[float | None]
    mean: Sequence[float | None]
    max: Sequence[float | None]
    breaks: Sequence[int] = ()
    color: int = 0
    dash: int = 0


@dataclass(frozen=True)
class HtmlChart:
    """Curves with one axis.

    Attributes:
        title: Its heading.
        unit: The unit of the values.
        curves: The curves.
        log: Whether the axis is logarithmic.
    """

    title: str
    unit: str
    curves: Sequence[HtmlCurve]
    log: bool = False


@dataclass(frozen=True)
class HtmlReport:
    """What a report shows.

    Attributes:
        title: Its title.
        notes: Sentences below the title.
        figures: Titles and values of the cards.
        tables: Tables.
        charts: The charts.
        marks: Times, in seconds, with their labels.
        footer: Texts at the end, such as meta data.
        moments: Whether times are since the epoch; else they are since a common zero.
    """

    title: str
    notes: Sequence[str] = ()
    figures: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[HtmlChart] = ()
    marks: Sequence[tuple[float, str]] = ()
    footer: Sequence[str] = ()
    moments: bool = False


def render_html(report: HtmlReport) -> str:
    """Return a report as one file of HTML.

    Raises:
        MissingExtraError: Plotly or Jinja is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader
    except ImportError as error:
        raise MissingExtraError("jinja2", "visu") from error
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError("plotly", "visu") from error
    environment = Environment(
        loader=PackageLoader("multimeter.reports", "."), autoescape=True
    )
    environment.filters["printable"] = printable
    data = {
        "moments": report.moments,
        "marks": [{"x": x, "label": printable(label)} for x, label in report.marks],
        "charts": [_drawing(chart) for chart in report.charts],
    }
    return environment.get_template("report.html").render(
        policy=REPORT_POLICY,
        report=report,
        data=_script_safe(json.dumps(data, allow_nan=False)),
        plotly=get_plotlyjs(),
    )


def _script_safe(text: str) -> str:
    """Return JSON that ends no script, https://html.spec.whatwg.org/#restrictions-for-contents-of-script-elements."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _drawing(chart: HtmlChart) -> Mapping[str, Any]:
    """Return a chart as the script draws it: values as of its axis, texts beside them."""
    values = [
        abs(value)
        for curve in chart.curves
        for value in (*curve.min, *curve.max)
        if value is not None and math.isfinite(value)
    ]
    factor, suffix = axis_scale(max(values, default=0.0), chart.unit)

    def scaled(some: Sequence[float | None]) -> list[float | None]:
        # JSON has no infinity.
        return [
            each / factor if each is not None and math.isfinite(each / factor) else None
            for each in some
        ]

    return {
        "suffix": printable(suffix),
        "log": chart.log,
        "curves": [
            {
                "label": printable(curve.label),
                "color": curve.color,
                "dash": curve.dash,
                "x": list(curve.x),
                "min": scaled(curve.min),
                "mean": scaled(curve.mean),
                "max": scaled(curve.max),
                "texts": [
                    printable(_bucket_text(*each, chart.unit))
                    for each in zip(curve.min, curve.mean, curve.max)
                ],
                "breaks": list(curve.breaks),
            }
            for curve in chart.curves
        ],
    }


def _bucket_text(
    least: float | None, mean: float | None, most: float | None, unit: str
) -> str:
    numbers = [x for x in (mean, least, most) if x is not None and math.isfinite(x)]
    texts = [format_value(each, unit) for each in numbers]
    if not texts:
        return NONE
    if len(set(numbers)) == 1:
        return texts[0]
    return f"{texts[0]} ({texts[-2]} to {texts[-1]})"


def html_chart(chart: Chart, zero: float = 0.0) -> HtmlChart:
    """Return a chart with its curves in buckets of time; no peak is lost.

    Args:
        chart: The chart.
        zero: What is added to the seconds of its curves.
    """
    measures = list(dict.fromkeys(curve.keys for curve in chart.curves))
    curves = [_bucketed(curve, zero, measures.index(curve.keys)) for curve in chart.curves]
    return HtmlChart(chart.title, chart.unit, curves)


def _bucketed(curve: Curve, zero: float, color: int) -> HtmlCurve:
    points = sorted(zip(curve.seconds, curve.values))  # times may go back
    first, length = points[0][0], (points[-1][0] - points[0][0]) or 1.0

    def bucket(numbered: tuple[int, tuple[float, float]]) -> int:
        number, (second, _) = numbered
        if len(points) <= _BUCKETS:
            return number
        return min(int((second - first) / length * _BUCKETS), _BUCKETS - 1)

    buckets = [
        [point for _, point in some] for _, some in groupby(enumerate(points), key=bucket)
    ]
    values = [[value for _, value in some] for some in buckets]
    # The usual distance is that which four of five do not exceed.
    distances = sorted(after[0] - before[0] for before, after in pairwise(points))
    usual = distances[int(_USUAL * (len(distances) - 1))] if distances else 0.0
    return HtmlCurve(
        curve.label,
        [zero + some[0][0] for some in buckets],
        [min(some) for some in values],
        # Divided first: a sum of large values has no double.
        [math.fsum(each / len(some) for each in some) for some in values],
        [max(some) for some in values],
        [
            place
            for place, (before, after) in enumerate(pairwise(buckets), 1)
            if after[0][0] - before[-1][0] > GAP * usual
        ],
        color,
        curve.run,
    )
