"""Engines: which one is found, how images come, and what auto chooses."""

from __future__ import annotations

import json

import docker
import pytest
from docker.context import ContextAPI
from fakes.forwarder import Forwarder
from fakes.registry import Registry

from multimeter.visualization.engines.docker.client import Docker
from multimeter.visualization.errors import EngineError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without any configuration of docker, and no variables."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def link_socket(engine, path):
    path.parent.mkdir(parents=True)
    path.symlink_to(engine.endpoint.host.removeprefix("unix://"))


@pytest.mark.parametrize(
    ("place", "found"),
    [
        (".docker/run/docker.sock", "Docker Desktop"),
        (".docker/desktop/docker.sock", "Docker Desktop"),
        (".colima/default/docker.sock", "Colima"),
        (".rd/docker.sock", "Rancher Desktop"),
    ],
)
def test_an_engine_is_found_where_programs_put_its_socket(engine, home, place, found):
    link_socket(engine, home / place)
    docker = find_but_the_default(home)
    assert (docker.endpoint.host, docker.endpoint.found) == (
        f"unix://{home / place}",
        found,
    )
    docker.close()


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("docker.sock", "rootless Docker"),
        ("podman/podman.sock", "rootless Podman"),
    ],
)
def test_an_engine_is_found_in_the_folder_of_the_session(
    engine, home, monkeypatch, place, found
):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    link_socket(engine, home / "run" / place)
    docker = find_but_the_default(home)
    assert docker.endpoint.found == found
    docker.close()


def find_but_the_default(home):
    """Find an engine on a machine that may have one at the default socket too."""
    found = Docker.find()
    if found.endpoint.found == "the default socket":
        found.close()
        pytest.skip("this machine has an engine at the default socket")
    return found


def test_the_engine_of_the_current_context_is_used(engine, home):
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text('{"currentContext": "lab"}')
    ContextAPI.create_context("lab", host=engine.endpoint.host)
    found = Docker.find()
    assert found.endpoint.found == "the context lab"
    assert found.endpoint.context == "lab"
    again = Docker(found.endpoint)
    assert again.about().version == engine.about().version
    for each in (found, again):
        each.close()


def test_a_variable_goes_before_the_context(engine, home, monkeypatch):
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text('{"currentContext": "gone"}')
    monkeypatch.setenv("DOCKER_HOST", engine.endpoint.host)
    found = Docker.find()
    assert found.endpoint.found == "DOCKER_HOST"
    found.close()
    monkeypatch.delenv("DOCKER_HOST")
    with pytest.raises(EngineError, match="context 'gone'"):
        Docker.find()


def test_an_engine_over_tcp_is_as_good_as_one_over_a_socket(tool, engine):
    forwarder = Forwarder(engine.endpoint.host.removeprefix("unix://"), "127.0.0.1")
    tool.host = f"tcp://127.0.0.1:{forwarder.port}"
    done = tool.install()
    assert done.returncode == 0, done.stderr
    assert tool.run("remove", "--yes").returncode == 0
    forwarder.close()


# Images


@pytest.fixture
def registry(client):
    """A registry with an image that this engine does not have."""
    container = client.containers.create("multimeter-test/debian:base", ["true"])
    image = container.commit("multimeter-test/small", "1")
    container.remove()
    registry = Registry(b"".join(client.images.get(image.id).save()))
    client.images.remove(image.id)
    yield registry
    registry.close()


def test_an_image_is_pulled_layer_by_layer(engine, client, registry):
    name = f"{registry.address}/image:1"
    assert engine.why_not_pulled(name) == ""
    told = []
    try:
        engine.pull(name, lambda *layer: told.append(layer))
        assert engine.image(name) is not None
    finally:
        client.images.remove(name, force=True)
    assert {said for _, said, _, _ in told} & {"Pull complete", "Already exists"}


def test_an_install_pulls_what_is_not_there(tool, client, images):
    exported = b"".join(client.images.get(images.grafana).save())
    registry = Registry(exported)
    name = f"{registry.address}/image:1"
    try:
        planned = tool.install("--plan", "--grafana-image", name)
        assert f"Fetch the Grafana image {name}" in planned.stdout
        done = tool.install("--grafana-image", name)
        assert done.returncode == 0, done.stderr
        assert f"Pull the image {name} ..." in done.stdout
        assert tool.values("example")
        # Others may use it by now: it stays when the stack goes.
        tool.run("remove", "--yes")
        assert client.images.get(name)
    finally:
        registry.close()
        for each in tool.containers().values():
            each.remove(force=True, v=True)
        client.images.remove(name, force=True)


def test_an_image_that_a_registry_does_not_know_is_told(engine, registry):
    reason = engine.why_not_pulled(f"{registry.address}/other:1")
    assert reason
    assert "did not answer" not in reason


# auto


def auto_words(tool, *words):
    ports = ("--port", "0", "--grafana-port", "0")
    return ["install", *ports, *words, "--plan", "--json"]


def test_auto_is_docker_when_the_images_are_there(tool, images):
    words = ("--influxdb-image", images.influxdb, "--grafana-image", images.grafana)
    planned = tool.run("install", "--port", "0", "--grafana-port", "0", *words, "--plan")
    assert f"Engine: docker, by DOCKER_HOST ({tool.host})." in planned.stdout
    assert "Create the InfluxDB container" in planned.stdout


def test_auto_is_docker_when_the_images_can_be_pulled(tool, images, registry):
    name = f"{registry.address}/image:1"
    words = ("--influxdb-image", images.influxdb, "--grafana-image", name)
    steps = json.loads(tool.run(*auto_words(tool, *words)).stdout)["steps"]
    assert f"Fetch the Grafana image {name}" in steps


def test_auto_is_embedded_when_the_images_can_neither_be_found_nor_pulled(tool):
    words = ("--influxdb-image", "127.0.0.1:1/no:1")
    planned = tool.run("install", "--port", "0", *words, "--plan")
    assert planned.returncode == 0, planned.stderr
    assert "Engine: embedded. Not Docker: the image 127.0.0.1:1/no:1 is not present" in (
        planned.stdout
    )
    assert "Create the data" in planned.stdout


def test_auto_is_embedded_when_no_engine_answers(tool, tmp_path):
    tool.host = f"unix://{tmp_path}/nothing.sock"
    planned = tool.run("install", "--port", "0", "--plan")
    assert planned.returncode == 0, planned.stderr
    assert "Engine: embedded. Not Docker: DOCKER_HOST" in planned.stdout


def test_the_sdk_is_not_loaded_where_docker_is_not_asked_for(tool):
    code = (
        "import sys\nimport multimeter.visualization.cli\nprint('docker' in sys.modules)\n"
    )
    assert tool.python(code).stdout.strip() == "False"


def test_the_client_of_these_tests_is_the_engine_of_the_tool(client, engine):
    assert isinstance(client, docker.DockerClient)
    assert client.version()["Version"] == engine.about().version
