"""The docker engine: InfluxDB and Grafana in two containers, side by side."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from multimeter.lines.protocol import portable_measurement
from multimeter.visualization.config import StackConfig
from multimeter.visualization.dashboards.grafana import RUN_UID, RUNS_UID
from multimeter.visualization.dashboards.own import OwnDashboard
from multimeter.visualization.embedded.ports import owner_of
from multimeter.visualization.engines.base import Links, Run, way_out_of_taken_port
from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.engines.docker.data import (
    example_flux,
    require_all,
    runs_flux,
    runs_of,
)
from multimeter.visualization.engines.docker.grafana import Grafana
from multimeter.visualization.engines.docker.influxdb import InfluxDB, Place
from multimeter.visualization.engines.docker.inspection import Endpoint
from multimeter.visualization.engines.docker.provisioning import (
    File,
    dashboard_files,
    data_source_files,
    digest,
    password_file,
)
from multimeter.visualization.engines.docker.readiness import Deadline
from multimeter.visualization.engines.docker.settings import (
    GRAFANA_USER,
    INFLUXDB_USER,
    PENDING,
    Settings,
)
from multimeter.visualization.engines.docker.spec import (
    GRAFANA,
    HOST,
    INFLUXDB,
    Container,
    data_source_url,
    desired_containers,
    network_name,
)
from multimeter.visualization.engines.resources import (
    ContainerPart,
    FolderPart,
    ImagePart,
    NetworkPart,
    Owner,
    Part,
    VolumePart,
)
from multimeter.visualization.errors import (
    ForeignDataError,
    PortTakenError,
    VisualizationError,
)
from multimeter.visualization.examples.load import EXAMPLE, example_lines
from multimeter.visualization.invocation import command_of
from multimeter.visualization.plan import Action, Resource, State, Step
from multimeter.visualization.report import Check, Reporter

__all__ = ["DockerEngine"]

_TITLES = {INFLUXDB: "InfluxDB", GRAFANA: "Grafana"}


class DockerEngine:
    """The stack that one configuration describes.

    Args:
        config_file: The configuration.
        config: What it says.
        dashboards: Dashboards that somebody has made.

    Raises:
        EngineError: The engine on which it is does not answer.
    """

    def __init__(
        self,
        config_file: pathlib.Path,
        config: StackConfig,
        dashboards: Sequence[OwnDashboard] = (),
    ) -> None:
        self._config_file = config_file
        self._config = config
        self._dashboards = dashboards
        self._settings = Settings.from_state(config.engine_state)
        endpoint = Endpoint(**self._settings.endpoint)
        self._docker = Docker(endpoint, self._settings.timeout)
        self._containers = {part.wanted.service: part for part in self._container_parts()}
        self._parts = {part.resource: part for part in self._all_parts()}

    @property
    def data_needs_secrets(self) -> bool:
        """Whether there is data at all: InfluxDB opens it with our tokens only."""
        return True

    # The parts

    def _container_parts(self) -> Iterator[ContainerPart]:
        # Grafana starts beside InfluxDB: while it does, the token of its data source is
        # put into its file, and then the data source is read again.
        files = [*dashboard_files(self._dashboards), *self._data_source(self._config)]
        secret = password_file(self._settings.grafana_password)
        network = network_name(self._config.name)
        for wanted in desired_containers(self._config.name, self._settings, digest(files)):
            kind = f"{_TITLES[wanted.service]} container"
            yield ContainerPart(
                Resource(kind, wanted.name, runs=True, configuration=wanted.configuration),
                wanted,
                self._docker,
                self._owner,
                network,
                [*files, secret] if wanted.service == GRAFANA else (),
            )

    def _data_source(self, config: StackConfig) -> list[File]:
        url = data_source_url(self._settings)
        return data_source_files(url, config.org, config.bucket, config.read_token)

    @property
    def _owner(self) -> Owner:
        return Owner(self._config.name, self._settings.id, self._settings.adopted)

    def _all_parts(self) -> Iterator[Part]:
        """Yield the parts in the order in which they need each other."""
        for part in self._containers.values():
            title = _TITLES[part.wanted.service]
            image = Resource(f"{title} image", part.wanted.image, shared=True)
            yield ImagePart(image, self._docker)
        network = Resource("network", network_name(self._config.name))
        yield NetworkPart(network, self._docker, self._owner)
        for part in self._containers.values():
            yield self._store_part(part)
        yield from self._containers.values()

    def _store_part(self, part: ContainerPart) -> Part:
        mount, title = part.wanted.mount, _TITLES[part.wanted.service]
        if mount.is_folder:
            folder = Resource(f"{title} folder", mount.source, holds_data=True)
            made = [pathlib.Path(each) for each in self._settings.made_folders]
            image = part.wanted.image
            return FolderPart(folder, self._docker, self._owner, image, made)
        volume = Resource(f"{title} volume", mount.source, holds_data=True)
        return VolumePart(volume, self._docker, self._owner)

    def observe(self) -> Mapping[Resource, State]:
        """Return the state of each image, network, volume and container."""
        return {resource: part.state() for resource, part in self._parts.items()}

    def obstacle(self, step: Step) -> str:
        """Return why an image cannot be fetched."""
        name = step.resource.name
        if step.action is not Action.FETCH or not (
            reason := self._docker.why_not_pulled(name)
        ):
            return ""
        return f"The image {name} is not here and cannot be pulled ({reason})."

    def apply(self, step: Step, report: Reporter) -> None:
        """Do one step."""
        part = self._parts[step.resource]
        match step.action:
            case Action.FETCH | Action.CREATE:
                part.create(report)
            case Action.RECREATE:
                part.remove()
                part.create(report)
            case Action.REMOVE:
                part.remove()
            case Action.START if isinstance(part, ContainerPart):
                self._start(part)
            case Action.STOP if isinstance(part, ContainerPart):
                part.stop()

    def _start(self, part: ContainerPart) -> None:
        try:
            part.start()
        except PortTakenError as error:
            error.port = part.wanted.port
            if self._docker.is_local:
                owner = owner_of(part.wanted.port)
                error.cause = f"Port {part.wanted.port} is taken by {owner}."
            if not self._config.installing:
                error.next_step = way_out_of_taken_port(self._config_file, self._config)
            raise

    # Set-up

    def finish(
        self, config: StackConfig, report: Reporter
    ) -> tuple[StackConfig, Run | None]:
        """Set up InfluxDB, load the example, and have Grafana show it.

        While InfluxDB is set up, Grafana is on its way up.
        """
        deadline = Deadline(self._settings.timeout)
        run = None
        if not self._settings.influxdb_url:
            with report.step("Set up InfluxDB"):
                config = self._set_up_influxdb(config, deadline)
                # The token alone: of a data source that is half written Grafana dies.
                files = [each for each in self._data_source(config) if each.secret]
                self._containers[GRAFANA].put(files)
            with report.step("Load the example"):
                run = self._load_example(config)
        with report.step("Set up Grafana"):
            self._set_up_grafana(config, deadline)
        return config, run

    def _set_up_influxdb(self, config: StackConfig, deadline: Deadline) -> StackConfig:
        trouble = self._containers[INFLUXDB].trouble
        deadline.wait("InfluxDB answered", self._influxdb.is_up, trouble)
        place = self._place(config)

        def token(action: str, before: str) -> str:
            if before != PENDING and self._influxdb.knows(before):
                return before
            operator = self._settings.operator_token
            return self._influxdb.authorize(
                operator, action, place, f"multimeter: {action}"
            )

        return dataclasses.replace(
            config,
            token=token("write", config.token),
            read_token=token("read", config.read_token),
        )

    def _place(self, config: StackConfig) -> Place:
        settings = self._settings
        operator = settings.operator_token
        if self._influxdb.can_be_set_up():
            password = settings.influxdb_password
            return self._influxdb.set_up(
                INFLUXDB_USER, password, config.org, config.bucket, operator
            )
        where = self._containers[INFLUXDB].wanted.mount.source
        if not self._influxdb.knows(operator):
            raise self._foreign_data_error()
        place = self._influxdb.place(operator, config.org, config.bucket)
        if place is None:
            raise VisualizationError(
                f"The data in {where} has no bucket '{config.bucket}' of '{config.org}'.",
                next_step="Install with the names that it had: -o ORG -b BUCKET",
            )
        return place

    def _foreign_data_error(self) -> ForeignDataError:
        """Return the error that InfluxDB's data does not open.

        Grafana's was made with it, and does not open either: both are named.
        """
        where = self._containers[INFLUXDB].wanted.mount.source
        return ForeignDataError(
            f"There is data in {where} already, and it was set up with other secrets.",
            cause="An earlier stack of this name left it, or another program made it.",
            next_step="Choose another name with --name. Or, if nobody needs that data,"
            f" remove it: {_removal(self._containers.values())}",
        )

    def _load_example(self, config: StackConfig) -> Run:
        lines = example_lines()
        self._influxdb.write(config.token, config.org, config.bucket, lines)
        rows = self._influxdb.query(config.read_token, config.org, example_flux(config))
        require_all(lines, len(rows), "InfluxDB")
        return next(run for run in self.runs(config) if run["identifier"] == EXAMPLE)

    def _set_up_grafana(self, config: StackConfig, deadline: Deadline) -> None:
        part = self._containers[GRAFANA]
        deadline.wait("Grafana answered", self._grafana.is_up, part.trouble)
        try:
            self._grafana.reload_data_sources()
        except ForeignDataError as error:
            # The secrets open InfluxDB all the same, and are kept.
            raise VisualizationError(
                error.what,
                cause=error.cause,
                next_step="Choose another name with --name. Or, if nobody needs what was"
                f" made in Grafana, remove it: {_removal([part])}; it holds no"
                " measurements.",
            ) from error

        def has_dashboard() -> bool:
            return self._grafana.has_dashboard(RUN_UID)

        deadline.wait("Grafana had its dashboards", has_dashboard, part.trouble)
        if self._settings.influxdb_url:
            self._require_answer(config)
            return
        columns = self._grafana.query(example_flux(config))
        require_all(example_lines(), len(columns[0]) if columns else 0, "Grafana")

    def _require_answer(self, config: StackConfig) -> None:
        try:
            self._grafana.query(example_flux(config))
        except VisualizationError as error:
            url = data_source_url(self._settings)
            raise VisualizationError(
                f"Grafana cannot read InfluxDB at {url}. {error.what}",
                cause="It is not there; it listens on 127.0.0.1 only, where no container"
                " can reach it; or the token may not read the bucket.",
                next_step="Let it listen on the address of the engine's bridge too, or"
                " mend --influxdb-url, --influxdb-token, --org and --bucket.",
            ) from error

    def wait(self, report: Reporter) -> None:
        """Return when both answer."""
        deadline = Deadline(self._settings.timeout)
        servers = {INFLUXDB: self._influxdb.is_up, GRAFANA: self._grafana.is_up}
        with report.step("Wait until they answer"):
            for service, part in self._containers.items():
                what = f"{_TITLES[service]} answered"
                deadline.wait(what, servers[service], part.trouble)

    @cached_property
    def _influxdb(self) -> InfluxDB:
        return InfluxDB(self._config.url, local=not self._settings.influxdb_url)

    @cached_property
    def _grafana(self) -> Grafana:
        url = f"http://{HOST}:{self._settings.grafana_port}"
        return Grafana(url, self._settings.grafana_password)

    # What there is to see

    def runs(self, config: StackConfig) -> Sequence[Run]:
        """Return the runs, newest first."""
        if INFLUXDB in self._containers:
            self._containers[INFLUXDB].require_running()
        rows = self._influxdb.query(config.read_token, config.org, runs_flux(config))
        return runs_of(rows)

    def page_of(self, config: StackConfig, run: Run | None) -> str:
        """Return the dashboard of a run, from its first to its last point, or of all."""
        if run is None:
            return f"{config.page}/d/{RUNS_UID}/runs"
        view = {"var-measurementId": portable_measurement(run["identifier"])}
        if run["start"] is None:
            # It is still to come: then it is followed.
            view |= {"from": "now-1m", "to": "now", "refresh": "5s"}
        else:
            # Outwards to whole milliseconds, so that no point is cut off.
            view |= {"from": run["start"] // 1_000_000, "to": -(-run["end"] // 1_000_000)}
        query = urlencode(view, quote_via=quote)
        return f"{config.page}/d/{RUN_UID}/multimeter?{query}"

    def links(self, config: StackConfig, run: Run | None) -> Links:
        """Return the links to the dashboard."""
        password = command_of("credentials", self._config_file, config.name)
        hint = f"Log in as {GRAFANA_USER}; the password: {password}"
        if self._settings.anonymous:
            hint = ""
        return Links(self.page_of(config, run), "", hint)

    def left(self) -> list[pathlib.Path]:
        """Return what is in the folder around the data; the data is removed before."""
        folder = self._settings.directory
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return sorted(pathlib.Path(folder).iterdir()) if folder else []
        return []

    def details(self) -> Mapping[str, Any]:
        """Return where the engine is, and how its parts are."""
        about = self._docker.about()
        shown = {"docker": f"{about.name} {about.version} at {self._docker.endpoint.host}"}
        for part in self._containers.values():
            shown[part.wanted.service] = self._describe(part.wanted)
        shown["data"] = ", ".join(
            part.wanted.mount.source for part in self._containers.values()
        )
        return shown

    def _describe(self, wanted: Container) -> str:
        found = self._docker.container(wanted.name)
        if found is None:
            return "absent"
        return f"{found.status}, {found.image}, {', '.join(found.addresses)}"

    def services(self) -> list[str]:
        """Return the names of the containers' services."""
        return list(self._containers)

    def logs(self, service: str, lines: int, *, follow: bool) -> Iterator[str]:
        """Return the last lines that a container printed, and those to come."""
        return self._docker.logs(
            self._containers[service].wanted.name, lines, follow=follow
        )

    def diagnose(self, config: StackConfig) -> Iterator[Check]:
        """Look at the engine, the containers, the tokens and the data source."""
        from multimeter.visualization.engines.docker.doctor import diagnose

        return diagnose(
            config,
            self._settings,
            self._docker,
            list(self._containers.values()),
            self._influxdb,
            self._grafana,
            start=command_of("start", self._config_file, config.name),
        )

    def credentials(self, config: StackConfig) -> Mapping[str, str]:
        """Return the logins and the tokens."""
        shown = {
            "Grafana": config.page,
            "Grafana user": GRAFANA_USER,
            "Grafana password": self._settings.grafana_password,
            "InfluxDB": config.url,
        }
        if not self._settings.influxdb_url:
            shown |= {
                "InfluxDB user": INFLUXDB_USER,
                "InfluxDB password": self._settings.influxdb_password,
                "operator token": self._settings.operator_token,
            }
        return {**shown, "write token": config.token, "read token": config.read_token}


def _removal(parts: Iterable[ContainerPart]) -> str:
    """Return the command that removes the data of some containers."""
    mounts = [part.wanted.mount for part in parts]
    command = "rm -r" if mounts[0].is_folder else "docker volume rm"
    return " ".join([command, *(each.source for each in mounts)])
