"""Several stacks, ports, and names that are taken."""

from __future__ import annotations

import contextlib
import os
import socket

import psutil
import pytest
import requests
from fakes.engine_proxy import EngineProxy

from multimeter.visualization import stack as stack_module
from multimeter.visualization.console import Console
from multimeter.visualization.stack_spec import StackSpec


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_stacks_know_nothing_of_each_other(tool):
    first_name = tool.name
    tool.installed()
    first = tool.config
    tool.name = f"{first_name}-b"
    try:
        tool.installed()
        second = tool.config
        assert {first["url"], first["page"]} & {second["url"], second["page"]} == set()
        written = tool.influxdb(
            "POST",
            "/api/v2/write",
            token=first["token"],
            data="a b=1 1",
            params={"bucket": "multimeter"},
        )
        assert written.status_code == 401
        assert tool.run("remove", "--yes").returncode == 0
    finally:
        tool.clean_up()
        tool.name = first_name
    assert tool.values("example")
    assert tool.json("status")["state"] == "running"


def test_ports_are_those_that_were_asked_for_and_on_this_machine_only(tool):
    influxdb, grafana = free_port(), free_port()
    tool.installed("--influxdb-port", str(influxdb), "--grafana-port", str(grafana))
    assert tool.config["url"] == f"http://127.0.0.1:{influxdb}"
    assert tool.config["page"] == f"http://127.0.0.1:{grafana}"
    for container in tool.containers().values():
        for bindings in container.attrs["HostConfig"]["PortBindings"].values():
            assert {each["HostIp"] for each in bindings} == {"127.0.0.1"}
    outside = requests.Session()
    outside.trust_env = False
    for own in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}:
        if own.startswith("127.") or ":" in own:
            continue
        with pytest.raises(requests.ConnectionError):
            outside.get(f"http://{own}:{grafana}/api/health", timeout=3)


@pytest.mark.parametrize("option", ["--influxdb-port", "--grafana-port"])
def test_a_port_that_is_taken_is_noticed_before_anything_is_made(
    tool, proxy, option, leftovers
):
    before = leftovers()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = tool.install(option, str(port))
    assert done.returncode == 252
    assert f"Port {port} is taken by {psutil.Process().name()}" in done.stderr
    assert option in done.stderr
    assert proxy.changes == []
    assert leftovers() == before


@pytest.fixture
def usual_ports_taken():
    with contextlib.ExitStack() as opened:
        for port in (8086, 3000):
            other = opened.enter_context(socket.socket())
            # One that another program has already serves as well.
            with contextlib.suppress(OSError):
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.bind(("127.0.0.1", port))
                other.listen()
        yield


def without_ports(tool):
    return [
        *("install", "--engine", "docker"),
        *("--influxdb-image", tool.images.influxdb),
        *("--grafana-image", tool.images.grafana),
    ]


@pytest.mark.usefixtures("usual_ports_taken")
def test_where_the_usual_ports_are_taken_the_next_free_ones_are_used(tool):
    planned = tool.run(*without_ports(tool), "--plan")
    done = tool.run(*without_ports(tool))
    assert done.returncode == 0, done.stdout + done.stderr
    for port, url in ((8086, tool.config["url"]), (3000, tool.config["page"])):
        (said,) = [each for each in done.stdout.splitlines() if f"Port {port} " in each]
        assert said.endswith(f"; this stack uses {url.rpartition(':')[2]} instead.")
        assert f"Port {port} is taken by" in planned.stdout
    (link,) = [line.strip() for line in done.stdout.splitlines() if "  http://" in line]
    assert link.startswith(f"{tool.config['page']}/d/")
    assert "Log in as admin; the password: " in done.stdout
    assert tool.values("example")
    tool.run("stop")
    started = tool.run("start")
    assert f"  {tool.config['page']}/d/multimeter-runs" in started.stdout
    assert "the password: " in started.stdout
    assert tool.values("example")


def test_a_port_that_is_taken_at_the_last_moment_is_passed_over(tool, images, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", tool.host)
    monkeypatch.setenv("HOME", str(tool.home))
    describe, others = stack_module.describe_stack, []

    def describe_and_lose_the_port(*words):
        config = describe(*words)
        if not others:
            others.append(socket.create_server(("127.0.0.1", port_of(config.page))))
        return config

    monkeypatch.setattr(stack_module, "describe_stack", describe_and_lose_the_port)
    spec = StackSpec(
        name=tool.name,
        engine_name="docker",
        port=0,
        influxdb_image=images.influxdb,
        grafana_image=images.grafana,
    )
    try:
        installed = stack_module.install(tool.config_file, spec, Console())
        taken = others[0].getsockname()[1]
    finally:
        for other in others:
            other.close()
    assert port_of(installed.config.page) > taken
    assert tool.values("example")


def port_of(url):
    return int(url.rpartition(":")[2])


def test_a_port_that_is_taken_after_a_stop_is_told(stack):
    stack.run("stop")
    port = int(stack.config["page"].rpartition(":")[2])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        done = stack.run("start")
    assert done.returncode == 252
    assert f"Port {port} is taken by" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert f"start --name {stack.name}" in done.stderr
    assert "remove --keep-data" in done.stderr
    again = stack.run("start")
    assert again.returncode == 0, again.stderr
    assert stack.values("example")


def test_both_servers_cannot_have_one_port(tool):
    port = str(free_port())
    done = tool.install("--influxdb-port", port, "--grafana-port", port)
    assert done.returncode == 252
    assert f"cannot both have port {port}" in done.stderr


def test_containers_of_the_same_name_are_told_before_anything_is_made(
    tool, client, images, leftovers, tmp_path
):
    other = client.containers.create(images.grafana, name=f"{tool.name}-grafana")
    try:
        proxy = EngineProxy(tool.host, tmp_path)
        tool.host, before = proxy.host, leftovers()
        done = tool.install()
        proxy.close()
        assert done.returncode == 252
        assert f"The engine has {tool.name}-grafana already" in done.stderr
        assert proxy.changes == []
        assert leftovers() == before
    finally:
        other.remove(v=True)


def test_a_remove_leaves_what_others_have_made_under_its_names(stack, client, images):
    stack.containers()["grafana"].remove(force=True, v=True)
    other = client.containers.create(images.grafana, name=f"{stack.name}-grafana")
    try:
        assert stack.run("remove", "--yes").returncode == 0
        other.reload()
        assert other.status == "created"
    finally:
        other.remove(v=True)
