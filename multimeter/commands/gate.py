"""``multimeter gate``: an exit code for whether a run is within limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multimeter.analysis.gate import Verdict, judge, parse_requirement
from multimeter.analysis.statistics import earlier_points
from multimeter.analysis.units import format_value
from multimeter.commands.options import RUNS_HELP, Config, Folder, Json, load_all
from multimeter.commands.output import print_json, print_table
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.reports.texts import difference, percent, range_text

if TYPE_CHECKING:
    from multimeter.result import Result

__all__ = ["gate"]

BROKEN = 1
NOT_JUDGED = 2

Runs = Annotated[
    list[str],
    typer.Argument(
        help=f"The run; or several of the same, whose median counts. {RUNS_HELP}",
        metavar="RUN...",
    ),
]
Baseline = Annotated[
    list[str] | None,
    typer.Option(
        help="The run to compare with; may be repeated: the median counts.", metavar="RUN"
    ),
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
    runs: Runs,
    baseline: Baseline = None,
    most: Max = None,
    least: Min = None,
    folder: Folder = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check runs against limits, absolute or relative to others.

    Of several runs a side the medians count, and a limit is broken only where the noise
    does not explain it.

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
        judged, before = (
            [figures_of(_one_run(each)) for each in load_all(words, folder, config)]
            for words in (runs, baseline or ())
        )
        verdicts = judge(required, judged, before)
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
        figure, unit = each.figure, each.figure.unit
        sign = "<=" if each.requirement.direction == "max" else ">="
        allowed = "?" if each.allowed is None else format_value(each.allowed, unit)
        rows.append(
            [
                _WORDS[each.kept],
                figure.title,
                range_text(each.baseline, unit),
                f"{sign} {allowed}",
                range_text(figure.estimate, unit),
                percent(_change(each)),
                _over(each),
            ]
        )
    head = ("", "FIGURE", "BASELINE", "ALLOWED", "IS", "CHANGE", "TOO FAR BY")
    print_table(head, rows, numbers=(2, 3, 4, 5, 6))
    for each in verdicts:
        if each.kept is None:
            typer.echo(f"{each.figure.title}: {_why_undecided(each)}", err=True)


def _change(verdict: Verdict) -> float | None:
    value, before = verdict.figure.value, verdict.baseline and verdict.baseline.value
    if not before or value is None:
        return None
    return 100 * (value - before) / abs(before)


def _why_undecided(verdict: Verdict) -> str:
    if max(verdict.runs) > 1:
        return (
            "the noise of the runs is larger than their distance from the limit. Give "
            "more runs, or another limit."
        )
    note = verdict.figure.note or "the baseline has them"
    return (
        f"the limit lies between the bounds of the figure ({note}). Judge a longer run, "
        "or give another limit."
    )


_WORDS = {True: "ok", False: "BROKEN", None: "UNDECIDED"}


def _over(verdict: Verdict) -> str:
    """Return how far a limit is exceeded: two numbers that look the same may differ."""
    if verdict.kept is not False or verdict.excess.value is None:
        return ""
    return difference(verdict.excess.value, verdict.figure.unit)


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
                "runs": each.runs[0],
                "baselines": each.runs[1],
                "baseline": None if each.baseline is None else each.baseline.to_json(),
                "allowed": each.allowed,
                "figure": each.figure.estimate.to_json(),
                "excess": each.excess.to_json(),
                "kept": each.kept,
            }
            for each in verdicts
        ],
    }


def _all_kept(verdicts: Sequence[Verdict]) -> bool | None:
    """Return whether all limits are kept; None where that is not decided."""
    kept = [each.kept for each in verdicts]
    return False if False in kept else None if None in kept else True
