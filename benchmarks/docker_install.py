"""``multimeter-visu install --engine docker`` beside what it cannot do without.

The images must be there: the defaults, or those that ``MULTIMETER_TEST_INFLUXDB_IMAGE``
and ``MULTIMETER_TEST_GRAFANA_IMAGE`` name.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import docker
import requests
from comparison import Row, Target, compare
from options import Options

from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.errors import EngineError
from multimeter.visualization.stack_spec import StackSpec

__all__ = ["rows"]

_ROUNDS = 5
_HOST = "127.0.0.1"
_FIXED_WAIT_SECONDS = 5.0
_SERVERS = {"influxdb": ("8086/tcp", "/health"), "grafana": ("3000/tcp", "/api/health")}
_FOLDERS = {"influxdb": "/var/lib/influxdb2", "grafana": "/var/lib/grafana"}


def rows(_: Options) -> Iterator[Row]:
    """Yield how long an install takes, beside bare containers and beside waiting."""
    try:
        engine = Docker.find()
    except EngineError as error:
        print(f"docker_install: {error.what.splitlines()[0]}", file=sys.stderr)
        return
    images = _images()
    missing = [each for each in images.values() if engine.image(each) is None]
    if missing:
        print(f"docker_install: {' and '.join(missing)} not here", file=sys.stderr)
        return
    with contextlib.closing(docker.DockerClient(engine.endpoint.host)) as client:
        bare = _Bare(client, images)

        def install() -> float:
            return _install_seconds(images, engine.endpoint.host)

        found = compare(install, bare.side_by_side_seconds, _ROUNDS)
        yield Row(
            "docker install, images local, to both healthy with data",
            "s",
            found.ours,
            found.peer,
            "the same two containers, bare, to both healthy",
            found.ratio,
            Target(1.5),
        )
        found = compare(install, bare.one_after_the_other_seconds, _ROUNDS // 2)
        yield Row(
            "docker install, images local, to both healthy with data",
            "s",
            found.ours,
            found.peer,
            "start one, wait 5 s, exec, start the other",
            found.ratio,
        )


def _images() -> dict[str, str]:
    named = {"influxdb": StackSpec.influxdb_image, "grafana": StackSpec.grafana_image}
    return {
        service: os.environ.get(f"MULTIMETER_TEST_{service.upper()}_IMAGE") or image
        for service, image in named.items()
    }


def _install_seconds(images: dict[str, str], host: str) -> float:
    """Return what the tool takes, as a process, from its start to its end."""
    name = f"mm-bench-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "DOCKER_HOST": host}
        # Nobody's tool compiles itself anew each time.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        tool = [sys.executable, "-m", "multimeter.visualization"]
        words = ["--engine", "docker", "--port", "0", "--grafana-port", "0"]
        words += ["--influxdb-image", images["influxdb"]]
        words += ["--grafana-image", images["grafana"], "--name", name]
        start = time.perf_counter()
        _run([*tool, "install", *words], environment)
        seconds = time.perf_counter() - start
        _run([*tool, "remove", "--yes", "--name", name], environment)
        assert not list(pathlib.Path(home).iterdir())
    return seconds


def _run(words: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


@dataclass(frozen=True)
class _Bare:
    """The same two containers, without anything in them."""

    client: docker.DockerClient
    images: dict[str, str]

    def side_by_side_seconds(self) -> float:
        """Return how long both take until both answer, started together."""
        with self._scratch() as name:
            start = time.perf_counter()
            self.client.networks.create(name)
            with ThreadPoolExecutor() as pool:
                urls = list(pool.map(lambda each: self._start(each, name), _SERVERS))
            for url in urls:
                _wait(url)
            return time.perf_counter() - start

    def one_after_the_other_seconds(self) -> float:
        """Return how long it takes with a fixed wait, and the set-up by a command."""
        with self._scratch() as name:
            start = time.perf_counter()
            self.client.networks.create(name)
            self._start("influxdb", name)
            time.sleep(_FIXED_WAIT_SECONDS)
            container = self.client.containers.get(f"{name}-influxdb")
            container.exec_run(["true"])
            _wait(self._start("grafana", name))
            return time.perf_counter() - start

    def _start(self, service: str, name: str) -> str:
        inside, path = _SERVERS[service]
        port = _free_port()
        source = f"{name}-{service}"
        self.client.volumes.create(source)
        container = self.client.containers.create(
            self.images[service],
            name=f"{name}-{service}",
            network=name,
            ports={inside: (_HOST, port)},
            volumes={source: {"bind": _FOLDERS[service], "mode": "rw"}},
            environment={"GF_PLUGINS_PREINSTALL_DISABLED": "true"},
        )
        container.start()
        return f"http://{_HOST}:{port}{path}"

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[str]:
        """Give a name, and remove what has been made under it."""
        name = f"mm-bench-{secrets.token_hex(4)}"
        try:
            yield name
        finally:
            for service in _SERVERS:
                with contextlib.suppress(docker.errors.NotFound):
                    container = self.client.containers.get(f"{name}-{service}")
                    container.remove(force=True, v=True)
                with contextlib.suppress(docker.errors.NotFound):
                    self.client.volumes.get(f"{name}-{service}").remove()
            with contextlib.suppress(docker.errors.NotFound):
                self.client.networks.get(name).remove()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:
    while True:
        with contextlib.suppress(requests.RequestException, json.JSONDecodeError):
            if requests.get(url, timeout=2).ok:
                return
        time.sleep(0.02)
