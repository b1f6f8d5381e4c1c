"""Logged values by codename, as a :class:`ContinuousLogger` writes them.

They are points of the measurement ``multimeter_logs``, with the tag ``codename`` and the
field ``value``. The newest entry of a codename in ``multimeter_codenames`` has its
``unit`` and ``description``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from multimeter.analysis.series import LOG_FIELD, LOG_TAG
from multimeter.data.identifiers import CODENAMES, LOGS
from multimeter.visualization.embedded.store.database import Interrupt
from multimeter.visualization.embedded.store.store import Store, Summary, TagSetInfo

__all__ = ["Codename", "LogCurve", "list_codenames", "log_curves"]


@dataclass(frozen=True)
class Codename:
    """A codename, with the range of its values.

    Attributes:
        codename: The name.
        unit: The unit of its values, or an empty string.
        description: Its description, or an empty string.
        start: The time of its first value, in ns since the epoch.
        end: The time of its last value.
        points: The number of its values.
    """

    codename: str
    unit: str
    description: str
    start: int
    end: int
    points: int


@dataclass(frozen=True)
class LogCurve:
    """The values of one codename and tag set in buckets of time.

    Attributes:
        codename: The name.
        tags: The tags except the codename.
        time: The time of the first value of each bucket, in ns since the epoch.
        values: The smallest, the largest and the mean value of each bucket.
        breaks: The indices of the buckets that follow a gap.
    """

    codename: str
    tags: dict[str, str]
    time: list[int]
    values: Summary
    breaks: list[int]


def list_codenames(store: Store) -> list[Codename]:
    """Return all codenames, sorted by name."""
    described = _descriptions(store)
    ranges: dict[str, list[TagSetInfo]] = {}
    for each in store.tag_sets(LOGS):
        if LOG_TAG in each.tags:
            ranges.setdefault(each.tags[LOG_TAG], []).append(each)
    return [
        Codename(
            name,
            *described.get(name, ("", "")),
            min(each.start_ns for each in some),
            max(each.end_ns for each in some),
            sum(each.points for each in some),
        )
        for name, some in sorted(ranges.items())
    ]


def _descriptions(store: Store) -> dict[str, tuple[str, str]]:
    """Return the newest unit and description of each codename."""
    newest: dict[str, dict[str, str]] = {}
    for record in store.rows(CODENAMES):
        name = record.tags.get(LOG_TAG, "")
        newest.setdefault(name, {}).update({k: str(v) for k, v in record.fields.items()})
    return {
        name: (texts.get("unit", ""), texts.get("description", ""))
        for name, texts in newest.items()
    }


def log_curves(
    store: Store,
    codenames: Collection[str],
    start_ns: int,
    stop_ns: int,
    buckets: int,
    interrupt: Interrupt | None = None,
) -> tuple[int, list[LogCurve]]:
    """Return the width of a bucket in ns, and the curves of codenames.

    Args:
        store: The store.
        codenames: The codenames; unknown ones are ignored.
        start_ns: The first time, in ns since the epoch.
        stop_ns: The last time.
        buckets: The maximum number of buckets in that range.
        interrupt: Cancels the query when the client disconnects.

    Raises:
        StoreError: The store failed.
    """
    data = store.series(
        LOGS,
        [LOG_FIELD],
        start_ns,
        stop_ns,
        buckets,
        tags={LOG_TAG: set(codenames)},
        interrupt=interrupt,
    )
    return data.bucket_ns, [
        LogCurve(
            each.tags[LOG_TAG],
            {key: value for key, value in each.tags.items() if key != LOG_TAG},
            each.times,
            each.values[LOG_FIELD],
            each.breaks,
        )
        for each in data.series
        if LOG_FIELD in each.values
    ]
