"""The checks of a stack in containers: everything that can go wrong, and its remedy."""

from __future__ import annotations

import pathlib
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence

from multimeter.errors import MultimeterError
from multimeter.http.influxdb import InfluxDBApi
from multimeter.visualization.config import StackConfig
from multimeter.visualization.engines.base import HOST, write_lines
from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.engines.docker.container import ContainerResource
from multimeter.visualization.engines.docker.grafana import Grafana
from multimeter.visualization.engines.docker.set_up import Servers
from multimeter.visualization.plan import State
from multimeter.visualization.ports import choose_port, require_free
from multimeter.visualization.report import Check
from multimeter.visualization.stack_spec import GRAFANA_PORT, WRITE_PORT, StackSpec

__all__ = ["diagnose", "diagnose_before"]

_FIRST_SAFE_VERSION = 28
_LEAST_FREE_BYTES = 2**30
_MOST_CLOCK_SECONDS = 2.0


def diagnose_before(spec: StackSpec, reserved: Mapping[int, str]) -> Iterator[Check]:
    """Check what an install would need, and report the engine that it would choose.

    Args:
        spec: The specification; the engine ``auto`` works without Docker.
        reserved: Ports that must not be chosen, each with its user.
    """
    needed = spec.engine_name == "docker"
    why_not = ""
    docker: Docker | None = None
    if spec.engine_name != "embedded":
        try:
            docker = Docker.find()
            yield from _check_engine(docker)
            for image in (spec.influxdb_image, spec.grafana_image):
                check = _check_image_available(docker, image, needed=needed)
                why_not = why_not or (check.detail if check.ok is not True else "")
                yield check
        except MultimeterError as error:
            why_not = error.what.partition(" Tried:")[0]
            yield Check("docker", False if needed else None, error.what, error.next_step)
    embedded = spec.engine_name == "embedded" or bool(why_not and not needed)
    look = docker is None or docker.is_local
    yield _check_free(spec.port, WRITE_PORT, reserved, look=look)
    if not embedded:
        yield _check_free(spec.grafana_port, GRAFANA_PORT, reserved, look=look)
    if not needed:
        taken = "embedded" if embedded else "docker"
        because = f", as {why_not}" if embedded and why_not else ""
        yield Check("install", True, f"it would use the engine {taken}{because}")


def diagnose(
    config: StackConfig, docker: Docker, servers: Servers, *, start: str
) -> Iterator[Check]:
    """Check an installed stack, in the order of dependency.

    Args:
        config: Its configuration.
        docker: The engine.
        servers: Its containers and servers.
        start: The command that starts it.
    """
    containers = list(servers.containers.values())
    yield from _check_engine(docker)
    yield from _check_disk(docker, config.spec.directory)
    for each in containers:
        yield _check_image(docker, each.wanted.image)
    if all(_is_stopped(each) for each in containers):
        yield Check("stack", None, "it is stopped; all data is there", start)
        if docker.is_local:
            yield from _check_own_ports(containers, start)
        return
    well = True
    for each in containers:
        for check in _check_container(each, start):
            well = well and check.ok is not False
            yield check
    if not well:
        return
    yield _check_answer("InfluxDB", config.url, servers.influxdb.is_up())
    yield _check_answer("Grafana", config.page, servers.grafana.is_up())
    yield from _check_clock(servers.influxdb)
    yield from _check_tokens(config, servers.influxdb)
    yield _check_data_source(config, servers.grafana)


def _check_engine(docker: Docker) -> Iterator[Check]:
    about, where = docker.about(), docker.endpoint
    detail = f"{about.name} {about.version} at {where.host}, by {where.found}"
    yield Check("engine", True, detail)
    major = about.version.partition(".")[0]
    if about.name == "Docker" and major.isdecimal() and int(major) < _FIRST_SAFE_VERSION:
        yield Check(
            "neighbours",
            None,
            f"an engine before version {_FIRST_SAFE_VERSION} lets machines in the same"
            f" network reach ports published on {HOST}",
            f"upgrade Docker to {_FIRST_SAFE_VERSION} or newer, or let a firewall drop"
            " traffic from outside to these ports",
        )
    if not docker.is_local:
        yield Check(
            "place",
            None,
            f"the engine is on another machine; its ports on {HOST} are on that machine",
            "forward them, for example: ssh"
            + "".join(f" -L {each}:{HOST}:{each}" for each in (WRITE_PORT, GRAFANA_PORT)),
        )


def _check_disk(docker: Docker, directory: str) -> Iterator[Check]:
    root = directory or (docker.about().root_directory if docker.is_local else "")
    try:
        free = shutil.disk_usage(pathlib.Path(root or "/nowhere")).free
    except OSError:
        return  # only the engine can access it
    mend = "free some space there; docker system df shows what the engine uses"
    enough = free >= _LEAST_FREE_BYTES
    yield Check("disk", enough, f"{free / 2**30:.1f} GiB free in {root}", mend)


