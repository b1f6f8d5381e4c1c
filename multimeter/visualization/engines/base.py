"""The engine protocol: what a stack can run on; and how the tool writes to any of them."""

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
"""The address that a stack listens on, with any engine."""

Run = Mapping[str, Any]
"""A run: ``identifier``; ``start`` and ``end`` in ns, or None where it has no points."""


def way_out_of_taken_port(config_file: pathlib.Path, config: StackConfig) -> str:
    """Return the next step for when another program listens on the port of a stack."""
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
    """The links that a user opens.

    Attributes:
        page: The page itself.
        login: The page, with a login code that works once; empty where there is no such
            link.
        login_hint: How to log in, a sentence; empty where no login is needed.
    """

    page: str
    login: str
    login_hint: str

    @property
    def best(self) -> str:
        """The link to show to the user: with the login code, if there is one."""
        return self.login or self.page


class Engine(Protocol):
    """One stack on one engine.

    An engine raises :class:`~multimeter.visualization.errors.VisualizationError` when
    it cannot do what is requested, and :class:`~multimeter.errors.StorageError` when a
    server of the stack does not answer, or refuses a request.

    Attributes:
        config_file: The configuration of the stack.
        config: The content of the configuration; :meth:`finish` completes it.
    """

    config_file: pathlib.Path
    config: StackConfig

    @property
    def data_needs_secrets(self) -> bool:
        """Whether kept data can only be opened with the secrets of this stack."""

    def observe(self) -> Mapping[Resource, State]:
        """Return the state of each resource, in the order of creation."""

    def obstacle(self, step: Step) -> str:
        """Return why a step would fail, as far as that shows now, or an empty string."""

    def apply(self, step: Step, report: Reporter) -> None:
        """Apply one step, and return when it is done; a running resource can be removed."""

    def finish(self, report: Reporter) -> Run | None:
        """Set up the running servers and load the example; complete the configuration.

        Returns:
            The example run; None where it was not loaded.
        """

    def wait(self, report: Reporter) -> None:
        """Wait until everything that was started answers."""

    def runs(self) -> Sequence[Run]:
        """Return the runs, newest first."""

    def links(self, run: Run | None) -> Links:
        """Return the links to a run, or to the list of runs."""

    def left(self) -> list[pathlib.Path]:
        """Return foreign files in its folders, which stay."""

    def details(self) -> Mapping[str, Any]:
        """Return the details that ``status`` shows, without secrets."""

    def services(self) -> list[str]:
        """Return the names of the services that write logs."""

    def logs(self, service: str, lines: int, *, follow: bool) -> Iterator[str]:
        """Return the last lines of a log, and with ``follow`` new lines as they come."""

    def diagnose(self) -> Iterator[Check]:
        """Check everything that can go wrong."""

    def credentials(self) -> Mapping[str, str]:
        """Return the logins and tokens that a user may need, by name."""
