"""The dashboard: which metrics stand together, in which unit, and what is worth a figure.

Units are those of Grafana, https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/#unit;
a unit that Grafana does not know is shown as it is.
"""

from __future__ import annotations

from multimeter.analysis.panel_definitions import PANELS, PanelDefinition
from multimeter.visualization.dashboards.definition.column import (
    ColumnDefinition,
)
from multimeter.visualization.dashboards.definition.comparison import (
    MOST_COMPARED,
)
from multimeter.visualization.dashboards.definition.health import (
    DELIVERY_COLUMNS,
    DELIVERY_LOSSES,
    DELIVERY_SILENCE_SECONDS,
    HEALTH_HOURS,
    MOST_DELIVERIES,
    STORE_COLUMNS,
)
from multimeter.visualization.dashboards.definition.logs import (
    LOG_SERIES,
    LogDefinition,
    RangeDefinition,
)
from multimeter.visualization.dashboards.definition.runs import (
    RUN_COLUMNS,
    STATES,
)
from multimeter.visualization.dashboards.definition.spans import (
    SPAN_COLUMNS,
)

__all__ = [
    "DELIVERY_COLUMNS",
    "DELIVERY_LOSSES",
    "DELIVERY_SILENCE_SECONDS",
    "HEALTH_HOURS",
    "LOG_SERIES",
    "MOST_COMPARED",
    "MOST_DELIVERIES",
    "PANELS",
    "RUN_COLUMNS",
    "SPAN_COLUMNS",
    "STATES",
    "STORE_COLUMNS",
    "ColumnDefinition",
    "LogDefinition",
    "PanelDefinition",
    "RangeDefinition",
]
