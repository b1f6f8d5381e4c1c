"""User-defined dashboards: what their files contain, and where they are kept.

A file is TOML, https://toml.io/en/v1.0.0; docs/dashboards.md has its format. The files are
kept in a folder beside the configuration of the stack.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from multimeter.analysis.panel_definitions import PanelDefinition
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.system.durable import PRIVATE_FILE, is_draft, is_regular, write_file
from multimeter.visualization.config import make_private_folder, remove_empty
from multimeter.visualization.errors import VisualizationError

__all__ = [
    "UserDashboard",
    "UserPanels",
    "add_dashboard",
    "broken_dashboards",
    "dashboard_folder",
    "dashboard_name",
    "parse_dashboard",
    "remove_dashboard",
    "remove_dashboards",
    "user_dashboards",
]

_KEYS = ("title", "panels")
_PANEL_KEYS = ("title", "measures", "unit", "description", "axis")
_AXES = ("linear", "log")
_LONGEST_NAME = 24  # Grafana takes uids of 40 characters
_LONGEST_TEXT = 200
_MOST_PANELS = 50
_HELP = "Correct the file; docs/dashboards.md describes the format."


@dataclass(frozen=True)
class UserDashboard:
    """User-defined panels under one title.

    Attributes:
        name: Its name on the command line and in links.
        title: Its title.
        panels: Its panels, which select measures by patterns.
    """

    name: str
    title: str
    panels: tuple[PanelDefinition, ...]


def dashboard_name(stem: str) -> str:
    """Return the name of a dashboard, derived from the name of its file.

    Raises:
        ConfigurationError: The name of the file has no usable character.
    """
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower())[:_LONGEST_NAME].strip("-")
    if not name:
        raise ConfigurationError(
            f"No dashboard can be named after the file '{stem}'.",
            cause="Links contain its name: lowercase letters and digits.",
            next_step="Rename the file, for example to rig.toml.",
        )
    return name


def parse_dashboard(name: str, text: str) -> UserDashboard:
    """Return the dashboard that a file describes.

    Args:
        name: Its name.
        text: The content of the file.

    Raises:
        ConfigurationError: It is not TOML, or not a dashboard; the message locates the
            error.
    """
    # Imported here: the tool prints its help without the extra too.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        data = tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        _refuse("the file", f"it is not TOML: {error}")
    _check_keys("the file", data, _KEYS)
    title = _text("the file", data, "title")
    panels = data.get("panels")
    if not isinstance(panels, list) or not panels:
        _refuse("the file", "it has no panels: each starts with a line [[panels]]")
    if len(panels) > _MOST_PANELS:
        _refuse("the file", f"it has {len(panels)} panels; the maximum is {_MOST_PANELS}")
    parsed = tuple(
        _panel(f"own:{name}:{number}", f"panel {number}", title, each)
        for number, each in enumerate(panels, 1)
    )
    titles = [each.title for each in parsed]
    for each in titles:
        if titles.count(each) > 1:
            _refuse("the file", f"two panels have the title '{each}'")
    return UserDashboard(name, title, parsed)


def _panel(panel_id: str, where: str, group: str, data: object) -> PanelDefinition:
    if not isinstance(data, dict):
        _refuse(where, "it is not a table: start it with a line [[panels]]")
    _check_keys(where, data, _PANEL_KEYS)
    axis = data.get("axis", "linear")
    if axis not in _AXES:
        _refuse(where, f"axis is {axis!r}, but must be {' or '.join(_AXES)}")
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
    patterns = data.get("measures")
    if not isinstance(patterns, list) or not patterns:
        _refuse(where, 'it has no measures: a list of patterns, such as ["rig.*"]')
    for each in patterns:
        if not isinstance(each, str) or not each or not each.isprintable():
            _refuse(
                where,
                f"measures contains {each!r}, but a pattern is a string such as 'rig.*'",
            )
    return tuple(patterns)


def _text(where: str, data: Mapping[str, Any], key: str, *, empty: bool = False) -> str:
    if key not in data:
        _refuse(where, f"it has no {key}")
    value = data[key]
    if not isinstance(value, str):
        _refuse(where, f"{key} is {value!r}, but must be a string")
    if not (value.strip() or (empty and not value)):
        _refuse(where, f"{key} is empty")
    if len(value) > _LONGEST_TEXT or not value.isprintable():
        _refuse(where, f"{key} is too long, or contains unprintable characters")
    return value


def _check_keys(where: str, data: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in data:
        if key not in known:
            _refuse(
                where, f"it has an unknown key '{key}'; valid keys are {', '.join(known)}"
            )


def _refuse(where: str, what: str) -> NoReturn:
    raise ConfigurationError(
        f"The dashboard cannot be used: in {where}, {what}."
        if where != "the file"
        else f"The dashboard cannot be used: {what}.",
        next_step=_HELP,
    )


logger = logging.getLogger("multimeter.visualization")

_ENDING = ".toml"
_TAKEN = ("multimeter", "runs", "one run", "compare runs", "continuous logging", "health")
"""Titles already used in Grafana's folder, in lowercase."""


