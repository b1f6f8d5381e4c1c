"""Engine: what a stack runs on; and how the tool writes to any of them."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from multimeter.http.proof import ProvingToken
from multimeter.sinks.base import Accepted, Batch, Retry
from multimeter.sinks.influx import InfluxDBSink
from multimeter.visualization.config import StackConfig
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.invocation import command_of
from multimeter.visualization.plan import Resource, State, Step
from multimeter.visualization.report import Check, Reporter

__all__ = ["HOST", "Engine", "Links", "Run", "way_out_of_taken_port", "write_lines"]

HOST = "127.0.0.1"
"""Where a stack listens, whichever engine it is on."""

Run = Mapping[str, Any]
"""A run: ``identifier``; ``start`` and ``end`` in ns, or None where it has no points."""


def way_out_of_taken_port(config_file: pathlib.Path, config: StackConfig) -> str:
    """Return what to do where another program listens on the port of a stack."""
    start, remove = (
        command_of(verb, config_file, config.name)
        for verb in ("start", "remove --keep-data")
    )
    return (
        f"Stop that program, then: {start}. To move the stack to another port instead, with"
        f" its data: {remove}, then install it again with the options that it had."
    )


def write_lines(config: StackConfig, lines: bytes) -> None:
    """Write lines of line protocol to a stack, on the way that the library's points take.

    Args:
        config: The configuration of the stack.
        lines: The lines, times in ns; none at all try whether it takes any.

    Raises:
        VisualizationError: The server does not answer, or refuses them.
        ConfigurationError: Its URL or its token cannot be used.
    """
    token = ProvingToken(config.token) if config.engine == "embedded" else config.token
    sink = InfluxDBSink(token, config.url, config.org, config.bucket)
    answer = sink.send(Batch("", [lines]))
    sink.close()
    if not isinstance(answer, Accepted):
        next_step = answer.next_step if isinstance(answer, Retry) else ""
        raise VisualizationError(
            f"{config.url} takes no points: {answer.reason}",
            next_step=next_step or "multimeter-visu doctor",
        )


@dataclass(frozen=True)
class Links:
    """What a person opens.

    Attributes:
        page: The page itself.
        login: The page, with a login that works once; empty where there is no such link.
        login_hint: How to log in, a sentence; empty where no login is needed.
    """

    page: str
    login: str
    login_hint: str

    @property
    def best(self) -> str:
        """The link to give to a person: it logs in where that is possible."""
        return self.login or self.page


class Engine(Protocol):
    """One stack on one engine.

    An engine raises :class:`~multimeter.visualization.errors.VisualizationError` when
    it cannot do what it is asked for, and :class:`~multimeter.errors.StorageError` when
    a server of the stack does not answer, or refuses a request.

    Attributes:
        config_file: The configuration of the stack.
        config: What is in it; :meth:`finish` completes it.
    """

    config_file: pathlib.Path
    config: StackConfig

    @property
    def data_needs_secrets(self) -> bool:
        """Whether data that stays can only be opened with the secrets of this stack."""

    def observe(self) -> Mapping[Resource, State]:
        """Return the state of each resource, in the order in which they are made."""

    def obstacle(self, step: Step) -> str:
        """Return why a step cannot be done, as far as that shows before; or nothing."""

    def apply(self, step: Step, report: Reporter) -> None:
        """Do one step, and return when it is done; what runs can be removed too."""

    def finish(self, report: Reporter) -> Run | None:
        """Set up what runs, once, and load the example; complete the configuration.

        Returns:
            The example as it can be looked at; None where it was not loaded.
        """

    def wait(self, report: Reporter) -> None:
        """Return when all that has been started answers."""

    def runs(self) -> Sequence[Run]:
        """Return the runs, newest first."""

    def links(self, run: Run | None) -> Links:
        """Return what a person opens to see a run, or the list of runs."""

    def left(self) -> list[pathlib.Path]:
        """Return what is in its folders, and is not its own: it stays."""

    def details(self) -> Mapping[str, Any]:
        """Return what ``status`` shows of this engine, without secrets."""

    def services(self) -> list[str]:
        """Return the names of what writes logs."""

    def logs(self, service: str, lines: int, *, follow: bool) -> Iterator[str]:
        """Return the last lines of a log, and those to come."""

    def diagnose(self) -> Iterator[Check]:
        """Look at everything that can go wrong, and report how it is."""

    def credentials(self) -> Mapping[str, str]:
        """Return every secret that a person may need."""
