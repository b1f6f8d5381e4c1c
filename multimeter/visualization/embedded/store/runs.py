"""Runs: what the store's measurements mean.

Every measurement is a run, whichever client wrote it, and its name identifies it. The
library keeps entries of runs and their marks in two measurements of their own, see
:mod:`multimeter.lines.result_encoder`. What loggers log and what deliveries did is no run,
but can be looked at like one, by its name.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from multimeter.analysis.figures import FIGURES
from multimeter.analysis.series import AHEAD_SECONDS, SILENCE_POINTS, SILENCE_SECONDS
from multimeter.data.baseline import Baseline
from multimeter.data.identifiers import (
    FIGURE_PREFIX,
    MARKS,
    RESERVED_MEASUREMENTS,
    RUNS,
    SERIES_MEASUREMENTS,
)
from multimeter.data.record import Record
from multimeter.lines.protocol import MAX_TIME_NS
from multimeter.lines.schema_json import schema_from_json
from multimeter.schema import Schema
from multimeter.visualization.embedded.store.ingest import FieldType
from multimeter.visualization.embedded.store.store import MeasurementInfo, Store

__all__ = [
    "LISTED_FIGURES",
    "RunDescription",
    "RunSummary",
    "StoredMark",
    "describe_run",
    "list_runs",
    "run_marks",
]

State = Literal["live", "ended", "died", "ahead"]
"""Points come; it has ended; its program has died; or its last time is yet to come."""


_HIDDEN = RESERVED_MEASUREMENTS - SERIES_MEASUREMENTS
_FIGURES = {f"{FIGURE_PREFIX}{each.id}": each.id for each in FIGURES}

LISTED_FIGURES = ("duration", "peak_memory", "cpu_time", "cpu")
"""The figures that a list of runs has, by their ids."""

_LISTED = (f"{FIGURE_PREFIX}{each}" for each in LISTED_FIGURES)
_ENTRY_KEYS = ("end", "points", "state", "alive_until", *_LISTED)


@dataclass(frozen=True)
class RunSummary:
    """A run in the list of runs.

    Attributes:
        identifier: The name of its measurement.
        start: The time of its first point, in ns since the epoch; of a run that was
            stored without points, the time at which it was stored.
        end: The time of its last point.
        points: The number of its points.
        tags: The tags that all its points have in common.
        state: Whether points come, or it has ended, or its program has died, or its
            last time is yet to come.
        figures: Those that its entry has, by their ids.
        starts: When each of the runs began that have this name, in ns since the epoch;
            empty without an entry. State and figures are those of the last one.
        began: When the last one began, before its first point; None where that is not
            known.
    """

    identifier: str
    start: int
    end: int
    points: int
    tags: dict[str, str]
    state: State
    figures: dict[str, float]
    starts: tuple[int, ...]
    began: int | None


@dataclass(frozen=True)
class RunDescription(RunSummary):
    """A run in full.

    Attributes:
        meta_data: More about it, from the program that was measured.
        schema: What its fields measure, or None where no entry has it.
        fields: The types of its fields.
    """

    meta_data: dict[str, Any]
    schema: Schema | None
    fields: dict[str, FieldType]


@dataclass(frozen=True)
class StoredMark:
    """A moment of a run that has a name.

    Attributes:
        time_ns: When, in ns since the epoch.
        label: Its name.
    """

    time_ns: int
    label: str


def list_runs(store: Store, now_ns: int) -> list[RunSummary]:
    """Return all runs, the one with the newest point first.

    A run with times that are yet to come has the place of its start, or the last one if
    that is yet to come, too.

    Args:
        store: Where the points are.
        now_ns: The time, in ns since the epoch.

    Raises:
        StoreError: The store failed.
    """
    records = defaultdict[str, list[Record]](list)
    for record in store.rows(RUNS, keys=_ENTRY_KEYS):
        records[record.tags.get("measurement", "")].append(record)
    infos = {each.name: each for each in store.measurements()}
    names = (infos.keys() | records.keys()) - RESERVED_MEASUREMENTS - {""}
    runs = [
        _summary(name, infos.get(name), records.get(name, []), now_ns) for name in names
    ]
    return sorted(runs, key=lambda run: (-_newest(run, now_ns), run.identifier))


def _newest(run: RunSummary, now_ns: int) -> int:
    """Return the newest time of a run that is not ahead of now."""
    times = (time for time in (run.end, run.start) if not _is_ahead(time, now_ns))
    return next(times, -MAX_TIME_NS)


def _is_ahead(time_ns: int, now_ns: int) -> bool:
    return time_ns > now_ns + AHEAD_SECONDS * 10**9


def describe_run(store: Store, identifier: str, now_ns: int) -> RunDescription | None:
    """Return one run in full, or None if there is no such run.

    Args:
        store: Where the points are.
        identifier: Which run.
        now_ns: The time, in ns since the epoch.

    Raises:
        StoreError: The store failed.
    """
    info = store.measurement(identifier)
    records = list(store.rows(RUNS, tags={"measurement": identifier}))
    if identifier in _HIDDEN or not (info or records):
        return None
    entry = records[-1].fields if records else {}
    summary = vars(_summary(identifier, info, records, now_ns))
    meta_data = _meta_data(entry.get("meta_data"))
    began = Baseline.of(meta_data).time_ns
    if began is not None:
        summary = {**summary, "began": began}
    return RunDescription(
        **summary,
        meta_data=meta_data,
        schema=_schema(entry.get("schema")),
        fields=store.fields(identifier),
    )


def run_marks(store: Store, identifier: str) -> list[StoredMark]:
    """Return the marks of a run in the order of time.

    Raises:
        StoreError: The store failed.
    """
    return [
        StoredMark(record.time_ns, str(record.fields["label"]))
        for record in store.rows(MARKS, tags={"measurement": identifier}, keys=("label",))
        if record.time_ns is not None and "label" in record.fields
    ]


def _summary(
    identifier: str,
    info: MeasurementInfo | None,
    records: Sequence[Record],
    now_ns: int,
) -> RunSummary:
    state, figures = _state(info, records, now_ns), _figures(records)
    starts = _starts(records)
    # The entry of a run that was sent live is at its start, else at its first point.
    is_at_start = len(starts) > 1 or (records and "state" in records[-1].fields)
    began = starts[-1] if is_at_start else None
    if info is None:
        stored = records[-1].time_ns or 0
        return RunSummary(identifier, stored, stored, 0, {}, state, figures, starts, began)
    first, *others = (tags.items() for tags in info.tag_sets)
    return RunSummary(
        identifier,
        info.start_ns,
        info.end_ns,
        info.points,
        {key: value for key, value in first if all((key, value) in o for o in others)},
        state,
        figures,
        starts,
        began,
    )


def _starts(records: Sequence[Record]) -> tuple[int, ...]:
    """Return when the runs began that came one after the other.

    Entries that overlap belong to one run, which was stored in two ways.
    """
    starts: list[int] = []
    over = None
    for time_ns, entry in ((r.time_ns or 0, r.fields) for r in records):
        if over is None or time_ns > over:
            starts.append(time_ns)
        ends = (entry.get("end", entry.get("alive_until")), time_ns, over)
        over = max(each for each in ends if isinstance(each, int))
    return tuple(starts)


def _figures(records: Sequence[Record]) -> dict[str, float]:
    entry = records[-1].fields if records else {}
    found = {key: entry.get(field) for field, key in _FIGURES.items()}
    return {key: value for key, value in found.items() if isinstance(value, float)}


def _state(info: MeasurementInfo | None, records: Sequence[Record], now_ns: int) -> State:
    """Return the state of a run: by its entry, else by how long nothing has come."""
    entry = records[-1].fields if records else {}
    end, alive_until = entry.get("end"), entry.get("alive_until")
    last_ns = info.end_ns if info else records[-1].time_ns or 0
    ahead = _is_ahead(last_ns, now_ns)
    if entry.get("state") == "running" and isinstance(alive_until, int):
        if now_ns > alive_until:
            return "died"
        # Its own clock is ahead; else another client has written such a point.
        return "ahead" if ahead and _is_ahead(alive_until, now_ns) else "live"
    if info is None:
        return "ended"
    if isinstance(end, int) and end >= info.end_ns:
        return "ended"
    if ahead:
        return "ahead"
    distance = (info.end_ns - info.start_ns) / max(info.points - 1, 1)
    silence = max(SILENCE_SECONDS * 1e9, SILENCE_POINTS * distance)
    return "live" if now_ns - info.end_ns <= silence else "ended"


def _meta_data(text: object) -> dict[str, Any]:
    # A name for the numbers that JSON lacks: they could not be passed on.
    data = _parse(text, parse_constant=str)
    return data if isinstance(data, dict) else {}


def _schema(text: object) -> Schema | None:
    data = _parse(text)
    try:
        return schema_from_json(data) if isinstance(data, dict) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _parse(text: object, **options: Any) -> Any:
    try:
        return json.loads(text, **options) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
