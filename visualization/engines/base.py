"""Engine: what a stack runs on."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from multimeter.visualization.config import StackConfig
from multimeter.visualization.plan import Resource, State, Step

__all__ = ["Engine", "Links", "Request"]


@dataclass(frozen=True)
class Request:
    """What someone wants to have installed.

    Attributes:
        config_file: Where the configuration goes.
        directory: Where the data goes; None leaves it to the engine.
        org: The name of the organisation.
        bucket: The name of the bucket.
        port: The port of the write API; 0 for any that is free.
    """

    config_file: pathlib.Path
    directory: pathlib.Path | None
    org: str
    bucket: str
    port: int


@dataclass(frozen=True)
class Links:
    """What a person opens.

    Attributes:
        page: The page itself.
        login: The page, with a login that works once.
        login_hint: How to log in without that link.
    """

    page: str
    login: str
    login_hint: str


class Engine(Protocol):
    """One stack on one engine.

    An engine raises :class:`~multimeter.visualization.errors.VisualizationError` when
    it cannot do what it is asked for.
    """

    def observe(self) -> Mapping[Resource, State]:
        """Return the state of each resource, in the order in which they are made."""

    def apply(self, step: Step) -> None:
        """Do one step, and return when it is done."""

    def finish(self, config: StackConfig) -> StackConfig:
        """Set up what runs, once; return the configuration with what that gave."""

    def links(self, config: StackConfig, run: Mapping[str, Any] | None) -> Links:
        """Return what a person opens to see a run, or the list of runs.

        Args:
            config: The configuration of the stack.
            run: ``identifier``, ``start`` and ``end`` (ns) of the run, or None.
        """

    def details(self) -> Mapping[str, Any]:
        """Return what ``status`` says of this engine, without secrets."""
