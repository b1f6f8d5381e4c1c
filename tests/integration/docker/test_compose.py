"""The stack by hand, brought up beside the one that the tool makes."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest
import requests

COMPOSE = pathlib.Path(__file__).parents[3] / "compose"
SERVICES = ("grafana", "influxdb")


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
