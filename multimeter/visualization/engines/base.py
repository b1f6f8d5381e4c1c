"""Engine: what a stack runs on."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from multimeter.visualization.config import StackConfig
from multimeter.visualization.invocation import command_of
from multimeter.visualization.other_stacks import ports_of_others
from multimeter.visualization.plan import Resource, State, Step
from multimeter.visualization.report import Check, Reporter

__all__ = [
    "DEFAULT_NAME",
    "GRAFANA_PORT",
    "WRITE_PORT",
    "DockerOptions",
    "Engine",
    "Links",
    "Request",
    "Run",
    "reserved_ports",
    "way_out_of_taken_port",
]

DEFAULT_NAME = "multimeter"
"""The name of a stack that was not given another one."""

WRITE_PORT = 8086
"""The usual port of the write API."""

GRAFANA_PORT = 3000
"""The usual port of Grafana."""


Run = Mapping[str, Any]
"""A run: ``identifier``; ``start`` and ``end`` in ns, or None where it has no points."""


@dataclass(frozen=True)
class DockerOptions:
    """What only the docker engine can be asked for.

    Attributes:
        influxdb_image: The image of InfluxDB 2.
        grafana_image: The image of Grafana.
        grafana_port: The port of Grafana; 0 for any that is free, None for the usual
            one, or the next free one where that is taken.
        timeout: How many seconds the containers may take until they answer.
        anonymous: Whether Grafana shows everything without a login.
        influxdb_url: An InfluxDB that someone runs already; empty to make one.
        influxdb_token: A token that may read and write its bucket.
    """

    influxdb_image: str = "influxdb:2"
    grafana_image: str = "grafana/grafana:12.4.2"
    grafana_port: int | None = None
    timeout: float = 120.0
    anonymous: bool = False
    influxdb_url: str = ""
    influxdb_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Request:
    """What someone wants to have installed.

    Attributes:
        config_file: Where the configuration goes.
        directory: Where the data goes; None leaves it to the engine.
        org: The name of the organisation.
        bucket: The name of the bucket.
        port: The port of the write API; 0 for any that is free, None for the usual one,
            or the next free one where that is taken.
        name: The name of the stack.
        docker: What only the docker engine can be asked for.
        taken_ports: Ports that turned out to be taken, although they looked free.
    """

    config_file: pathlib.Path
    directory: pathlib.Path | None
    org: str
    bucket: str
    port: int | None
    name: str = DEFAULT_NAME
    docker: DockerOptions = DockerOptions()
    taken_ports: frozenset[int] = frozenset()


def reserved_ports(request: Request) -> dict[int, str]:
    """Return the ports that an install should not choose, with who uses each.

    The ports of another stack stay its own while it is stopped.
    """
    taken = dict.fromkeys(request.taken_ports, "another program")
    return taken | ports_of_others(request.config_file)


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
    it cannot do what it is asked for.
    """

    @property
    def data_needs_secrets(self) -> bool:
        """Whether data that stays can only be opened with the secrets of this stack."""

    def observe(self) -> Mapping[Resource, State]:
        """Return the state of each resource, in the order in which they are made."""

    def obstacle(self, step: Step) -> str:
        """Return why a step cannot be done, as far as that shows before; or nothing."""

    def apply(self, step: Step, report: Reporter) -> None:
        """Do one step, and return when it is done; what runs can be removed too."""

    def finish(
        self, config: StackConfig, report: Reporter
    ) -> tuple[StackConfig, Run | None]:
        """Set up what runs, once, and load the example.

        Returns:
            The configuration with what that gave, and the example as it can be looked
            at; None where it was not loaded.
        """

    def wait(self, report: Reporter) -> None:
        """Return when all that has been started answers."""

    def runs(self, config: StackConfig) -> Sequence[Run]:
        """Return the runs, newest first."""

    def page_of(self, config: StackConfig, run: Run | None) -> str:
        """Return the page of a run, or that with the list of runs."""

    def links(self, config: StackConfig, run: Run | None) -> Links:
        """Return what a person opens to see a run, or the list of runs."""

    def left(self) -> list[pathlib.Path]:
        """Return what is in its folders, and is not its own: it stays."""

    def details(self) -> Mapping[str, Any]:
        """Return what ``status`` says of this engine, without secrets."""

    def services(self) -> list[str]:
        """Return the names of what writes logs."""

    def logs(self, service: str, lines: int, *, follow: bool) -> Iterator[str]:
        """Return the last lines of a log, and those to come."""

    def diagnose(self, config: StackConfig) -> Iterator[Check]:
        """Look at everything that can go wrong, and say how it is."""

    def credentials(self, config: StackConfig) -> Mapping[str, str]:
        """Return every secret that a person may need."""
