"""Logs: how single values are shown."""

from __future__ import annotations

from dataclasses import dataclass

from multimeter.analysis.series import LOG_FIELD, LOG_TAG

__all__ = ["LOG_SERIES", "LogDefinition", "RangeDefinition"]


@dataclass(frozen=True)
class RangeDefinition:
    """A time range that ends now.

    Attributes:
        seconds: How long it is.
        title: What it is called.
    """

    seconds: int
    title: str


@dataclass(frozen=True)
class LogDefinition:
    """How single values are shown: codenames of one unit share a panel.

    Attributes:
        field: The field that holds the value.
        tag: The tag that holds the codename, which is the label of its line.
        title: The heading of the panel of codenames without a unit.
        ranges: The time ranges to choose from; the page begins with ``first_range``.
        first_range: The range that is shown first.
    """

    field: str
    tag: str
    title: str
    ranges: tuple[RangeDefinition, ...]
    first_range: RangeDefinition


_HOUR = RangeDefinition(3_600, "Last hour")

LOG_SERIES = LogDefinition(
    field=LOG_FIELD,
    tag=LOG_TAG,
    title="Values",
    ranges=(
        RangeDefinition(5 * 60, "Last 5 minutes"),
        RangeDefinition(15 * 60, "Last 15 minutes"),
        _HOUR,
        RangeDefinition(6 * 3_600, "Last 6 hours"),
        RangeDefinition(24 * 3_600, "Last 24 hours"),
        RangeDefinition(7 * 86_400, "Last 7 days"),
        RangeDefinition(30 * 86_400, "Last 30 days"),
    ),
    first_range=_HOUR,
)
