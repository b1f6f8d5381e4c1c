"""``multimeter ls``: list runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multimeter.analysis.units import format_value
from multimeter.commands.options import Config, Folder, Json, sources_of
from multimeter.commands.output import print_json, print_table
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.reports.texts import NONE, local_time, range_text
from multimeter.runs.source import Unusable, believed, starts_ahead
from multimeter.system.home import home_folder

if TYPE_CHECKING:
    from multimeter.analysis.figures import Figure
    from multimeter.runs.source import RunEntry, RunSource

__all__ = ["ls"]

Words = Annotated[
    list[str] | None,
    typer.Argument(
        help="Only runs whose name or tags contain all of these.", metavar="[WORD]..."
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", help="Only runs with this tag.", metavar="KEY=VALUE"),
]
Number = Annotated[
    int,
    typer.Option(
        "-n", "--number", min=0, help="The number of runs, newest first; 0 for all."
    ),
]

_SHOWN = ("duration", "peak_memory", "cpu")
_SPARE = 3  # on a narrow terminal
_HEAD = ("IDENTIFIER", "START", "DURATION", "PEAK MEMORY", "CPU", "STATE", "WHERE")


def ls(
    words: Words = None,
    tag: Tags = None,
    number: Number = 20,
    folder: Folder = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List the runs in files and in the stack, the newest first.

    Peak memory and CPU are shown where the stack knows them, and of files that can be
    read in a moment.
    """
    tags = dict(_tag(each) for each in tag or ())
    found: list[tuple[RunSource, RunEntry]] = []
    problems: list[str] = []
    failed = False
    now_ns = time.time_ns()
    try:
        sources = sources_of(folder, config)
    except ConfigurationError as error:
        # The stack that was named cannot be used: list the files, and fail nevertheless.
        sources, failed = [*sources_of(folder, None)[:1], Unusable(error)], True
    for source in sources:
        listing = source.list()
        problems += listing.problems
        entries = [believed(each, now_ns) for each in listing.entries]
        found += [(source, each) for each in entries if _fits(each, words, tags)]
    # A run in the future has a wrong time: it is not the newest.
    found.sort(
        key=lambda run: (
            starts_ahead(run[1], now_ns),
            -(run[1].start_ns or 0),
            run[1].identifier,
        )
    )
    shown = found[: number or None]
    figures = [_figures(source, entry, problems) for source, entry in shown]
    entries = [entry for _, entry in shown]
    if json:
        print_json(_object(entries, figures, problems))
    elif shown:
        rows = [_row(entry, each) for entry, each in zip(entries, figures)]
        print_table(_HEAD, rows, numbers=(2, 3, 4), spare=_SPARE)
    if not json:
        _report_missing(len(found), len(shown), problems, chosen=bool(words or tags))
    if failed:
        raise typer.Exit(1)


def _report_missing(
    found: int, shown: int, problems: Sequence[str], *, chosen: bool
) -> None:
    if not found:
        which = "such runs" if chosen else "runs"
        if problems:  # runs may exist where nothing could be read
            typer.echo(f"No {which} were found.")
        else:
            typer.echo(f"There are no {which}. Make one with: multimeter run -- COMMAND")
    if found > shown:
        typer.echo(f"And {found - shown} more: -n 0 shows all.")
    for each in problems:
        typer.echo(f"Note: {each}", err=True)


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"'{text}' is not KEY=VALUE.")
    return key, value


def _fits(entry: RunEntry, words: Sequence[str] | None, tags: Mapping[str, str]) -> bool:
    about = [entry.identifier, *(f"{key}={value}" for key, value in entry.tags.items())]
    return tags.items() <= entry.tags.items() and all(
        any(word.lower() in text.lower() for text in about) for word in words or ()
    )


def _figures(source: RunSource, entry: RunEntry, problems: list[str]) -> dict[str, Figure]:
    from multimeter.analysis.figures import FIGURES, Figure, figures_of

    if entry.figures:
        return {
            each.id: Figure(each.id, each.title, each.unit, entry.figures[each.id])
            for each in FIGURES
            if each.id in entry.figures
        }
    if not entry.is_small:
        return {}
    try:
        return {each.id: each for each in figures_of(source.load(entry))}
    except MultimeterError as error:
        problems.append(f"{entry.identifier}: {error.what}")
        return {}


def _seconds(entry: RunEntry) -> float | None:
    if entry.start_ns is None or entry.end_ns is None:
        return None
    return (entry.end_ns - entry.start_ns) / 1e9


def _row(entry: RunEntry, figures: Mapping[str, Figure]) -> list[str]:
    texts = {key: range_text(each.estimate, each.unit) for key, each in figures.items()}
    seconds = _seconds(entry)
    if "duration" not in texts and seconds is not None:
        texts["duration"] = format_value(seconds, "s")
    return [
        entry.identifier,
        local_time(entry.start_ns),
        *(texts.get(key, NONE) for key in _SHOWN),
        entry.state or NONE,
        _short(entry.where),
    ]


def _short(where: str) -> str:
    home = str(home_folder())
    return f"~{where.removeprefix(home)}" if where.startswith(f"{home}/") else where


def _object(
    entries: Sequence[RunEntry],
    figures: Sequence[Mapping[str, Figure]],
    problems: Sequence[str],
) -> dict[str, Any]:
    return {
        "version": 2,
        "runs": [
            {
                "identifier": entry.identifier,
                "where": entry.where,
                "start_ns": entry.start_ns,
                "end_ns": entry.end_ns,
                "points": entry.points,
                "tags": dict(entry.tags),
                "state": entry.state,
                "figures": {
                    key: {**each.estimate.to_json(), "unit": each.unit}
                    for key, each in some.items()
                },
            }
            for entry, some in zip(entries, figures)
        ],
        "trouble": list(problems),
    }
