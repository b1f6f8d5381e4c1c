"""Every error of the visualization, in one tree with the exit codes of its tool.

::

    MultimeterError
    └── VisualizationError               252  a step failed
        ├── EngineError                  255  nothing that a stack could run on
        ├── AlreadyInstalledError        254
        ├── NotInstalledError            253
        ├── PortTakenError               252
        ├── EngineGoneError              252  the engine stopped answering
        ├── ForeignDataError             252  data from before, with other secrets
        └── StoreError                   252  the embedded store cannot be used
            ├── StoreLockedError              another process has it open
            ├── StoreFullError                no room on the disk; it goes on with room
            └── QueryCancelledError           its client has hung up

Each names what happened, the likely cause, and what to do next.
"""

from __future__ import annotations

from typing import ClassVar

from multimeter.errors import MultimeterError

__all__ = [
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
]


class VisualizationError(MultimeterError):
    """A step failed.

    Attributes:
        exit_code: What the tool returns to the shell.
    """

    exit_code: ClassVar[int] = 252


class EngineError(VisualizationError):
    """There is nothing that a stack could run on."""

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
        port: The port; None where it is not known.
    """

    port: int | None = None


class EngineGoneError(VisualizationError):
    """The engine stopped answering in the middle of the work."""


class ForeignDataError(VisualizationError):
    """There is data from before, and it opens with other secrets only."""


class StoreError(VisualizationError):
    """The store cannot be used."""


class StoreLockedError(StoreError):
    """Another process has the store open."""


class StoreFullError(StoreError):
    """There is no room for a write; nothing of it was stored."""


class QueryCancelledError(StoreError):
    """A query was ended, as its client has hung up."""