def dashboard_folder(config_file: pathlib.Path) -> pathlib.Path:
    """Return the folder with the dashboards of a stack."""
    return config_file.with_name(f"{config_file.name}.dashboards")


def user_dashboards(config_file: pathlib.Path) -> list[UserDashboard]:
    """Return the dashboards of a stack, sorted by name, without broken ones."""
    dashboards = []
    for name, dashboard in _read(config_file):
        if isinstance(dashboard, UserDashboard):
            dashboards.append(dashboard)
        else:
            logger.warning("The dashboard %s is ignored: %s", name, dashboard.what)
    return dashboards


class UserPanels:
    """Provides the panels of a stack's dashboards, and reads the files when they change.

    Args:
        config_file: The configuration of the stack.
    """

    def __init__(self, config_file: pathlib.Path) -> None:
        self._config_file = config_file
        self._state: object = None
        self._panels: tuple[PanelDefinition, ...] = ()

    def __call__(self) -> tuple[PanelDefinition, ...]:
        """Return the current panels."""
        state = _state_of(dashboard_folder(self._config_file))
        if state != self._state:
            dashboards = user_dashboards(self._config_file)
            self._panels = tuple(panel for each in dashboards for panel in each.panels)
            self._state = state
        return self._panels


def _state_of(folder: pathlib.Path) -> set[tuple[str, int, int]]:
    try:
        with os.scandir(folder) as entries:
            stats = [(each.name, each.stat()) for each in entries]
    except OSError:  # the folder is absent, or a file was just removed
        return set()
    return {(name, stat.st_mtime_ns, stat.st_size) for name, stat in stats}


def broken_dashboards(config_file: pathlib.Path) -> dict[str, str]:
    """Return the errors of broken dashboards, by name."""
    return {
        name: dashboard.what
        for name, dashboard in _read(config_file)
        if not isinstance(dashboard, UserDashboard)
    }


def _read(
    config_file: pathlib.Path,
) -> Iterator[tuple[str, UserDashboard | MultimeterError]]:
    for file in sorted(dashboard_folder(config_file).glob(f"*{_ENDING}")):
        try:
            yield file.stem, parse_dashboard(file.stem, _read_text(file))
        except MultimeterError as error:
            yield file.stem, error


def add_dashboard(
    config_file: pathlib.Path, file: pathlib.Path
) -> tuple[UserDashboard, bool]:
    """Store the dashboard of a file; return it, and whether it replaces one of that name.

    Args:
        config_file: The configuration of the stack.
        file: The file that describes it; the dashboard is named after it.

    Raises:
        ConfigurationError: The file is not a usable dashboard.
        VisualizationError: It cannot be stored.
    """
    text = _read_text(file)
    added = parse_dashboard(dashboard_name(file.stem), text)
    _require_own_title(added, user_dashboards(config_file))
    kept = dashboard_folder(config_file) / f"{added.name}{_ENDING}"
    replaces = kept.exists()
    try:
        make_private_folder(kept.parent)
        write_file(kept, text, PRIVATE_FILE)
    except OSError as error:
        raise VisualizationError(
            f"The dashboard cannot be stored in {kept}: {error.strerror}",
            cause="The folder belongs to another user, or the disk is full.",
        ) from error
    return added, replaces


def _require_own_title(added: UserDashboard, others: list[UserDashboard]) -> None:
    titles = {each.title.lower() for each in others if each.name != added.name}
    if added.title.lower() in titles | set(_TAKEN):
        raise ConfigurationError(
            f"A dashboard with the title '{added.title}' already exists.",
            cause="Grafana requires unique titles in a folder.",
            next_step="Choose another one; multimeter-visu dashboard list shows them.",
        )


def remove_dashboard(config_file: pathlib.Path, name: str) -> None:
    """Remove a dashboard.

    Raises:
        VisualizationError: There is no dashboard of this name, or no permission.
    """
    folder = dashboard_folder(config_file)
    names = [each.stem for each in folder.glob(f"*{_ENDING}")]
    if name not in names:
        raise VisualizationError(
            f"There is no dashboard '{name}'.",
            next_step="multimeter-visu dashboard list shows the dashboards.",
        )
    try:
        (folder / f"{name}{_ENDING}").unlink()
    except OSError as error:
        raise VisualizationError(
            f"The dashboard '{name}' cannot be removed: {error.strerror}",
            cause="Its folder belongs to another user.",
        ) from error
    with contextlib.suppress(OSError):
        folder.rmdir()


def remove_dashboards(config_file: pathlib.Path) -> list[pathlib.Path]:
    """Remove all dashboards of a stack; return the other files that stay in the folder."""
    folder = dashboard_folder(config_file)
    if folder.is_symlink():
        return [folder]
    try:
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    for each in entries:
        if (each.suffix == _ENDING and is_regular(each)) or is_draft(each):
            with contextlib.suppress(OSError):  # it stays, and is returned
                each.unlink()
    remove_empty([folder])
    return [each for each in entries if os.path.lexists(each)]


def _read_text(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(
            f"The file {file} cannot be read: {reason}",
            next_step="Check its path and its owner.",
        ) from error
