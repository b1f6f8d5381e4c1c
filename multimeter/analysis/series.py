"""Series: what follows from the times of points, and how logged values are kept."""

from __future__ import annotations

__all__ = [
    "AHEAD_SECONDS",
    "DELIVERY_COUNTS",
    "GAP",
    "LOG_FIELD",
    "LOG_TAG",
    "SILENCE_POINTS",
    "SILENCE_SECONDS",
]

GAP = 5.0
"""A distance between points is a gap when it is more than this times the usual one."""

SILENCE_SECONDS = 5 * 60
"""Points of which no program reports the end have ended when none came for this long."""

SILENCE_POINTS = 10
"""Or for this many times the mean distance of the points, if that is longer."""

AHEAD_SECONDS = 5 * 60
"""How far clocks of other machines may be ahead."""

LOG_FIELD = "value"
"""The field that holds a logged value."""

LOG_TAG = "codename"
"""The tag that holds its codename."""

DELIVERY_COUNTS = (
    "accepted",
    "delivered",
    "queued",
    "retries",
    "rejected",
    "dropped",
    "left_out",
    "resumed",
)
"""What deliveries count: the fields of ``multimeter_health``."""
