"""Health: what the store holds, and what deliveries have done.

A program that delivers reports now and then what became of its points: points of the
measurement ``multimeter_health``, whose fields count and whose tags say which program and
which sink. What they hold is shown as far as it is there.
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
    """What the store holds.

    Attributes:
        size_bytes: What it takes on the disk.
        runs: How many runs.
        codenames: How many codenames are logged.
        points: How many points all measurements have.
        oldest: The time of the oldest point of a run or a codename, in ns since the
            epoch; None where there is none.
        newest: The time of the newest one.
    """

    size_bytes: int
    runs: int
    codenames: int
    points: int
    oldest: int | None
    newest: int | None


@dataclass(frozen=True)
class Delivered:
    """What one program has delivered to one place, as it reported last.

    Attributes:
        tags: What says which program and which place.
        time: When it reported that, in ns since the epoch.
        counts: What it counts, as far as it says so.
        closed: Whether that was its last word.
    """

    tags: dict[str, str]
    time: int
    counts: dict[str, Any]
    closed: bool = False


def store_health(store: Store) -> StoreHealth:
    """Return what the store holds.

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
    """Return what deliveries have done, and how many there are in all.

    The one that reported last is the first.

    Args:
        store: Where the points are.
        most: How many are looked at; each program that ever delivered has left one.

    Raises:
        StoreError: The store failed.
    """
    found = []
    newest = sorted(store.tag_sets(HEALTH), key=lambda each: -each.end_ns)
    for each in newest[:most]:
        counts = store.last(HEALTH, [*DELIVERY_COUNTS, _CLOSED], each.tags)
        closed = counts.pop(_CLOSED, None) is True
        found.append(Delivered(each.tags, each.end_ns, _numbers(counts), closed))
    return found, len(newest)


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not isinstance(value, str)}
