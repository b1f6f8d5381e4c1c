"""Runs: the measurements of the store as runs, with their states and marks.

Every measurement is a run, whatever client wrote it, and its name is the identifier. The
library stores the entries of runs and their marks in two separate measurements, see
:mod:`multimeter.lines.result_encoder`. Logged values and reports of deliveries are not
runs, but can be viewed like runs, by name.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from multimeter.analysis.series import AHEAD_SECONDS, SILENCE_POINTS, SILENCE_SECONDS
from multimeter.data.baseline import Baseline
from multimeter.data.estimate import Estimate
from multimeter.data.identifiers import (
    FIGURE_PREFIX,
    MARKS,
    RESERVED_MEASUREMENTS,
    RUN_TAG,
    RUNS,
    SERIES_MEASUREMENTS,
)
from multimeter.data.record import Record
from multimeter.lines.protocol import MAX_TIME_NS
from multimeter.lines.run_entry import FIGURES_FIELD, merged_entries, stored_figures
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
"""It is receiving points; has ended; its program has died; its last time is ahead."""


_HIDDEN = RESERVED_MEASUREMENTS - SERIES_MEASUREMENTS

LISTED_FIGURES = ("duration", "peak_memory", "cpu_time", "cpu")
"""The ids of the figures in the list of runs."""

_LISTED = (f"{FIGURE_PREFIX}{each}" for each in LISTED_FIGURES)
_ENTRY_KEYS = (
    *("start", "end", "points", "state", "alive_until", FIGURES_FIELD),
    *_LISTED,
)


@dataclass(frozen=True)
class RunSummary:
    """A run in the list of runs.

    Attributes:
        identifier: The name of its measurement.
        start: The time of its first point, in ns since the epoch; for a run without
            points, the time of its entry.
        end: The time of its last point.
        points: The number of its points.
        tags: The tags common to all its points.
        state: Whether it is receiving points, has ended, its program has died, or its
            last time is in the future.
        figures: The figures in its entry, by id.
        starts: The start of each run of this name, in ns since the epoch; empty without
            an entry. State and figures are those of the last run.
        began: The start of the last run, before its first point; None where it is
            unknown.
    """

    identifier: str
    start: int
    end: int
    points: int
    tags: dict[str, str]
    state: State
    figures: dict[str, Estimate]
    starts: tuple[int, ...]
    began: int | None


@dataclass(frozen=True)
class RunDescription(RunSummary):
    """A run in full.

    Attributes:
        meta_data: Meta data from the measured program.
        schema: The schema of its fields, or None if no entry has one.
        fields: The types of its fields, by key.
    """

    meta_data: dict[str, Any]
    schema: Schema | None
    fields: dict[str, FieldType]


@dataclass(frozen=True)
class StoredMark:
    """A moment of a run that has a label.

    Attributes:
        time_ns: Its time, in ns since the epoch.
        label: Its label.
    """

    time_ns: int
    label: str


def list_runs(store: Store, now_ns: int) -> list[RunSummary]:
    """Return all runs, sorted by their newest point, newest first.

    A run with times in the future is sorted by its start, or comes last if the start is
    in the future too.

    Args:
        store: The store.
        now_ns: The time, in ns since the epoch.

    Raises:
        StoreError: The store failed.
    """
    records = defaultdict[str, list[Record]](list)
    for record in merged_entries(store.rows(RUNS, keys=_ENTRY_KEYS)):
        records[record.tags.get("measurement", "")].append(record)
    infos = {each.name: each for each in store.measurements()}
    names = (infos.keys() | records.keys()) - RESERVED_MEASUREMENTS - {""}
    runs = [
        _summary(name, infos.get(name), records.get(name, []), now_ns) for name in names
    ]
    return sorted(runs, key=lambda run: (-_newest(run, now_ns), run.identifier))


def _newest(run: RunSummary, now_ns: int) -> int:
    """Return the newest time of a run that is not in the future."""
    times = (time for time in (run.end, run.start) if not _is_ahead(time, now_ns))
    return next(times, -MAX_TIME_NS)


def _is_ahead(time_ns: int, now_ns: int) -> bool:
    return time_ns > now_ns + AHEAD_SECONDS * 10**9


def describe_run(store: Store, identifier: str, now_ns: int) -> RunDescription | None:
    """Return one run in full, or None if there is no such run.

    Args:
        store: The store.
        identifier: The identifier of the run.
        now_ns: The time, in ns since the epoch.

    Raises:
        StoreError: The store failed.
    """
    info = store.measurement(identifier)
    records = merged_entries(store.rows(RUNS, tags={"measurement": identifier}))
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
    """Return the marks of a run, sorted by time.

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
    # Where the start is not known, the entry is at the first point.
    is_before = info is None or (starts and starts[-1] < info.start_ns)
    has_state = bool(records) and "state" in records[-1].fields
    began = starts[-1] if len(starts) > 1 or (has_state and is_before) else None
    if info is None:
        stored = records[-1].time_ns or 0
        return RunSummary(identifier, stored, stored, 0, {}, state, figures, starts, began)
    first, *others = (tags.items() for tags in info.tag_sets)
    return RunSummary(
        identifier,
        info.start_ns,
        info.end_ns,
        info.points,
        {
            key: value
            for key, value in first
            if key != RUN_TAG and all((key, value) in other for other in others)
        },
        state,
        figures,
        starts,
        began,
    )


def _starts(records: Sequence[Record]) -> tuple[int, ...]:
    """Return the starts of consecutive runs.

    Overlapping entries belong to one run that was stored in two ways.
    """
    starts: list[int] = []
    over = None
    for time_ns, entry in ((r.time_ns or 0, r.fields) for r in records):
        if over is None or time_ns > over:
            starts.append(time_ns)
        ends = (entry.get("end", entry.get("alive_until")), time_ns, over)
        over = max(each for each in ends if isinstance(each, int))
    return tuple(starts)


def _figures(records: Sequence[Record]) -> dict[str, Estimate]:
    return stored_figures(records[-1].fields) if records else {}


def _state(info: MeasurementInfo | None, records: Sequence[Record], now_ns: int) -> State:
    """Return the state of a run: from its entry, else from the age of its last point."""
    entry = records[-1].fields if records else {}
    end, alive_until = entry.get("end"), entry.get("alive_until")
    last_ns = info.end_ns if info else records[-1].time_ns or 0
    ahead = _is_ahead(last_ns, now_ns)
    if entry.get("state") == "running" and isinstance(alive_until, int):
        if now_ns > alive_until:
            return "died"
        # The run's clock is ahead; otherwise another client wrote the future point.
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
    # NaN and infinity as text, as JSON responses cannot contain them.
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
