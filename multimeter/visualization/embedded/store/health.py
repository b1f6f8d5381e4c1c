"""Health: the content of the store, and the counts of deliveries.

A delivering program regularly reports what became of its points, as points of the
measurement ``multimeter_health``: its fields are counts, its tags name the program and
the sink. Missing fields are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multimeter.analysis.series import DELIVERY_COUNTS
from multimeter.data.identifiers import (
    CODENAMES,
    HEALTH,
    LOGS,
    MARKS,
    RESERVED_MEASUREMENTS,
    RUNS,
)
from multimeter.visualization.embedded.store.store import MeasurementInfo, Store

__all__ = ["Delivered", "StoreHealth", "list_deliveries", "store_health"]

_CLOSED = "closed"
_SMALL = {CODENAMES, RUNS, MARKS, HEALTH}


@dataclass(frozen=True)
class StoreHealth:
    """The content of the store.

    Attributes:
        size_bytes: Its size on disk.
        runs: The number of runs.
        codenames: The number of logged codenames.
        points: The number of points of all measurements.
        oldest: The time of the oldest point of a run or codename, in ns since the epoch;
            None without points.
        newest: The time of the newest point.
    """

    size_bytes: int
    runs: int
    codenames: int
    points: int
    oldest: int | None
    newest: int | None


@dataclass(frozen=True)
class Delivered:
    """The last report of a delivery of one program to one sink.

    Attributes:
        tags: The tags that name the program and the sink.
        time: The time of the report, in ns since the epoch.
        counts: The reported counts.
        closed: Whether it was the final report.
    """

    tags: dict[str, str]
    time: int
    counts: dict[str, Any]
    closed: bool = False


def store_health(store: Store) -> StoreHealth:
    """Return the content of the store.

    Raises:
        StoreError: The store failed.
    """
    infos = store.measurements()
    data = [each for each in infos if each.name not in _SMALL]
    return StoreHealth(
        store.size_bytes(),
        sum(each.name not in RESERVED_MEASUREMENTS for each in infos),
        sum(_codenames(each) for each in infos if each.name == LOGS),
        sum(each.points for each in infos),
        min((each.start_ns for each in data), default=None),
        max((each.end_ns for each in data), default=None),
    )


def _codenames(info: MeasurementInfo) -> int:
    return len({tags["codename"] for tags in info.tag_sets if "codename" in tags})


def list_deliveries(store: Store, most: int) -> tuple[list[Delivered], int]:
    """Return the last reports of deliveries, and the total number of deliveries.

    The latest report comes first.

    Args:
        store: The store.
        most: The maximum number of reports; every program that ever delivered has one.

    Raises:
        StoreError: The store failed.
    """
    deliveries = []
    newest = sorted(store.tag_sets(HEALTH), key=lambda each: -each.end_ns)
    for each in newest[:most]:
        counts = store.last(HEALTH, [*DELIVERY_COUNTS, _CLOSED], each.tags)
        closed = counts.pop(_CLOSED, None) is True
        deliveries.append(Delivered(each.tags, each.end_ns, _numbers(counts), closed))
    return deliveries, len(newest)


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not isinstance(value, str)}
