"""The set-up of running containers: wait for answers, make tokens, load the example."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from multimeter.data.identifiers import RUNS
from multimeter.data.record import Record
from multimeter.http.influxdb import EVER, BucketIds, InfluxDBApi, flux_text
from multimeter.lines.run_entry import merged_entries
from multimeter.visualization.config import StackConfig
from multimeter.visualization.dashboards.grafana import RUN_UID
from multimeter.visualization.engines.base import HOST, Run, write_lines
from multimeter.visualization.engines.docker.container import ContainerResource
from multimeter.visualization.engines.docker.grafana import Grafana, token_file
from multimeter.visualization.engines.docker.spec import (
    GRAFANA,
    INFLUXDB,
    TITLES,
    data_source_url,
)
from multimeter.visualization.engines.docker.state import (
    INFLUXDB_USER,
    PENDING,
    DockerState,
)
from multimeter.visualization.errors import ForeignDataError, VisualizationError
from multimeter.visualization.examples import EXAMPLE, example_lines
from multimeter.visualization.report import Reporter

__all__ = [
    "Deadline",
    "Servers",
    "example_flux",
    "require_all",
    "runs_flux",
    "runs_of",
    "set_up",
    "wait_for_answers",
]

_POLL_SECONDS = 0.02
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Servers:
    """The running parts of a stack: its containers, and clients of the servers in them.

    Attributes:
        containers: The containers by service; an existing InfluxDB has none.
        influxdb: The client of InfluxDB.
        grafana: The client of Grafana.
    """

    containers: Mapping[str, ContainerResource]
    influxdb: InfluxDBApi
    grafana: Grafana

    @classmethod
    def of(
        cls,
        config: StackConfig,
        state: DockerState,
        containers: Mapping[str, ContainerResource],
    ) -> Servers:
        """Return the servers of a stack, which need not be running yet."""
        spec = config.spec
        return cls(
            containers,
            InfluxDBApi(config.url, use_proxy=bool(spec.influxdb_url)),
            Grafana(f"http://{HOST}:{spec.grafana_port}", state.grafana_password),
        )

    def runs(self, config: StackConfig) -> Sequence[Run]:
        """Return the runs, newest first.

        Raises:
            VisualizationError: InfluxDB is not running.
            StorageError: It does not answer.
        """
        if INFLUXDB in self.containers:
            self.containers[INFLUXDB].require_running()
        query = runs_flux(config)
        return runs_of(self.influxdb.query(config.read_token, config.org, query))


class Deadline:
    """The time by which everything must be ready.

    Args:
        seconds: The time left, in seconds.
        clock: Returns the time in seconds.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + seconds

    def wait(
        self, what: str, is_so: Callable[[], bool], failure: Callable[[], str]
    ) -> None:
        """Wait until a condition holds.

        Args:
            what: The condition, to complete "It took longer than 120 s until ...".
            is_so: Whether it holds.
            failure: Returns why it will never hold, or an empty string; called regularly.

        Raises:
            VisualizationError: It will never hold, or did not hold in time.
        """
        next_look = self._clock() + _LOOK_SECONDS
        while not is_so():
            now = self._clock()
            if now >= next_look or now >= self._end:
                next_look = now + _LOOK_SECONDS
                self._raise_for(what, failure(), late=now >= self._end)
            self._sleep(_POLL_SECONDS)

    def _raise_for(self, what: str, failure: str, *, late: bool) -> None:
        if failure:
            raise VisualizationError(
                failure,
                cause="The image is damaged or not the expected one, or the disk or"
                " the memory is full.",
                next_step="Fix the cause named there, then try again.",
            )
        if late:
            raise VisualizationError(
                f"It took longer than {self._seconds:.0f} s until {what}.",
                cause="The machine is busy, or its ports cannot be reached.",
                next_step="multimeter-visu doctor; or allow more time with --timeout",
            )


def wait_for_answers(servers: Servers, timeout: float) -> None:
    """Wait until all servers of the stack answer.

    Args:
        servers: The running servers.
        timeout: The maximum wait, in seconds.

    Raises:
        VisualizationError: One failed, or did not answer in time.
    """
    deadline = Deadline(timeout)
    checks = {INFLUXDB: servers.influxdb.is_up, GRAFANA: servers.grafana.is_up}
    for service, container in servers.containers.items():
        what = f"{TITLES[service]} answered"
        deadline.wait(what, checks[service], container.failure)


def set_up(
    config: StackConfig, state: DockerState, servers: Servers, report: Reporter
) -> tuple[StackConfig, Run | None]:
    """Set up InfluxDB, load the example, and have Grafana show it.

    While InfluxDB is set up, Grafana is starting.

    Args:
        config: The configuration of the stack.
        state: The state of its install.
        servers: The running servers.
        report: Receives the progress.

    Returns:
        The configuration with its tokens, and the example run; None for an existing
        InfluxDB.

    Raises:
        VisualizationError: A server failed, or does not answer as expected.
    """
    spec, run = config.spec, None
    deadline = Deadline(spec.timeout)
    if not spec.influxdb_url:
        with report.step("Set up InfluxDB"):
            config = _set_up_influxdb(config, state, servers, deadline)
            # Only the token: a partly written data source makes Grafana exit.
            servers.containers[GRAFANA].put([token_file(config.read_token)])
        with report.step("Load the example"):
            run = _load_example(config, servers)
    with report.step("Set up Grafana"):
        _set_up_grafana(config, servers, deadline)
    return config, run


