"""The stack by hand, held equal to the one that the tool makes."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import pytest
import requests
import yaml

from multimeter.visualization.containers.compose import compose_files
from multimeter.visualization.containers.desired import desired_containers
from multimeter.visualization.containers.settings import Settings
from multimeter.visualization.engines.base import DockerOptions

COMPOSE = pathlib.Path(__file__).parents[3] / "compose"
BY_HAND = yaml.safe_load((COMPOSE / "docker-compose.yml").read_text())["services"]
OPTIONS = DockerOptions()
PLANNED = {
    each.service: each
    for each in desired_containers(
        "multimeter",
        Settings(
            id="x",
            endpoint={},
            influxdb_image=OPTIONS.influxdb_image,
            grafana_image=OPTIONS.grafana_image,
            influxdb_port=8086,
            grafana_port=OPTIONS.grafana_port,
            timeout=1.0,
            operator_token="",
            influxdb_password="",
            grafana_password="",
        ),
        "",
    )
}
SERVICES = sorted(PLANNED)


def resolved(value, variables):
    """Return a value as compose understands it."""

    def put_in(match):
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[2])

    return re.sub(r"\$\$|\$\{(\w+):-([^}]*)\}", put_in, str(value))


def defaults():
    lines = (COMPOSE / ".env.example").read_text().splitlines()
    return dict(each.split("=", 1) for each in lines if each and not each.startswith("#"))


@pytest.fixture(params=[{}, defaults()], ids=["without .env", "with .env.example"])
def variables(request):
    return request.param


def test_both_have_the_same_services():
    assert sorted(BY_HAND) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_both_have_the_same_images_ports_and_settings(service, variables):
    planned, by_hand = PLANNED[service], BY_HAND[service]
    assert resolved(by_hand["image"], variables) == planned.image
    ports = [resolved(each, variables) for each in by_hand["ports"]]
    assert ports == [f"127.0.0.1:{planned.port}:{planned.target_port}"]
    settings = {k: resolved(v, variables) for k, v in by_hand["environment"].items()}
    assert settings == dict(planned.environment)
    assert by_hand["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", SERVICES)
def test_both_keep_their_data_in_volumes_at_the_same_place(service):
    targets = [each.split(":")[1] for each in BY_HAND[service]["volumes"]]
    assert targets[0] == PLANNED[service].mount.target


def test_the_files_of_grafana_are_those_that_the_tool_puts_in():
    folder = COMPOSE / "grafana"
    written = {
        str(each.relative_to(folder)): each.read_text(encoding="utf-8").rstrip("\n")
        for each in folder.rglob("*")
        if each.is_file()
    }
    assert written == {name: text.rstrip("\n") for name, text in compose_files().items()}


# Brought up


@pytest.fixture(scope="session")
def docker_compose_command(engine):
    """Compose, as a plugin of the docker CLI or as a program of its own."""
    os.environ["DOCKER_HOST"] = engine.endpoint.host
    plugin = ["docker", "compose", "version"]
    if (
        shutil.which("docker")
        and not subprocess.run(plugin, capture_output=True, check=False).returncode
    ):
        return "docker compose"
    if shutil.which("docker-compose"):
        return "docker-compose"
    if os.environ.get("CI"):
        pytest.fail("There must be docker compose here.")
    pytest.skip("There is no docker compose here.")


@pytest.fixture(scope="session")
def secrets_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "admin-password").write_text("a-password-by-hand")
    (folder / "influxdb-read-token").write_text("a-token-by-hand")
    for each in folder.iterdir():
        each.chmod(0o644)
    return folder


@pytest.fixture(scope="session")
def docker_compose_file(tmp_path_factory, images, secrets_folder):
    folder = tmp_path_factory.mktemp("compose") / "compose"
    shutil.copytree(COMPOSE, folder, ignore=shutil.ignore_patterns("secrets", ".env"))
    lines = [
        f"INFLUXDB_IMAGE={images.influxdb}",
        f"GRAFANA_IMAGE={images.grafana}",
        "INFLUXDB_PORT=0",
        "GRAFANA_PORT=0",
        f"SECRETS={secrets_folder}",
    ]
    (folder / ".env").write_text("\n".join(lines))
    return str(folder / "docker-compose.yml")


@pytest.fixture(scope="session")
def docker_setup():
    return "up -d"


def wait_until_up(services, service, port, path):
    url = f"http://127.0.0.1:{services.port_for(service, port)}"

    def is_up():
        try:
            return requests.get(url + path, timeout=2).ok
        except requests.RequestException:
            return False

    services.wait_until_responsive(is_up, timeout=120, pause=0.05)
    return url


def test_by_hand_it_works_as_the_readme_says(docker_services, secrets_folder):
    influxdb = wait_until_up(docker_services, "influxdb", 8086, "/health")
    set_up = {"username": "me", "password": "long enough", "org": "kantai"}
    set_up |= {"bucket": "multimeter", "token": "a-token-by-hand"}
    assert requests.post(f"{influxdb}/api/v2/setup", json=set_up, timeout=30).ok
    grafana = wait_until_up(docker_services, "grafana", 3000, "/api/health")
    session = requests.Session()
    session.auth = ("admin", (secrets_folder / "admin-password").read_text())
    health = session.get(
        f"{grafana}/api/datasources/uid/multimeter-influxdb/health", timeout=30
    )
    assert health.json()["status"] == "OK"
    dashboard = session.get(f"{grafana}/api/dashboards/uid/6V5fU2t7r", timeout=30)
    assert dashboard.json()["meta"]["provisioned"]


@pytest.mark.parametrize("service", SERVICES)
def test_by_hand_containers_are_as_the_tool_makes_them(
    docker_services, docker_compose_project_name, client, shared_stack, service
):
    assert docker_services
    label = f"com.docker.compose.project={docker_compose_project_name}"
    by_hand = next(
        each
        for each in client.containers.list(filters={"label": label})
        if each.labels["com.docker.compose.service"] == service
    )
    planned = shared_stack.containers()[service]
    ours, theirs = seen(planned), seen(by_hand)
    if service == "grafana":
        # By hand its files are mounted; the tool puts them in.
        mounted = {"/etc/multimeter/dashboards", "/etc/multimeter/provisioning"}
        mounted |= {
            f"/etc/multimeter/secrets/{each}"
            for each in ("admin-password", "influxdb-read-token")
        }
        assert theirs["mounts"] - ours["mounts"] == mounted
        theirs["mounts"] -= mounted
    assert theirs == ours


def seen(container):
    host = container.attrs["HostConfig"]
    ports = {
        port: [each["HostIp"] for each in bindings]
        for port, bindings in host["PortBindings"].items()
    }
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    return {
        "image": container.attrs["Image"],
        "environment": sorted(container.attrs["Config"]["Env"]),
        "ports": ports,
        "restart": host["RestartPolicy"]["Name"],
        "mounts": {each["Destination"] for each in container.attrs["Mounts"]},
        "found as": {"influxdb", "grafana"} & set(network["Aliases"]),
    }