def _check_image(docker: Docker, name: str) -> Check:
    image = docker.image(name)
    if image is None:
        mend = f"docker pull {name}; without a network: docker load -i image.tar"
        return Check("image", False, f"{name} is not present", mend)
    return Check(
        "image", True, f"{name} is present ({image.id.removeprefix('sha256:')[:12]})"
    )


def _check_image_available(docker: Docker, name: str, *, needed: bool) -> Check:
    check = _check_image(docker, name)
    if check.ok:
        return check
    if reason := docker.why_not_pulled(name):
        detail = f"the image {name} is not present and cannot be pulled ({reason})"
        return Check("image", False if needed else None, detail, check.mend)
    return Check("image", True, f"{name} is not present; install pulls it")


def _check_free(
    asked: int | None, usual: int, reserved: Mapping[int, str], *, look: bool
) -> Check:
    choice = choose_port(HOST, asked, usual, reserved, look=look)
    if choice.note:
        return Check("port", None, choice.note)
    try:
        if look:
            require_free(HOST, choice.port)
    except MultimeterError as error:
        return Check("port", False, error.what, error.next_step)
    return Check("port", True, f"{choice.port} is free")


def _check_own_ports(
    containers: Sequence[ContainerResource], start: str
) -> Iterator[Check]:
    """Check whether another program listens on a port of a stopped stack."""
    for each in containers:
        try:
            require_free(HOST, each.wanted.port)
        except MultimeterError as error:
            yield Check("port", False, error.what, f"stop that program, then: {start}")


def _is_stopped(container: ContainerResource) -> bool:
    info = container.docker.container(container.wanted.name)
    return info is not None and info.stopped


def _check_container(container: ContainerResource, start: str) -> Iterator[Check]:
    name = container.wanted.name
    info = container.docker.container(name)
    if info is not None and info.stopped:
        yield Check(
            "container", False, f"{name} is stopped, but the other one is not", start
        )
        return
    if info is not None and info.error:
        detail = f"the engine could not start {name}: {info.error}"
        yield Check("container", False, detail, start)
        return
    if failure := container.failure():
        yield Check("container", False, failure, start)
        return
    if info is None or not info.running:
        yield Check("container", False, f"{name} is not running", start)
        return
    yield Check("container", True, f"{name} is running at {', '.join(info.addresses)}")
    if container.state() is State.OUTDATED:
        detail = f"{name} has settings or dashboards of another version of Multimeter"
        yield Check("outdated", None, detail, f"{start} recreates it, with its data")
    outside = [each for each in info.addresses if not each.startswith(f"{HOST}:")]
    if outside:
        mend = "multimeter-visu stop, then multimeter-visu start"
        yield Check("ports", False, f"{name} can be reached at {outside[0]}", mend)


def _check_answer(name: str, url: str, up: bool) -> Check:  # noqa: FBT001
    if up:
        return Check(name, True, f"it answers at {url}")
    mend = f"multimeter-visu logs {name.lower()}"
    return Check(name, False, f"it does not answer at {url}", mend)


def _check_clock(influxdb: InfluxDBApi) -> Iterator[Check]:
    its_time = influxdb.time()
    if its_time is None:
        return
    off = its_time - time.time()
    mend = "set the clocks by NTP; Docker Desktop: restart it"
    # InfluxDB reports its time in whole seconds.
    if abs(off) <= _MOST_CLOCK_SECONDS:
        yield Check("clock", True, "InfluxDB's clock and this one agree")
    else:
        detail = f"InfluxDB's clock and this one differ by {abs(off):.0f} s"
        yield Check("clock", False, detail, mend)


def _check_tokens(config: StackConfig, influxdb: InfluxDBApi) -> Iterator[Check]:
    mend = "multimeter-visu remove --keep-data, then multimeter-visu install"
    try:
        write_lines(config, b"")
        yield Check("write token", True, f"it may write to '{config.bucket}'")
    except MultimeterError as error:
        yield Check("write token", False, error.what, mend)
    try:
        bucket = influxdb.find_bucket(config.read_token, config.org, config.bucket)
        may_read = f"it may read '{config.bucket}'"
        yield Check("read token", bucket is not None, may_read, mend)
    except MultimeterError as error:
        yield Check("read token", False, error.what, mend)


def _check_data_source(config: StackConfig, grafana: Grafana) -> Check:
    try:
        grafana.query(
            f'from(bucket: "{config.bucket}") |> range(start: -1m) |> limit(n: 1)'
        )
    except MultimeterError as error:
        return Check("data source", False, error.what, "multimeter-visu logs grafana")
    return Check("data source", True, "Grafana reads InfluxDB")
