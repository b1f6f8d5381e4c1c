from __future__ import annotations

import pathlib

import pytest

from multimeter.visualization.engines.docker.state import candidates, is_local

HOME = pathlib.Path("/home/me")


def test_the_default_socket_comes_first_and_each_place_once():
    hosts = [each.host for each in candidates({}, HOME, windows=False)]
    assert hosts[0] == "unix:///var/run/docker.sock"
    assert len(hosts) == len(set(hosts))
    assert "unix:///home/me/.docker/run/docker.sock" in hosts
    assert "unix:///home/me/.colima/default/docker.sock" in hosts
    assert "unix:///run/podman/podman.sock" in hosts


def test_rootless_engines_are_looked_for_in_the_folder_of_the_session():
    environment = {"XDG_RUNTIME_DIR": "/run/user/1000"}
    found = {each.host: each.found for each in candidates(environment, HOME, windows=False)}
    assert found["unix:///run/user/1000/docker.sock"] == "rootless Docker"
    assert found["unix:///run/user/1000/podman/podman.sock"] == "rootless Podman"


def test_on_windows_there_are_pipes():
    hosts = [each.host for each in candidates({}, HOME, windows=True)]
    assert hosts[0] == "npipe:////./pipe/docker_engine"
    assert all(host.startswith("npipe://") for host in hosts)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("unix:///var/run/docker.sock", True),
        ("npipe:////./pipe/docker_engine", True),
        ("tcp://127.0.0.1:2375", True),
        ("tcp://localhost:2375", True),
        ("tcp://[::1]:2375", True),
        ("tcp://192.0.2.7:2376", False),
        ("https://engine.example.org:2376", False),
        ("ssh://me@localhost", False),
        ("ssh://me@engine.example.org", False),
    ],
)
def test_ports_on_loopback_are_ours_only_where_the_engine_is_here(host, local):
    assert is_local(host) is local
