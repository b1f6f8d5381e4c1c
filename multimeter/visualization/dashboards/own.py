"""User-defined dashboards: what their files contain.

A file is TOML, https://toml.io/en/v1.0.0; docs/dashboards.md says what may be in it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from multimeter.analysis.panel_definitions import PanelDefinition
from multimeter.errors import ConfigurationError

__all__ = ["OwnDashboard", "dashboard_name", "parse_dashboard"]

_KEYS = ("title", "panels")
_PANEL_KEYS = ("title", "measures", "unit", "description", "axis")
_AXES = ("linear", "log")
_LONGEST_NAME = 24  # Grafana takes uids of 40 characters
_LONGEST_TEXT = 200
_MOST_PANELS = 50
_HELP = "Mend the file; docs/dashboards.md says what may be in it."


@dataclass(frozen=True)
class OwnDashboard:
    """Panels of one's own, under one title.

    Attributes:
        name: What it is called on the command line and in links.
        title: Its heading.
        panels: Its panels, which name measures by patterns.
    """

    name: str
    title: str
    panels: tuple[PanelDefinition, ...]


def dashboard_name(stem: str) -> str:
    """Return the name of a dashboard after that of its file.

    Raises:
        ConfigurationError: Nothing of it can be used.
    """
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower())[:_LONGEST_NAME].strip("-")
    if not name:
        raise ConfigurationError(
            f"No dashboard can be called after the file '{stem}'.",
            cause="Links hold its name: small letters and digits.",
            next_step="Call the file something like rig.toml.",
        )
    return name


def parse_dashboard(name: str, text: str) -> OwnDashboard:
    """Return the dashboard that a file describes.

    Args:
        name: What it is called.
        text: What is in the file.

    Raises:
        ConfigurationError: It is no TOML, or no dashboard; it says what is wrong where.
    """
    # Not at the top: the tool shows its help without the extra, too.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        data = tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        _refuse("the file", f"it is no TOML: {error}")
    _check_keys("the file", data, _KEYS)
    title = _text("the file", data, "title")
    panels = data.get("panels")
    if not isinstance(panels, list) or not panels:
        _refuse("the file", "it has no panels: each begins with a line [[panels]]")
    if len(panels) > _MOST_PANELS:
        _refuse("the file", f"it has {len(panels)} panels, and {_MOST_PANELS} can be shown")
    found = tuple(
        _panel(f"own:{name}:{number}", f"panel {number}", title, each)
        for number, each in enumerate(panels, 1)
    )
    titles = [each.title for each in found]
    for each in titles:
        if titles.count(each) > 1:
            _refuse("the file", f"two panels have the title '{each}'")
    return OwnDashboard(name, title, found)


def _panel(panel_id: str, where: str, group: str, data: object) -> PanelDefinition:
    if not isinstance(data, dict):
        _refuse(where, "it is no table: begin it with a line [[panels]]")
    _check_keys(where, data, _PANEL_KEYS)
    axis = data.get("axis", "linear")
    if axis not in _AXES:
        _refuse(where, f"axis is {axis!r}, and can be {' or '.join(_AXES)}")
    return PanelDefinition(
        panel_id,
        _text(where, data, "title"),
        _text(where, data, "unit", empty=True),
        group=group,
        measures=_measures(where, data),
        description=_text(where, data, "description", empty=True)
        if "description" in data
        else "",
        axis=axis,
    )


def _measures(where: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    found = data.get("measures")
    if not isinstance(found, list) or not found:
        _refuse(where, 'it has no measures: a list of patterns, such as ["rig.*"]')
    for each in found:
        if not isinstance(each, str) or not each or not each.isprintable():
            _refuse(
                where, f"measures holds {each!r}, and patterns are texts such as 'rig.*'"
            )
    return tuple(found)


def _text(where: str, data: Mapping[str, Any], key: str, *, empty: bool = False) -> str:
    if key not in data:
        _refuse(where, f"it has no {key}")
    value = data[key]
    if not isinstance(value, str):
        _refuse(where, f"{key} is {value!r}, and should be a text")
    if not (value.strip() or (empty and not value)):
        _refuse(where, f"{key} is empty")
    if len(value) > _LONGEST_TEXT or not value.isprintable():
        _refuse(where, f"{key} is too long, or holds characters that do not print")
    return value


def _check_keys(where: str, data: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in data:
        if key not in known:
            _refuse(where, f"it has a key '{key}', and known are {', '.join(known)}")


def _refuse(where: str, what: str) -> NoReturn:
    raise ConfigurationError(
        f"The dashboard cannot be used: in {where}, {what}."
        if where != "the file"
        else f"The dashboard cannot be used: {what}.",
        next_step=_HELP,
    )
