"""Health: what is shown of the store, and of deliveries."""

from __future__ import annotations

from multimeter.analysis.series import DELIVERY_COUNTS
from multimeter.visualization.dashboards.definition.column import ColumnDefinition

__all__ = [
    "DELIVERY_COLUMNS",
    "DELIVERY_LOSSES",
    "DELIVERY_SILENCE_SECONDS",
    "HEALTH_HOURS",
    "MOST_DELIVERIES",
    "STORE_COLUMNS",
]

STORE_COLUMNS = (
    ColumnDefinition("size_bytes", "Size on disk", "bytes"),
    ColumnDefinition("runs", "Runs", "none"),
    ColumnDefinition("codenames", "Codenames", "none"),
    ColumnDefinition("points", "Points", "short"),
    ColumnDefinition("oldest", "Oldest point", "time"),
    ColumnDefinition("newest", "Newest point", "time"),
)
"""What is shown of the store."""

_DELIVERY_TITLES = {"retries": "Sent again", "left_out": "Left out"}

DELIVERY_COLUMNS = tuple(
    ColumnDefinition(each, _DELIVERY_TITLES.get(each, each.capitalize()), "short")
    for each in DELIVERY_COUNTS
)
"""The counts of each delivery, each of which has a panel, too; the line of a panel is a tag
set."""

DELIVERY_LOSSES = ("rejected", "dropped")
"""Those of which none should be more than zero."""

DELIVERY_SILENCE_SECONDS = 5 * 60
"""A delivery that has reported nothing for so long, and has not ended, is silent."""

MOST_DELIVERIES = 50
"""How many deliveries are listed, those that reported last."""

HEALTH_HOURS = 6
"""How much time the panels of deliveries show."""
