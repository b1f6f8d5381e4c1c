"""``multimeter compare``: compare runs."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multimeter.analysis.comparison import START, Row, compare_figures, compare_marks
from multimeter.analysis.noise import Effect
from multimeter.analysis.statistics import earlier_points
from multimeter.commands.options import (
    RUNS_HELP,
    Config,
    Folder,
    Json,
    Precision,
    SmallestEffect,
    load_all,
)
from multimeter.commands.output import (
    can_draw,
    is_terminal,
    print_json,
    print_table,
    replace_file,
    width,
)
from multimeter.commands.show import Html, Measures
from multimeter.errors import ConfigurationError
from multimeter.reports.texts import (
    NOISE,
    SAME,
    difference,
    of_earlier_runs,
    percent,
    printable,
    range_text,
)

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = ["compare"]

Runs = Annotated[
    list[str],
    typer.Argument(help=f"Two or more. {RUNS_HELP}", metavar="RUN RUN..."),
]
Align = Annotated[
    str,
    typer.Option(help="Where the curves begin: start, or the label of a mark."),
]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def compare(
    runs: Runs,
    align: Align = START,
    measure: Measures = None,
    html: Html = None,
    folder: Folder = None,
    config: Config = None,
    precision: Precision = None,
    smallest_effect: SmallestEffect = 0.0,
    json: Json = False,
) -> None:
    """Compare runs: their figures side by side, their curves in one chart.

    The figures are those of the whole runs, the differences those to the first one. Of
    several runs a side (NAME@last5) the medians count, and a difference that the noise
    explains is "noise"; one that is surely below the smallest effect is "same". Curves are
    those of the latest run.
    """
    if not 1 < len(runs) <= len(_LETTERS):
        raise ConfigurationError(f"Name two runs to compare, up to {len(_LETTERS)}.")
    sides = [load_all([word], folder, config, precision) for word in runs]
    results = [side[0] for side in sides]
    tables = _Tables(
        compare_figures(sides), compare_marks(results, align), smallest_effect / 100
    )
    if html is not None:
        _write_html(results, tables, align, html)
    if json:
        print_json(_object(results, tables, align))
    elif html is None:
        _print(results, tables)
        _draw(results, measure, align)


@dataclass(frozen=True)
class _Tables:
    """What is compared.

    Attributes:
        figures: The figures.
        marks: When the marks were.
        smallest: The smallest difference that matters, as a share of the first run.
    """

    figures: list[Row]
    marks: list[Row]
    smallest: float

    def cells(self, rows: Sequence[Row]) -> list[list[str]]:
        """Return the lines of a table."""
        return [_cells(row, self.smallest) for row in rows]


def _print(results: Sequence[Result], tables: _Tables) -> None:
    for line in _names(results):
        typer.echo(printable(line))
    for letter, run in zip(_LETTERS, results):
        if earlier := earlier_points(run):
            typer.echo(f"{letter}: {of_earlier_runs(earlier)}")
    numbers = range(1, 2 + 2 * len(results))
    typer.echo("")
    head = _head("FIGURE", results)
    print_table(head, tables.cells(tables.figures), numbers=numbers)
    if tables.marks:
        typer.echo("")
        head = _head("MARK", results)
        print_table(head, tables.cells(tables.marks), numbers=numbers)


def _names(results: Sequence[Result]) -> list[str]:
    return [f"{letter}  {run.identifier}" for letter, run in zip(_LETTERS, results)]


def _head(title: str, results: Sequence[Result]) -> list[str]:
    others = _LETTERS[1 : len(results)]
    return [
        title,
        "A",
        *(cell for letter in others for cell in (letter, f"{letter}-A", "%")),
    ]


def _cells(row: Row, smallest: float) -> list[str]:
    cells = [row.title, range_text(row.estimates[0], row.unit)]
    others = zip(row.estimates, row.differences, row.percents, row.effects(smallest))
    for estimate, change, share, effect in list(others)[1:]:
        cells += [
            range_text(estimate, row.unit),
            difference(change, row.unit),
            _effect_text(effect, share, smallest),
        ]
    return cells


def _effect_text(effect: Effect | None, share: float | None, smallest: float) -> str:
    if effect == "undecided":
        return NOISE
    return SAME if effect == "same" and smallest else percent(share)


def _draw(results: Sequence[Result], patterns: list[str] | None, align: str) -> None:
    from multimeter.reports.charts import headlines, measure_charts
    from multimeter.reports.terminal import draw

    charts = (
        measure_charts(results, _LETTERS, patterns, align)
        if patterns
        else headlines(results, _LETTERS, align)
    )
    if charts and not can_draw():
        typer.echo("The output cannot show curves: they need UTF-8.")
        return
    for chart in charts:
        typer.echo(f"\n{draw(chart, width(), colors=is_terminal())}")


def _write_html(
    results: Sequence[Result],
    comparison: _Tables,
    align: str,
    path: pathlib.Path,
) -> None:
    from multimeter.reports.charts import all_charts
    from multimeter.reports.html import HtmlReport, Table, html_chart, render_html

    some = [("Figure", comparison.figures), ("Mark", comparison.marks)]
    tables = [
        Table(_head(title, results), comparison.cells(rows)) for title, rows in some if rows
    ]
    title = " / ".join(str(run.identifier) for run in results)
    charts = [html_chart(chart) for chart in all_charts(results, _LETTERS, align)]
    text = render_html(HtmlReport(title, _names(results), tables=tables, charts=charts))
    replace_file(path, lambda draft: _write(draft, text))
    typer.echo(f"Written: {path}", err=True)


def _write(path: pathlib.Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace")


def _object(results: Sequence[Result], tables: _Tables, align: str) -> dict[str, Any]:
    def rows(some: list[Row]) -> dict[str, Any]:
        return {
            row.id: {
                "title": row.title,
                "unit": row.unit,
                "values": row.values,
                "estimates": [
                    None if each is None else each.to_json() for each in row.estimates
                ],
                "differences": row.differences,
                "percents": row.percents,
                "changes": [
                    None if each is None else each.to_json() for each in row.changes
                ],
                "effects": row.effects(tables.smallest),
            }
            for row in some
        }

    return {
        "version": 2,
        "align": align,
        "runs": [run.identifier for run in results],
        "figures": rows(tables.figures),
        "marks": rows(tables.marks),
    }
