"""The stack by hand, held equal to the one that the tool plans."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

from multimeter.visualization.engines.docker.grafana import compose_files
from multimeter.visualization.engines.docker.spec import desired_containers
from multimeter.visualization.stack_spec import GRAFANA_PORT, WRITE_PORT, StackSpec

COMPOSE = pathlib.Path(__file__).parents[5] / "compose"
BY_HAND = yaml.safe_load((COMPOSE / "docker-compose.yml").read_text())["services"]
SPEC = StackSpec(port=WRITE_PORT, grafana_port=GRAFANA_PORT)
PLANNED = {each.service: each for each in desired_containers(SPEC, "", "")}
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
    assert by_hand.get("stop_signal", "") == planned.stop_signal


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
