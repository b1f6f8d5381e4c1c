"""``multimeter show``: show a run as figures and curves."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multimeter.analysis.statistics import earlier_points, own_marks_ns
from multimeter.analysis.units import format_value
from multimeter.commands.options import Config, Folder, Json, Precision, Run, load
from multimeter.commands.output import (
    can_draw,
    is_terminal,
    print_json,
    print_table,
    replace_file,
    width,
)
from multimeter.data.columns import is_number
from multimeter.measurement import INTERRUPTED
from multimeter.reports.texts import (
    difference,
    local_time,
    of_earlier_runs,
    points,
    printable,
)

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = ["Html", "Measures", "show"]

Measures = Annotated[
    list[str] | None,
    typer.Option(
        "--measure",
        help="Draw the measures whose keys match, such as 'rig.*'; may be repeated.",
        metavar="PATTERN",
    ),
]
Html = Annotated[
    pathlib.Path | None,
    typer.Option(help="Write one file of HTML that opens offline.", metavar="FILE"),
]

_MOST_OWN = 4
_SHORT_NS = 10 * 10**9


def show(
    run: Run,
    measure: Measures = None,
    html: Html = None,
    folder: Folder = None,
    config: Config = None,
    precision: Precision = None,
    json: Json = False,
) -> None:
    """Show a run: its figures, its marks, and its curves."""
    result = load(run, folder, config, precision)
    if html is not None:
        _write_html(result, html)
    if json:
        print_json(_object(result))
    elif html is None:
        _print(result, measure)


def _print(result: Result, patterns: list[str] | None) -> None:
    typer.echo(printable(result.identifier or "A run without a name"))
    for line in _about(result):
        typer.echo(printable(line))
    typer.echo("")
    rows = _figures(result)
    if rows:
        print_table(("FIGURE", "VALUE", "NOTE"), rows, numbers=(1,))
    for line in _remarks(result):
        typer.echo(line)
    _print_marks(result)
    _draw(result, patterns)


def _figures(result: Result) -> list[list[str]]:
    from multimeter.analysis.figures import figures_of

    return [[each.title, each.text, each.note] for each in figures_of(result)]


def _about(result: Result) -> list[str]:
    times = result.times_ns
    lines = []
    if len(times):
        start, end = local_time(result.start_ns), local_time(result.end_ns)
        lines.append(f"{start} to {end}, {points(len(times))}")
    else:
        lines.append("It has no points.")
    if result.tags:
        lines.append(", ".join(f"{key}={value}" for key, value in result.tags.items()))
    return lines


def _remarks(result: Result) -> list[str]:
    """Return remarks on how far the figures and curves can be trusted."""
    remarks = []
    if earlier := earlier_points(result):
        remarks.append(of_earlier_runs(earlier))
    if result.surplus:
        remarks.append(
            f"Another run of this name at the same time: {result.surplus} points. The "
            "figures mix both."
        )
    remarks += _clock_remarks(result.meta_data)
    if result.meta_data.get(INTERRUPTED):
        remarks.append("Its program ended before it had ended the measurement.")
    remarks += [
        f"Samples that {what}: {result.meta_data[key]}"
        for key, what in (
            ("late_samples", "came late"),
            ("missed_samples", "were not taken"),
        )
        if key in result.meta_data
    ]
    if "widened_cycle_time" in result.meta_data:
        widened = result.meta_data["widened_cycle_time"]
        if is_number(widened):  # before version 2 of the data it was a text
            widened = f"{widened:.3g} s"
        remarks.append(f"To keep the cost low, samples were taken every {widened}.")
    remarks += [
        f"{each.measure.key}: the peak fell between two samples: "
        f"{format_value(each.mark, each.measure.metric.unit)}, the curve has "
        f"{format_value(each.sampled or 0, each.measure.metric.unit)}."
        for each in result.peaks
        if each.between_samples
    ]
    return [printable(each) for each in remarks]


def _clock_remarks(meta_data: Mapping[str, Any]) -> list[str]:
    """Return what happened to the clocks, which changed no figure."""
    remarks = []
    steps = meta_data.get("clock_steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and is_number(step.get("seconds")):
            moved = difference(step["seconds"], "s")
            remarks.append(f"The time of day was set by {moved} meanwhile.")
    suspended = meta_data.get("suspended", 0)
    if is_number(suspended) and suspended:
        slept = format_value(suspended, "s")
        remarks.append(f"The machine was suspended for {slept} meanwhile.")
    return remarks


def _print_marks(result: Result) -> None:
    from multimeter.analysis.comparison import zero_of

    marks = own_marks_ns(result)
    if marks:
        zero = zero_of(result)
        rows = [[label, f"{(time - zero) / 1e9:.3f} s"] for time, label in marks]
        typer.echo("")
        print_table(("MARK", "AT"), rows, numbers=(1,))


def _draw(result: Result, patterns: list[str] | None) -> None:
    from multimeter.analysis.comparison import zero_of
    from multimeter.reports.charts import headlines, measure_charts
    from multimeter.reports.terminal import draw

    name = [result.identifier or ""]
    charts = [] if patterns else headlines([result], name)
    own = measure_charts([result], name, patterns)
    charts += own if patterns else own[:_MOST_OWN]
    if not charts or not len(result.times_ns):
        return
    if not can_draw():
        typer.echo("The output cannot show curves: they need UTF-8.")
        return
    zero = zero_of(result)
    span = 0.0, (result.times_ns[-1] - zero) / 1e9
    marks = [(time - zero) / 1e9 for time, _ in result.marks_ns]
    for chart in charts:
        text = draw(chart, width(), colors=is_terminal(), marks=marks, span=span)
        typer.echo(f"\n{text}")
    if not patterns and len(own) > _MOST_OWN:
        more = len(own) - _MOST_OWN
        typer.echo(f"\nAnd {more} more measures: --measure PATTERN draws them.")


def _write_html(result: Result, path: pathlib.Path) -> None:
    from multimeter.analysis.comparison import zero_of
    from multimeter.reports.charts import all_charts
    from multimeter.reports.html import HtmlReport, Table, html_chart, render_html

    zero = zero_of(result)
    name = result.identifier or "A run without a name"
    times = result.times_ns
    # Browsers have moments in whole ms, which are too long for a short run.
    moments = len(times) > 0 and times[-1] - zero >= _SHORT_NS
    begin = zero / 1e9 if moments else 0.0
    marks = own_marks_ns(result)
    rows = [[label, format_value((time - zero) / 1e9, "s")] for time, label in marks]
    text = render_html(
        HtmlReport(
            name,
            [*_about(result), *_remarks(result)],
            [(title, _with_note(value, note)) for title, value, note in _figures(result)],
            [Table(("Mark", "After"), rows, "Marks")] if rows else [],
            [html_chart(chart, begin) for chart in all_charts([result], [name])],
            [(begin + (time - zero) / 1e9, label) for time, label in result.marks_ns],
            [f"{key}: {value}" for key, value in result.meta_data.items()],
            moments,
        )
    )
    replace_file(path, lambda draft: _write(draft, text))
    typer.echo(f"Written: {path}", err=True)


def _with_note(value: str, note: str) -> str:
    return f"{value} ({note})" if note else value


def _write(path: pathlib.Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace")


def _object(result: Result) -> dict[str, Any]:
    from multimeter.analysis.summary import summary_of

    return {
        **summary_of(result),
        "earlier_points": earlier_points(result),
        "meta_data": result.meta_data,
        "marks": [{"time_ns": time, "label": label} for time, label in result.marks_ns],
        "peaks": [
            {
                "measure": each.measure.key,
                "unit": each.measure.metric.unit,
                "mark": each.mark,
                "sampled": each.sampled,
                "value": each.value,
                "in_run": each.in_run,
                "between_samples": each.between_samples,
            }
            for each in result.peaks
        ],
        "measures": list(result.columns),
    }
