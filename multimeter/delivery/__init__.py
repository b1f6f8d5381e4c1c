"""Background delivery of records to a sink: nothing lost, nothing stored twice."""

from __future__ import annotations

from multimeter.delivery.delivery import Delivery
from multimeter.delivery.settings import RetryPolicy, Tier, WhenFull
from multimeter.delivery.stats import Report, Stats

__all__ = ["Delivery", "Report", "RetryPolicy", "Stats", "Tier", "WhenFull"]
