"""Where dashboards of one's own are kept: a folder beside the stack's configuration."""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
from collections.abc import Iterator

from multimeter.analysis.panel_definitions import PanelDefinition
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.system.durable import PRIVATE_FILE, is_draft, is_regular, write_file
from multimeter.visualization.config import make_private_folder, remove_empty
from multimeter.visualization.dashboards.own import (
    OwnDashboard,
    dashboard_name,
    parse_dashboard,
)
from multimeter.visualization.errors import VisualizationError

__all__ = [
    "OwnPanels",
    "add_dashboard",
    "broken_dashboards",
    "dashboard_folder",
    "own_dashboards",
    "remove_dashboard",
    "remove_dashboards",
]

logger = logging.getLogger("multimeter.visualization")

_ENDING = ".toml"
_TAKEN = ("multimeter", "runs", "one run", "compare runs", "continuous logging", "health")
"""Titles that Grafana has in the folder already; small letters."""


def dashboard_folder(config_file: pathlib.Path) -> pathlib.Path:
    """Return where the dashboards of a stack are."""
    return config_file.with_name(f"{config_file.name}.dashboards")


def own_dashboards(config_file: pathlib.Path) -> list[OwnDashboard]:
    """Return the dashboards of a stack by their names; a broken one is left out."""
    found = []
    for name, dashboard in _read(config_file):
        if isinstance(dashboard, OwnDashboard):
            found.append(dashboard)
        else:
            logger.warning("The dashboard %s is left out: %s", name, dashboard.what)
    return found


class OwnPanels:
    """Gives the panels of a stack's dashboards; files are read when they have changed.

    Args:
        config_file: The configuration of the stack.
    """

    def __init__(self, config_file: pathlib.Path) -> None:
        self._config_file = config_file
        self._state: object = None
        self._panels: tuple[PanelDefinition, ...] = ()

    def __call__(self) -> tuple[PanelDefinition, ...]:
        """Return them, as they are now."""
        state = _state_of(dashboard_folder(self._config_file))
        if state != self._state:
            found = own_dashboards(self._config_file)
            self._panels = tuple(panel for each in found for panel in each.panels)
            self._state = state
        return self._panels


def _state_of(folder: pathlib.Path) -> set[tuple[str, int, int]]:
    try:
        with os.scandir(folder) as entries:
            stats = [(each.name, each.stat()) for each in entries]
    except OSError:  # it is not there, or a file went just now
        return set()
    return {(name, stat.st_mtime_ns, stat.st_size) for name, stat in stats}


def broken_dashboards(config_file: pathlib.Path) -> dict[str, str]:
    """Return what is wrong with those that are left out, by their names."""
    return {
        name: dashboard.what
        for name, dashboard in _read(config_file)
        if not isinstance(dashboard, OwnDashboard)
    }


def _read(
    config_file: pathlib.Path,
) -> Iterator[tuple[str, OwnDashboard | MultimeterError]]:
    for file in sorted(dashboard_folder(config_file).glob(f"*{_ENDING}")):
        try:
            yield file.stem, parse_dashboard(file.stem, _text(file))
        except MultimeterError as error:
            yield file.stem, error


def add_dashboard(
    config_file: pathlib.Path, file: pathlib.Path
) -> tuple[OwnDashboard, bool]:
    """Keep the dashboard of a file; return it, and whether it replaces one of its name.

    Args:
        config_file: The configuration of the stack.
        file: The file that describes it; its name becomes that of the dashboard.

    Raises:
        ConfigurationError: It cannot be used.
        VisualizationError: It cannot be kept.
    """
    text = _text(file)
    added = parse_dashboard(dashboard_name(file.stem), text)
    _require_own_title(added, own_dashboards(config_file))
    kept = dashboard_folder(config_file) / f"{added.name}{_ENDING}"
    replaces = kept.exists()
    try:
        make_private_folder(kept.parent)
        write_file(kept, text, PRIVATE_FILE)
    except OSError as error:
        raise VisualizationError(
            f"The dashboard cannot be kept in {kept}: {error.strerror}",
            cause="The folder belongs to another user, or the disk is full.",
        ) from error
    return added, replaces


def _require_own_title(added: OwnDashboard, others: list[OwnDashboard]) -> None:
    titles = {each.title.lower() for each in others if each.name != added.name}
    if added.title.lower() in titles | set(_TAKEN):
        raise ConfigurationError(
            f"There is a dashboard with the title '{added.title}' already.",
            cause="Grafana distinguishes dashboards of a folder by their titles.",
            next_step="Give it another title; multimeter-visu dashboard list shows them.",
        )


def remove_dashboard(config_file: pathlib.Path, name: str) -> None:
    """Forget a dashboard.

    Raises:
        VisualizationError: There is none of this name, or no permission.
    """
    folder = dashboard_folder(config_file)
    names = [each.stem for each in folder.glob(f"*{_ENDING}")]
    if name not in names:
        raise VisualizationError(
            f"There is no dashboard '{name}'.",
            next_step="multimeter-visu dashboard list shows those that there are.",
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
    """Forget all dashboards of a stack; return what else is in their folder and stays."""
    folder = dashboard_folder(config_file)
    if folder.is_symlink():
        return [folder]
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    for each in found:
        if (each.suffix == _ENDING and is_regular(each)) or is_draft(each):
            with contextlib.suppress(OSError):  # it stays, and is named
                each.unlink()
    remove_empty([folder])
    return [each for each in found if os.path.lexists(each)]


def _text(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigurationError(
            f"The file {file} cannot be read: {reason}",
            next_step="Check its name, and whose it is.",
        ) from error
