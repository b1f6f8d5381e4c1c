"""``multimeter selftest``: measure known loads on this machine, and print the errors."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from multimeter.analysis.units import format_value
from multimeter.commands.options import Json
from multimeter.commands.output import print_json, print_table
from multimeter.commands.progress import progress
from multimeter.reports.texts import NONE, percent, range_text

if TYPE_CHECKING:
    from multimeter.processes.selftest import LoadCheck

__all__ = ["selftest"]


def selftest(json: Json = False) -> None:
    """Measure known loads on this machine, and print how far each number is off.

    A number is right within 2 % (or 5 ms, 1 MiB, 25 counts); else it must say so, by its
    bounds. Ends with 0, with 1 if a number is wrong without a word.
    """
    from multimeter.processes.known_loads import LOADS
    from multimeter.processes.selftest import run_loads

    checks: list[LoadCheck] = []
    with tempfile.TemporaryDirectory(prefix="multimeter-") as folder:
        for some in progress(run_loads(pathlib.Path(folder)), len(LOADS), "Loads"):
            checks += some
    if json:
        print_json(_object(checks))
    else:
        _print(checks)
    if any(each.verdict == "WRONG" for each in checks):
        raise typer.Exit(1)


def _print(checks: Sequence[LoadCheck]) -> None:
    from multimeter.analysis.figures import figure_named

    rows = [
        [
            each.verdict,
            each.load,
            figure_named(each.figure_id).title,
            NONE if each.truth is None else format_value(each.truth, each.unit),
            range_text(each.found, each.unit),
            percent(None if each.error is None else 100 * each.error),
            NONE if each.found is None else each.found.source,
        ]
        for each in checks
    ]
    head = ("", "LOAD", "FIGURE", "TRUTH", "MEASURED", "ERROR", "SOURCE")
    print_table(head, rows, numbers=(3, 4, 5))


def _object(checks: Sequence[LoadCheck]) -> dict[str, Any]:
    return {
        "version": 1,
        "checks": [
            {
                "load": each.load,
                "figure": each.figure_id,
                "unit": each.unit,
                "truth": each.truth,
                "found": None if each.found is None else each.found.to_json(),
                "error": each.error,
                "verdict": each.verdict,
            }
            for each in checks
        ],
    }
