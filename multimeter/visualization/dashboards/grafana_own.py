"""User-defined dashboards in Grafana: which fields, in which unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from multimeter.analysis.panel_definitions import Axis, PanelDefinition, key_pattern
from multimeter.analysis.panels import stored_unit
from multimeter.analysis.units import grafana_name
from multimeter.probe import ResourceProbe
from multimeter.visualization.dashboards.own import OwnDashboard

__all__ = ["GrafanaDashboard", "GrafanaPanel", "dashboard_of", "own_uid"]

_KNOWN = [measure.key for measure in ResourceProbe().measures]


@dataclass(frozen=True)
class GrafanaPanel:
    """A panel.

    Attributes:
        title: Its heading.
        description: What it shows, in words.
        unit: Grafana's unit of its values.
        axis: How its axis counts.
        pattern: Matches its fields.
        units: Grafana's units of fields that are stored in another one.
    """

    title: str
    description: str
    unit: str
    axis: Axis
    pattern: str
    units: dict[str, str]


@dataclass(frozen=True)
class GrafanaDashboard:
    """A dashboard.

    Attributes:
        uid: Its name in links.
        title: Its heading.
        panels: Its panels.
    """

    uid: str
    title: str
    panels: list[GrafanaPanel]


def own_uid(name: str) -> str:
    """Return the name in links of a user-defined dashboard."""
    return f"multimeter-own-{name}"


def dashboard_of(own: OwnDashboard) -> GrafanaDashboard:
    """Return a user-defined dashboard as Grafana shows it."""
    panels = [_panel_of(each) for each in own.panels]
    return GrafanaDashboard(own_uid(own.name), own.title, panels)


def _panel_of(definition: PanelDefinition) -> GrafanaPanel:
    pattern = key_pattern(definition.measures)
    stored = {
        key: stored_unit(key, definition.unit) for key in _KNOWN if re.search(pattern, key)
    }
    return GrafanaPanel(
        definition.title,
        definition.description,
        grafana_name(definition.unit),
        definition.axis,
        pattern,
        {
            key: grafana_name(unit)
            for key, unit in stored.items()
            if unit != definition.unit
        },
    )
