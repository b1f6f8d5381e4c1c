"""``multimeter gate``: an exit code for whether a run is within limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multimeter.analysis.gate import Verdict, judge, parse_requirement
from multimeter.analysis.statistics import earlier_points
from multimeter.analysis.units import format_value
from multimeter.commands.options import RUN_HELP, Config, Folder, Json, Run, load
from multimeter.commands.output import print_json, print_table
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.reports.texts import NONE, difference, percent, range_text

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = ["gate"]

BROKEN = 1
NOT_JUDGED = 2

Baseline = Annotated[
    str | None,
    typer.Option(help=f"The run to compare with. {RUN_HELP}", metavar="RUN"),
]
Max = Annotated[
    list[str] | None,
    typer.Option(
        "--max",
        help="The maximum of a figure: peak_memory=+10%, cpu_time=2s, "
        "duration=+0.5s, peak_memory=200MiB; may be repeated.",
        metavar="KEY=LIMIT",
    ),
]
Min = Annotated[
    list[str] | None,
    typer.Option(
        "--min",
        help="The minimum of a figure; may be repeated.",
        metavar="KEY=LIMIT",
    ),
]


def gate(
    run: Run,
    baseline: Baseline = None,
    most: Max = None,
    least: Min = None,
    folder: Folder = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check a run against limits, absolute or relative to another run.

    Ends with 0 when all are kept, with 1 when one is broken, with 2 when it cannot be
    decided: a figure that was not measured never passes, nor does one whose bounds enclose
    the limit.
    """
    from multimeter.analysis.figures import figures_of

    try:
        required = [parse_requirement(each, "max") for each in most or ()]
        required += [parse_requirement(each, "min") for each in least or ()]
        if not required:
            raise ConfigurationError(
                "There are no limits.", next_step="Give --max peak_memory=+10%"
            )
        figures = figures_of(_one_run(load(run, folder, config)))
        before = None
        if baseline is not None:
            before = figures_of(_one_run(load(baseline, folder, config)))
        verdicts = judge(required, figures, before)
    except MultimeterError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(NOT_JUDGED) from None
    if json:
        print_json(_object(verdicts))
    else:
        _print(verdicts)
    kept = _all_kept(verdicts)
    if kept is not True:
        raise typer.Exit(NOT_JUDGED if kept is None else BROKEN)


def _one_run(result: Result) -> Result:
    """Return a result that is a single run, not several of the same name.

    Raises:
        ConfigurationError: It is several.
    """
    if earlier_points(result) or result.surplus:
        which = "earlier runs" if earlier_points(result) else "another run"
        raise ConfigurationError(
            f"'{result.identifier}' holds points of {which}: it cannot be checked.",
            cause="Runs of one name share a series in a database.",
            next_step="Give each run a name of its own, such as one with the date in it.",
        )
    return result


def _print(verdicts: Sequence[Verdict]) -> None:
    rows = []
    for each in verdicts:
        figure, required = each.figure, each.requirement
        before, value = each.baseline, figure.value
        share = None
        if before and value is not None:
            share = 100 * (value - before) / abs(before)
        sign = "<=" if required.direction == "max" else ">="
        rows.append(
            [
                _WORDS[each.kept],
                figure.title,
                NONE if before is None else format_value(before, figure.unit),
                f"{sign} {range_text(each.allowed, figure.unit)}",
                range_text(figure.estimate, figure.unit),
                percent(share),
                _over(each),
            ]
        )
    head = ("", "FIGURE", "BASELINE", "ALLOWED", "IS", "CHANGE", "TOO FAR BY")
    print_table(head, rows, numbers=(2, 3, 4, 5, 6))
    for each in verdicts:
        if each.kept is None:
            typer.echo(
                f"{each.figure.title}: the limit lies between the bounds of the figure "
                f"({each.figure.note or 'of the baseline'}). Judge a longer run, or give "
                "another limit.",
                err=True,
            )


_WORDS = {True: "ok", False: "BROKEN", None: "UNDECIDED"}


def _over(verdict: Verdict) -> str:
    """Return how far a limit is exceeded: two numbers that look the same may differ."""
    value, allowed = verdict.figure.value, verdict.allowed.value
    if verdict.kept is not False or value is None or allowed is None:
        return ""
    return difference(value - allowed, verdict.figure.unit)


def _object(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "version": 2,
        "kept": _all_kept(verdicts),
        "limits": [
            {
                "key": each.requirement.figure_id,
                "direction": each.requirement.direction,
                "limit": each.requirement.text,
                "unit": each.figure.unit,
                "baseline": each.baseline,
                "allowed": each.allowed.value,
                "figure": each.figure.estimate.to_json(),
                "kept": each.kept,
            }
            for each in verdicts
        ],
    }


def _all_kept(verdicts: Sequence[Verdict]) -> bool | None:
    """Return whether all limits are kept; None where that is not decided."""
    kept = [each.kept for each in verdicts]
    return False if False in kept else None if None in kept else True
