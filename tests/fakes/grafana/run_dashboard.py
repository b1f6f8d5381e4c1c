"""The repeated panel of a run's dashboard, as Grafana reads its queries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fakes.grafana.variables import FORMATS, interpolate

__all__ = ["changes_of", "panel_for", "pattern_of"]


def panel_for(dashboard: Mapping[str, Any], key: str) -> str:
    """Return the panel that the variable has for a measure; empty for a folded one."""
    variables = {each["name"]: each["query"] for each in dashboard["templating"]["list"]}
    for condition, value in _branches(variables["panel"], r"else\n +(\{order: 99.*)\n"):
        pattern = re.search(r"/(.*)/", condition)
        if not pattern:
            break
        if re.search(pattern[1], key):
            return re.findall(r'_value: "(.*)"', value)[0]
    return key.rpartition(".")[2]


def pattern_of(query: str, panel: str) -> str:
    """Return the pattern of the fields that the query of the panel asks for."""
    query = interpolate(query, {"panel": panel}, FORMATS["12"])
    for condition, pattern in _branches(query, r"else\n  /(.*)/\n"):
        title = re.fullmatch(r'"(.*)" =~ /(.*)/', condition)
        if not title or re.search(title[2].replace("\\/", "/"), title[1]):
            return pattern
    raise AssertionError("the last branch has no condition")


def changes_of(panel: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return what a panel changes of a field: what comes later counts."""
    found: dict[str, Any] = {}
    for each in panel["fieldConfig"]["overrides"]:
        kind, options = each["matcher"]["id"], each["matcher"]["options"]
        if options == key or (kind == "byRegexp" and re.search(options.strip("/"), key)):
            found |= {prop["id"]: prop["value"] for prop in each["properties"]}
    return found


def _branches(query: str, last: str) -> list[tuple[str, str]]:
    """Return the conditions of an if-else chain, each with what it leads to."""
    found: list[tuple[str, str]] = re.findall(r"if (.*?) then /?(.*?)/? else\n", query)
    return [*found, ("", re.findall(last, query)[0])]
