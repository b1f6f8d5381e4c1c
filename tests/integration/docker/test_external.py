"""Grafana alone, for an InfluxDB that someone runs already."""

from __future__ import annotations

import dataclasses
import subprocess
from urllib.parse import urlsplit

import pytest
from fakes.forwarder import Forwarder


@pytest.fixture
def other(tool):
    """A stack whose InfluxDB is the one that someone runs already."""
    return tool.installed()


@pytest.fixture
def server(other, client):
    """Its InfluxDB, on an address that containers of other networks reach too."""
    config = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
    target = ("127.0.0.1", urlsplit(other.config["url"]).port)
    forwarder = Forwarder(target, config.get("Gateway", "172.17.0.1"), "127.0.0.1")
    yield forwarder
    forwarder.close()


@pytest.fixture
def url(server):
    """The URL as somebody gives it who runs the server on this machine."""
    return f"http://localhost:{server.port}"


@pytest.fixture
def second(tool, other):
    """The tool for another stack."""
    second = dataclasses.replace(tool, name=f"{tool.name}-b")
    yield second
    second.clean_up()


def operator(other):
    return other.config["engine_state"]["operator_token"]


def points(other):
    flux = 'from(bucket: "multimeter") |> range(start: time(v: 0)) |> count()'
    answer = other.influxdb("POST", "/api/v2/query", operator(other), json={"query": flux})
    return sorted(row.split(",")[-4:] for row in answer.text.splitlines() if "," in row)


def test_only_grafana_is_made_and_it_shows_what_the_server_has(second, other, url):
    before = other.values("example")
    words = ("--influxdb-url", url, "--influxdb-token", operator(other))
    done = second.install(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(second.containers()) == ["grafana"]
    assert second.values("example") == before
    assert second.config["url"] == url
    status = second.json("status")
    assert (status["state"], status["runs"]) == ("running", 1)
    ran = second.python(
        "from multimeter import InfluxDBStorage, Multimeter, ResourceProbe\n"
        f"storage = InfluxDBStorage.from_stack({str(second.config_file)!r})\n"
        "with Multimeter(ResourceProbe(), cycle_time=0.02, storage=storage)"
        ".measure('there'):\n"
        "    sum(range(3_000_000))\n"
    )
    assert ran.returncode == 0, ran.stderr
    assert second.values("there")
    assert second.run("doctor").returncode == 0
    assert second.run("remove", "--yes").returncode == 0
    assert other.values("there")


def test_nothing_is_written_into_a_server_of_somebody_else(second, other, url):
    before = points(other)
    assert len(before) > 20
    second.installed("--influxdb-url", url, "--influxdb-token", operator(other))
    assert points(other) == before


def test_the_token_can_come_from_the_environment(second, other, url):
    words = second.install_words("--influxdb-url", url)
    done = subprocess.run(
        second.words(*words),
        env={**second.environment, "INFLUXDB_V2_TOKEN": operator(other)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert operator(other) not in done.stdout + done.stderr


def test_a_token_that_is_wrong_is_told_and_nothing_is_left(second, other, url, leftovers):
    before = leftovers()
    done = second.install("--influxdb-url", url, "--influxdb-token", "wrong")
    assert done.returncode == 252
    assert "unauthorized" in done.stderr
    assert leftovers() == before


def test_a_server_that_is_not_there_is_told_and_nothing_is_left(second, leftovers):
    before = leftovers()
    done = second.install("--influxdb-url", "http://127.0.0.1:1", "--influxdb-token", "t")
    assert done.returncode == 252
    assert "Grafana cannot read InfluxDB at http://host.docker.internal:1" in done.stderr
    assert leftovers() == before


def test_a_url_needs_a_token(second):
    done = second.install("--influxdb-url", "http://127.0.0.1:1")
    assert done.returncode == 252
    assert "INFLUXDB_V2_TOKEN" in done.stderr