def _set_up_influxdb(
    config: StackConfig, state: DockerState, servers: Servers, deadline: Deadline
) -> StackConfig:
    influxdb, container = servers.influxdb, servers.containers[INFLUXDB]
    deadline.wait("InfluxDB answered", influxdb.is_up, container.failure)
    bucket = _bucket(config, state, servers)

    def token(action: str, before: str) -> str:
        if before != PENDING and influxdb.accepts(before):
            return before
        description = f"multimeter: {action}"
        return influxdb.authorize(state.operator_token, action, bucket, description)

    return dataclasses.replace(
        config,
        token=token("write", config.token),
        read_token=token("read", config.read_token),
    )


def _bucket(config: StackConfig, state: DockerState, servers: Servers) -> BucketIds:
    influxdb, operator = servers.influxdb, state.operator_token
    if influxdb.can_be_set_up():
        return influxdb.set_up(
            INFLUXDB_USER, state.influxdb_password, config.org, config.bucket, operator
        )
    where = servers.containers[INFLUXDB].wanted.mount.source
    if not influxdb.accepts(operator):
        # Grafana's data was made at the same time, and needs the old secrets too.
        raise ForeignDataError(
            f"There is data in {where} already, and it was set up with other secrets.",
            cause="It is from an earlier stack of this name, or from another program.",
            next_step="Choose another name with --name. Or, if that data is not needed,"
            f" remove it: {_removal(servers.containers.values())}",
        )
    bucket = influxdb.find_bucket(operator, config.org, config.bucket)
    if bucket is None:
        raise VisualizationError(
            f"The data in {where} has no bucket '{config.bucket}' of '{config.org}'.",
            next_step="Install with the names that it had: -o ORG -b BUCKET",
        )
    return bucket


def _removal(containers: Iterable[ContainerResource]) -> str:
    """Return the shell command that removes the data of some containers."""
    mounts = [each.wanted.mount for each in containers]
    command = "rm -r" if mounts[0].is_folder else "docker volume rm"
    return " ".join([command, *(each.source for each in mounts)])


def _load_example(config: StackConfig, servers: Servers) -> Run:
    lines, query = example_lines(), example_flux(config)
    write_lines(config, lines)
    points = list(servers.influxdb.query(config.read_token, config.org, query))
    require_all(lines, len(points), "InfluxDB")
    return next(run for run in servers.runs(config) if run["identifier"] == EXAMPLE)


def _set_up_grafana(config: StackConfig, servers: Servers, deadline: Deadline) -> None:
    grafana, container = servers.grafana, servers.containers[GRAFANA]
    deadline.wait("Grafana answered", grafana.is_up, container.failure)
    try:
        grafana.reload_data_sources()
    except ForeignDataError as error:
        # The secrets do open InfluxDB, and are kept.
        raise VisualizationError(
            error.what,
            cause=error.cause,
            next_step="Choose another name with --name. Or, if you do not need what was"
            f" made in Grafana, remove it: {_removal([container])}; it contains no"
            " measurements.",
        ) from error

    def has_dashboard() -> bool:
        return grafana.has_dashboard(RUN_UID)

    deadline.wait("Grafana had its dashboards", has_dashboard, container.failure)
    if config.spec.influxdb_url:
        _require_answer(config, grafana)
        return
    columns = grafana.query(example_flux(config))
    require_all(example_lines(), len(columns[0]) if columns else 0, "Grafana")


def _require_answer(config: StackConfig, grafana: Grafana) -> None:
    try:
        grafana.query(example_flux(config))
    except VisualizationError as error:
        url = data_source_url(config.spec)
        raise VisualizationError(
            f"Grafana cannot read InfluxDB at {url}. {error.what}",
            cause="It is not running; it listens only on 127.0.0.1, where no container"
            " can reach it; or the token may not read the bucket.",
            next_step="Let it listen on the address of the engine's bridge too, or"
            " correct --influxdb-url, --influxdb-token, --org and --bucket.",
        ) from error


def runs_flux(config: StackConfig) -> str:
    """Return the Flux query of the entries of all runs."""
    return (
        f"from(bucket: {flux_text(config.bucket)}) |> {EVER}"
        f' |> filter(fn: (r) => r._measurement == "{RUNS}"'
        " and r._field =~ /^(identifier|start|end)$/)"
    )


def runs_of(entries: Iterable[Record]) -> list[Run]:
    """Return the runs, newest first, from the records of the query of :func:`runs_flux`."""
    newest_first = reversed(merged_entries(entries))
    empty = {"identifier": "", "start": None, "end": None}
    return [{**empty, **each.fields} for each in newest_first]


def example_flux(config: StackConfig) -> str:
    """Return the Flux query of the points of one measure of the example."""
    return (
        f"from(bucket: {flux_text(config.bucket)}) |> {EVER}"
        f' |> filter(fn: (r) => r._measurement == "{EXAMPLE}"'
        ' and r._field == "process.cpu_rate_user")'
    )


def require_all(lines: bytes, count: int, where: str) -> None:
    """Check that all points of the example can be read.

    Args:
        lines: The example.
        count: The number of its points that were read.
        where: The server that returned them.

    Raises:
        VisualizationError: Some are missing.
    """
    expected = sum(line.startswith(f"{EXAMPLE},".encode()) for line in lines.splitlines())
    if count < expected:
        raise VisualizationError(
            f"{where} returns {count} of the {expected} points of the example.",
            cause="The server lost them, or has another clock or other limits.",
            next_step="multimeter-visu logs; or choose another image.",
        )
