"""Logs: single values by their codenames, as a :class:`ContinuousLogger` writes them.

They are the points of one measurement, ``multimeter_logs``: tag ``codename``, field
``value``. The newest ``unit`` of a codename in ``multimeter_codenames`` is its unit; a tag
``unit`` is, where there is none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from multimeter.identifiers import CODENAMES, LOGS
from multimeter.visualization.dashboards.definition import LOG_SERIES
from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.embedded.store.store import Store, Summary

__all__ = ["Codename", "LogCurve", "list_codenames", "log_curves"]


@dataclass(frozen=True)
class Codename:
    """What is logged under one name.

    Attributes:
        codename: The name.
        unit: The unit of its values; empty where nobody said it.
        start: The time of its first value, in ns since the epoch.
        end: The time of its last value.
        points: The number of its values.
    """

    codename: str
    unit: str
    start: int
    end: int
    points: int


@dataclass(frozen=True)
class LogCurve:
    """The values of one codename and tag set in buckets of time.

    Attributes:
        codename: The name.
        tags: The tags beside codename and unit.
        time: The time of the first value of each bucket, in ns since the epoch.
        values: The smallest, the largest and the mean value of each bucket.
        breaks: The places of the buckets before which there is a gap.
    """

    codename: str
    tags: dict[str, str]
    time: list[int]
    values: Summary
    breaks: list[int]


def list_codenames(store: Store) -> list[Codename]:
    """Return all codenames in the order of the alphabet.

    Raises:
        StoreError: The store failed.
    """
    found: dict[str, Codename] = {}
    said = _said_units(store)
    for each in store.tag_sets(LOGS):
        if LOG_SERIES.tag not in each.tags:
            continue
        name = each.tags[LOG_SERIES.tag]
        unit = said.get(name) or each.tags.get(LOG_SERIES.unit_tag, "")
        one = Codename(name, unit, each.start_ns, each.end_ns, each.points)
        before = found.get(name)
        found[name] = one if before is None else _joined(before, one)
    return sorted(found.values(), key=lambda each: each.codename)


def _said_units(store: Store) -> dict[str, str]:
    """Return the units that loggers have said, by codename; the newest of each."""
    return {
        record.tags[LOG_SERIES.tag]: str(record.fields["unit"])
        for record in store.rows(CODENAMES, keys=("unit",))
        if "unit" in record.fields and LOG_SERIES.tag in record.tags
    }


def _joined(one: Codename, other: Codename) -> Codename:
    newer = one if one.end > other.end else other
    return Codename(
        one.codename,
        newer.unit or one.unit or other.unit,
        min(one.start, other.start),
        max(one.end, other.end),
        one.points + other.points,
    )


def log_curves(
    store: Store,
    codenames: Collection[str],
    start_ns: int,
    stop_ns: int,
    buckets: int,
    interrupt: Interrupt | None = None,
) -> tuple[int, list[LogCurve]]:
    """Return the width of a bucket in ns, and the curves of some codenames.

    Args:
        store: Where the points are.
        codenames: Which; those that are not there are left out.
        start_ns: The first time, in ns since the epoch.
        stop_ns: The last time.
        buckets: At most how many buckets cover that.
        interrupt: Ends the query when nobody waits for it any more.

    Raises:
        StoreError: The store failed.
    """
    data = store.series(
        LOGS,
        [LOG_SERIES.field],
        start_ns,
        stop_ns,
        buckets,
        tags={LOG_SERIES.tag: set(codenames)},
        interrupt=interrupt,
    )
    own = {LOG_SERIES.tag, LOG_SERIES.unit_tag}
    return data.bucket_ns, [
        LogCurve(
            each.tags[LOG_SERIES.tag],
            {key: value for key, value in each.tags.items() if key not in own},
            each.times,
            each.values[LOG_SERIES.field],
            each.breaks,
        )
        for each in data.series
        if LOG_SERIES.field in each.values
    ]
