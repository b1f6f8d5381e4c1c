"""Stacks in a real engine, of stand-in images or of real ones, and nothing left behind.

``MULTIMETER_TEST_INFLUXDB_IMAGE`` and ``MULTIMETER_TEST_GRAFANA_IMAGE`` name real images
that are there; nothing in these tests depends on the stand-ins.
"""

from __future__ import annotations

import os
import pathlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import docker
import pytest
import requests
from fakes.engine_proxy import EngineProxy
from fakes.images import build_stand_in, require_base
from fakes.tool import Tool

from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.errors import EngineError


@dataclass(frozen=True)
class Images:
    influxdb: str
    grafana: str


@pytest.fixture(scope="session")
def engine() -> Docker:
    """The engine of this machine; where there must be one, its lack is a failure."""
    try:
        return Docker.find()
    except EngineError as error:
        if os.environ.get("CI"):
            pytest.fail(f"There must be a Docker engine here. {error}")
        pytest.skip(error.what.splitlines()[0])


@pytest.fixture(scope="session")
def client(engine: Docker) -> Iterator[docker.DockerClient]:
    """The engine by its SDK."""
    client = docker.DockerClient(engine.endpoint.host)
    yield client
    client.close()


@pytest.fixture(scope="session")
def images(client: docker.DockerClient) -> Images:
    require_base(client)  # some tests make containers of it, whatever the stack's are
    names = {}
    for service in ("influxdb", "grafana"):
        real = os.environ.get(f"MULTIMETER_TEST_{service.upper()}_IMAGE")
        names[service] = real or build_stand_in(client, service)
    return Images(**names)


@dataclass
class DockerTool(Tool):
    """The tool with an engine."""

    client: docker.DockerClient = field(kw_only=True)
    images: Images = field(kw_only=True)
    name: str = field(default_factory=lambda: f"mm-test-{secrets.token_hex(4)}")

    @property
    def folder(self) -> pathlib.Path:
        return self.home / ".multimeter"

    @property
    def config_file(self) -> pathlib.Path:
        return self.folder / f"{self.name}.config.json"

    def words(self, *words: str) -> list[str]:
        return [*super().words(*words), "--name", self.name]

    def install_words(self, *words: str) -> list[str]:
        return [
            "install",
            *("--engine", "docker", "--port", "0", "--grafana-port", "0"),
            *("--influxdb-image", self.images.influxdb),
            *("--grafana-image", self.images.grafana),
            *words,
        ]

    def install(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(*self.install_words(*words))

    def installed(self, *words: str) -> DockerTool:
        done = self.install(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def containers(self) -> dict[str, Any]:
        """Return the stack's containers by their services."""
        found = self.client.containers.list(
            all=True, filters={"label": f"org.multimeter.stack={self.name}"}
        )
        return {each.name.rpartition("-")[2]: each for each in found}

    def grafana(self, method: str, path: str, **more: Any) -> requests.Response:
        """Ask Grafana as its administrator."""
        secrets_ = self.config["engine_state"]
        more.setdefault("auth", ("admin", secrets_["grafana_password"]))
        return requests.request(method, self.config["page"] + path, timeout=30, **more)

    def influxdb(
        self, method: str, path: str, token: str = "", **more: Any
    ) -> requests.Response:
        """Ask InfluxDB with the write token, or another one."""
        headers = {"Authorization": f"Token {token or self.config['token']}"}
        params = {"org": self.config["org"], **more.pop("params", {})}
        url = self.config["url"] + path
        return requests.request(
            method, url, headers=headers, params=params, timeout=30, **more
        )

    def values(self, measurement: str, field: str = "process.cpu_rate_user") -> list[Any]:
        """Return the values of a field, asked through Grafana."""
        flux = (
            f'from(bucket: "{self.config["bucket"]}")'
            " |> range(start: time(v: 0), stop: 2200-01-01T00:00:00Z)"
            f' |> filter(fn: (r) => r._measurement == "{measurement}"'
            f' and r._field == "{field}")'
        )
        source = {"uid": "multimeter-influxdb", "type": "influxdb"}
        query = {"refId": "A", "datasource": source, "query": flux}
        query |= {"intervalMs": 1000, "maxDataPoints": 10_000}
        body = {"queries": [query], "from": "0", "to": "1"}
        answer = self.grafana("POST", "/api/ds/query", json=body)
        assert answer.status_code == 200, answer.text
        frames = answer.json()["results"]["A"].get("frames") or []
        return list(frames[0]["data"]["values"][1]) if frames else []

    def clean_up(self) -> None:
        """Remove all that carries the name of the stack, whatever happened."""
        label = {"label": f"org.multimeter.stack={self.name}"}
        for container in self.client.containers.list(all=True, filters=label):
            container.remove(force=True, v=True)
        for network in self.client.networks.list(filters=label):
            network.remove()
        for volume in self.client.volumes.list(filters=label):
            volume.remove(force=True)


@dataclass(frozen=True)
class Leftovers:
    """All that an engine and a home folder hold."""

    containers: frozenset[str]
    volumes: frozenset[str]
    networks: frozenset[str]
    files: frozenset[str]


@pytest.fixture
def tool(
    tmp_path: pathlib.Path, client: docker.DockerClient, images: Images, engine: Docker
) -> Iterator[DockerTool]:
    """The tool, with nothing installed; whatever it leaves is removed in the end."""
    home = tmp_path / "home"
    home.mkdir()
    tool = DockerTool(home, engine.endpoint.host, client=client, images=images)
    yield tool
    tool.clean_up()


@pytest.fixture
def stack(tool: DockerTool) -> DockerTool:
    """An installed stack that runs, for one test."""
    return tool.installed()


@pytest.fixture(scope="module")
def shared_stack(
    tmp_path_factory: pytest.TempPathFactory,
    client: docker.DockerClient,
    images: Images,
    engine: Docker,
) -> Iterator[DockerTool]:
    """An installed stack that runs, for all tests of a file: they only add to it."""
    home = tmp_path_factory.mktemp("home")
    tool = DockerTool(home, engine.endpoint.host, client=client, images=images)
    try:
        yield tool.installed()
    finally:
        tool.clean_up()


@pytest.fixture
def leftovers(tool: DockerTool) -> Any:
    """Return what there is now in the engine and in the home folder."""

    def look() -> Leftovers:
        client = tool.client
        return Leftovers(
            frozenset(each.name for each in client.containers.list(all=True)),
            frozenset(each.name for each in client.volumes.list()),
            frozenset(each.name for each in client.networks.list()),
            frozenset(str(each) for each in tool.home.rglob("*")),
        )

    return look


@pytest.fixture
def proxy(tool: DockerTool, tmp_path: pathlib.Path) -> Iterator[EngineProxy]:
    """A proxy in front of the engine, which the tool uses instead."""
    proxy = EngineProxy(tool.host, tmp_path)
    tool.host = proxy.host
    yield proxy
    proxy.close()
