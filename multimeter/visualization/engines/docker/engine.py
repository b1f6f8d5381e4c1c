"""The docker engine: InfluxDB and Grafana in two containers."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from multimeter.lines.protocol import portable_measurement
from multimeter.visualization.config import StackConfig
from multimeter.visualization.dashboards.grafana import RUN_UID, RUNS_UID
from multimeter.visualization.dashboards.user_defined import UserDashboard
from multimeter.visualization.engines.base import Links, Run, way_out_of_taken_port
from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.engines.docker.container import ContainerResource
from multimeter.visualization.engines.docker.resources import managed_resources
from multimeter.visualization.engines.docker.set_up import (
    Servers,
    set_up,
    wait_for_answers,
)
from multimeter.visualization.engines.docker.spec import Container
from multimeter.visualization.engines.docker.state import (
    GRAFANA_USER,
    INFLUXDB_USER,
    DockerState,
)
from multimeter.visualization.errors import PortTakenError
from multimeter.visualization.invocation import command_of
from multimeter.visualization.plan import Action, Resource, State, Step
from multimeter.visualization.ports import owner_of
from multimeter.visualization.report import Check, Reporter

__all__ = ["DockerEngine"]


class DockerEngine:
    """The stack that one configuration describes.

    Args:
        config_file: The configuration.
        config: The content of the configuration.
        dashboards: User-defined dashboards.

    Raises:
        EngineError: The container engine does not answer.
        TypeError: The configuration lacks a field.
    """

    def __init__(
        self,
        config_file: pathlib.Path,
        config: StackConfig,
        dashboards: Sequence[UserDashboard] = (),
    ) -> None:
        self.config_file = config_file
        self.config = config
        self._spec = config.spec
        self._state = DockerState.from_state(config.engine_state)
        self._docker = Docker(self._state.endpoint, self._spec.timeout)
        resources = managed_resources(config, self._state, self._docker, dashboards)
        self._resources = {each.resource: each for each in resources}
        self._containers = {
            each.wanted.service: each
            for each in self._resources.values()
            if isinstance(each, ContainerResource)
        }
        self._servers = Servers.of(config, self._state, self._containers)

    @property
    def data_needs_secrets(self) -> bool:
        """Always true: InfluxDB opens the data with our tokens only."""
        return True

    def observe(self) -> Mapping[Resource, State]:
        """Return the state of each image, network, volume and container."""
        return {plain: managed.state() for plain, managed in self._resources.items()}

    def obstacle(self, step: Step) -> str:
        """Return why an image cannot be pulled."""
        name = step.resource.name
        if step.action is not Action.FETCH or not (
            reason := self._docker.why_not_pulled(name)
        ):
            return ""
        return f"The image {name} is not present and cannot be pulled ({reason})."

    def apply(self, step: Step, report: Reporter) -> None:
        """Apply one step."""
        resource = self._resources[step.resource]
        match step.action:
            case Action.FETCH | Action.CREATE:
                resource.create(report)
            case Action.RECREATE:
                resource.remove()
                resource.create(report)
            case Action.REMOVE:
                resource.remove()
            case Action.START if isinstance(resource, ContainerResource):
                self._start(resource)
            case Action.STOP if isinstance(resource, ContainerResource):
                resource.stop()

    def _start(self, container: ContainerResource) -> None:
        port = container.wanted.port
        try:
            container.start()
        except PortTakenError as error:
            error.port = port
            if self._docker.is_local:
                owner = owner_of(port)
                error.cause = f"Port {port} is taken by {owner}."
            if not self.config.installing:
                error.next_step = way_out_of_taken_port(self.config_file, self.config)
            raise

    def finish(self, report: Reporter) -> Run | None:
        """Set up InfluxDB and Grafana, and load the example."""
        self.config, run = set_up(self.config, self._state, self._servers, report)
        return run

    def wait(self, report: Reporter) -> None:
        """Wait until both servers answer."""
        with report.step("Wait until they answer"):
            wait_for_answers(self._servers, self._spec.timeout)

    def runs(self) -> Sequence[Run]:
        """Return the runs, newest first."""
        return self._servers.runs(self.config)

    def _page_of(self, run: Run | None) -> str:
        """Return the URL of a run's dashboard, from first to last point, or of the list."""
        if run is None:
            return f"{self.config.page}/d/{RUNS_UID}/runs"
        view = {"var-measurementId": portable_measurement(run["identifier"])}
        if run["start"] is None:
            # The run has no points yet: follow it.
            view |= {"from": "now-1m", "to": "now", "refresh": "5s"}
        else:
            # Rounded outwards to whole milliseconds, to include every point.
            view |= {"from": run["start"] // 1_000_000, "to": -(-run["end"] // 1_000_000)}
        query = urlencode(view, quote_via=quote)
        return f"{self.config.page}/d/{RUN_UID}/multimeter?{query}"

    def links(self, run: Run | None) -> Links:
        """Return the links to the dashboard."""
        password = command_of("credentials", self.config_file, self.config.name)
        hint = f"Log in as {GRAFANA_USER}; the password: {password}"
        return Links(self._page_of(run), "", "" if self._spec.anonymous else hint)

    def left(self) -> list[pathlib.Path]:
        """Return the files in the folder around the data, which was removed before."""
        folder = self._spec.directory
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return sorted(pathlib.Path(folder).iterdir()) if folder else []
        return []

    def details(self) -> Mapping[str, Any]:
        """Return the address of the engine and the status of each container."""
        about = self._docker.about()
        where = f"{about.name} {about.version} at {self._docker.endpoint.host}"
        wanted = [each.wanted for each in self._containers.values()]
        return {
            "docker": where,
            **{each.service: self._describe(each) for each in wanted},
            "data": ", ".join(each.mount.source for each in wanted),
        }

    def _describe(self, wanted: Container) -> str:
        container = self._docker.container(wanted.name)
        if container is None:
            return "absent"
        return f"{container.status}, {container.image}, {', '.join(container.addresses)}"

    def services(self) -> list[str]:
        """Return the services of the containers."""
        return list(self._containers)

    def logs(self, service: str, lines: int, *, follow: bool) -> Iterator[str]:
        """Return the last lines of a container's log, and with ``follow`` new ones."""
        return self._docker.logs(
            self._containers[service].wanted.name, lines, follow=follow
        )

    def diagnose(self) -> Iterator[Check]:
        """Check the engine, the containers, the tokens and the data source."""
        from multimeter.visualization.engines.docker.doctor import diagnose

        start = command_of("start", self.config_file, self.config.name)
        return diagnose(self.config, self._docker, self._servers, start=start)

    def credentials(self) -> Mapping[str, str]:
        """Return the logins and the tokens."""
        logins = {
            "Grafana": self.config.page,
            "Grafana user": GRAFANA_USER,
            "Grafana password": self._state.grafana_password,
            "InfluxDB": self.config.url,
        }
        if not self._spec.influxdb_url:
            logins |= {
                "InfluxDB user": INFLUXDB_USER,
                "InfluxDB password": self._state.influxdb_password,
                "operator token": self._state.operator_token,
            }
        tokens = {
            "write token": self.config.token,
            "read token": self.config.read_token,
        }
        return logins | tokens
