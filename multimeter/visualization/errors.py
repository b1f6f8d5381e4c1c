"""Every error of the visualization, in one tree with the exit codes of its tool.

::

    MultimeterError
    ├── MissingExtraError                252  the extra ``visu`` is not installed
    └── VisualizationError               252  a step failed
        ├── EngineError                  255  there is no engine for a stack
        ├── AlreadyInstalledError        254
        ├── NotInstalledError            253
        ├── PortTakenError               252
        ├── EngineGoneError              252  the engine stopped answering
        ├── ForeignDataError             252  existing data needs other secrets
        └── StoreError                   252  the embedded store cannot be used
            ├── StoreLockedError              another process has it open
            ├── StoreFullError                no space on the disk; it recovers with space
            └── QueryCancelledError           the client has disconnected

Each error has what happened, the likely cause, and the next step.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from typing import ClassVar

from multimeter.errors import MissingExtraError, MultimeterError

__all__ = [
    "EXTRA_PACKAGES",
    "AlreadyInstalledError",
    "EngineError",
    "EngineGoneError",
    "ForeignDataError",
    "NotInstalledError",
    "PortTakenError",
    "QueryCancelledError",
    "StoreError",
    "StoreFullError",
    "StoreLockedError",
    "VisualizationError",
    "naming_the_extra",
    "require_extra",
]


class VisualizationError(MultimeterError):
    """A step failed.

    Attributes:
        exit_code: The exit code of the tool.
    """

    exit_code: ClassVar[int] = 252


class EngineError(VisualizationError):
    """There is no engine that a stack can run on."""

    exit_code = 255


class AlreadyInstalledError(VisualizationError):
    """A stack is installed under this configuration."""

    exit_code = 254


class NotInstalledError(VisualizationError):
    """No stack is installed under this configuration."""

    exit_code = 253


class PortTakenError(VisualizationError):
    """Another program listens on the port.

    Attributes:
        port: The port; None if unknown.
    """

    port: int | None = None


class EngineGoneError(VisualizationError):
    """The engine stopped answering during the work."""


class ForeignDataError(VisualizationError):
    """Existing data can only be opened with other secrets."""


class StoreError(VisualizationError):
    """The store cannot be used."""


class StoreLockedError(StoreError):
    """Another process has the store open."""


class StoreFullError(StoreError):
    """There is no space for a write; nothing of it was stored."""


class QueryCancelledError(StoreError):
    """A query was cancelled because its client disconnected."""


EXTRA_PACKAGES = frozenset(
    (
        "docker",
        "duckdb",
        "h11",
        "influxdb_client",
        "jinja2",
        "numpy",
        "plotly",
        "requests",
        "starlette",
        "tomli",
        "uvicorn",
    )
)
"""The packages of the extra, by import name."""


@contextlib.contextmanager
def naming_the_extra() -> Iterator[None]:
    """Return a context that names the extra if one of its packages is missing.

    Raises:
        MissingExtraError: The extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_PACKAGES:
            raise
        raise MissingExtraError(package, "visu") from error


def require_extra() -> None:
    """Check that all packages of the extra are installed, without importing them.

    Otherwise a later import, or one in the background server, would fail.

    Raises:
        MissingExtraError: The extra is not installed.
    """
    needed = EXTRA_PACKAGES - ({"tomli"} if sys.version_info >= (3, 11) else set())
    with naming_the_extra():
        # docker last: its name in the message could be taken for the optional engine.
        for package in sorted(needed, key=lambda name: (name == "docker", name)):
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError(package, "visu")
