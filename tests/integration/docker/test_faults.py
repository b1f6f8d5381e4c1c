"""Installs that fail, are killed, or lose their engine: nothing is left behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import time

import pytest
from fakes.images import BASE

CHANGES = 9
"""What an install asks the engine to change: see the first test."""


@pytest.fixture
def dying_image(client, images):
    """An image whose container says why, and ends."""
    name = "multimeter-test/dying:1"
    container = client.containers.create(BASE, ["sh", "-c", "echo no space left; exit 3"])
    container.commit(*name.split(":"))
    container.remove()
    return name


def start_install(tool, *words):
    return subprocess.Popen(
        tool.words(*tool.install_words(*words)),
        env=tool.environment,
        cwd=tool.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_an_install_changes_as_much_as_is_killed_below(tool, proxy):
    tool.installed()
    paths = [each.partition("?")[0].rpartition("/v1.")[2] for each in proxy.changes]
    assert len(paths) == CHANGES, paths


@pytest.mark.parametrize("change", range(1, CHANGES + 1))
def test_an_install_that_is_killed_at_any_step_is_taken_back_by_the_next(
    tool, proxy, leftovers, change
):
    before = leftovers()
    process = start_install(tool)
    proxy.fail, proxy.fail_at = process.kill, change
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert leftovers() != before
    again = tool.install()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Roll back an interrupted install" in again.stdout
    assert tool.values("example")
    assert tool.run("remove", "--yes").returncode == 0
    assert leftovers() == before


@pytest.mark.parametrize("change", [3, CHANGES])
def test_what_a_killed_install_has_left_can_also_be_removed(tool, proxy, leftovers, change):
    before = leftovers()
    process = start_install(tool)
    proxy.fail, proxy.fail_at = process.kill, change
    process.communicate(timeout=120)
    assert "interrupted" in tool.run("doctor").stdout
    removed = tool.run("remove", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert leftovers() == before


@pytest.mark.parametrize("change", [1, 4, 6, CHANGES])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_install_that_is_interrupted_takes_back_what_it_made(
    tool, proxy, leftovers, change, number
):
    before = leftovers()
    process = start_install(tool)
    asked = []

    def interrupt():
        asked.append(process.send_signal(number))

    proxy.fail, proxy.fail_at = interrupt, change
    said, _ = process.communicate(timeout=120)
    assert asked
    assert process.returncode != 0
    assert "Everything that had been made was removed again." in said
    assert "Traceback" not in said
    assert leftovers() == before


def test_an_impatient_second_interrupt_leaves_nothing_either(tool, proxy, leftovers):
    before = leftovers()
    process = start_install(tool)

    def interrupt_twice():
        proxy.fail, proxy.fail_at = interrupt_again, len(proxy.changes) + 1
        process.send_signal(signal.SIGINT)

    def interrupt_again():
        process.send_signal(signal.SIGINT)

    proxy.fail, proxy.fail_at = interrupt_twice, 5
    process.communicate(timeout=120)
    assert leftovers() == before


@pytest.mark.parametrize("change", [2, 6, CHANGES])
def test_an_engine_that_is_gone_in_the_middle_is_told_and_what_is_left_is_known(
    tool, proxy, leftovers, change, engine
):
    before = leftovers()
    proxy.fail_at = change
    done = tool.install()
    assert done.returncode == 252
    assert "stopped answering" in done.stderr
    assert "Left behind" in done.stdout
    assert tool.run("status").returncode == 255
    tool.host = engine.endpoint.host
    config = tool.config_file.read_text().replace(proxy.host, tool.host)
    tool.config_file.write_text(config)
    assert tool.run("remove", "--yes").returncode == 0
    assert leftovers() == before


def test_an_engine_that_hangs_in_the_middle_is_not_waited_for_for_ever(tool, proxy):
    proxy.fail, proxy.fail_at = proxy.freeze, 4
    started = time.monotonic()
    done = tool.install("--timeout", "3")
    assert done.returncode == 252
    assert "stopped answering" in done.stderr
    assert "Left behind" in done.stdout
    # Each of its parts was not waited for anew.
    assert time.monotonic() - started < 30


def test_an_engine_that_never_answers_is_not_there(tool, tmp_path):
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(str(tmp_path / "silent.sock"))
    silent.listen()
    tool.host = f"unix://{tmp_path}/silent.sock"
    done = tool.install()
    silent.close()
    assert done.returncode == 255
    assert "no answer within 5 s" in done.stderr
    assert not tool.folder.exists()


def test_an_image_that_is_nowhere_is_told_with_the_way_to_bring_it(tool, leftovers):
    before = leftovers()
    done = tool.install("--grafana-image", "127.0.0.1:1/grafana:1")
    assert done.returncode == 252
    assert (
        "The image 127.0.0.1:1/grafana:1 is not present, and cannot be pulled"
        in done.stderr
    )
    assert "docker save -o image.tar 127.0.0.1:1/grafana:1" in done.stderr
    assert "docker load -i image.tar" in done.stderr
    assert leftovers() == before
    planned = tool.install("--plan", "--grafana-image", "127.0.0.1:1/grafana:1")
    assert "The image 127.0.0.1:1/grafana:1 is not present and cannot" in planned.stdout


@pytest.mark.parametrize("option", ["--influxdb-image", "--grafana-image"])
def test_a_container_that_ends_is_shown_with_its_last_words(
    tool, dying_image, leftovers, option
):
    before = leftovers()
    done = tool.install(option, dying_image)
    assert done.returncode == 252
    assert "ended with code 3" in done.stderr
    assert "no space left" in done.stderr
    assert leftovers() == before


def test_servers_that_take_too_long_are_given_up(tool, client, images, leftovers):
    before = leftovers()
    # The base image with a command that never listens.
    name = "multimeter-test/silent:1"
    container = client.containers.create(BASE, ["sleep", "600"])
    container.commit(*name.split(":"))
    container.remove()
    done = tool.install("--grafana-image", name, "--timeout", "3")
    assert done.returncode == 252
    assert "It took longer than 3 s until Grafana answered" in done.stderr
    assert leftovers() == before


@pytest.mark.parametrize("image", ["influxdb:3-core", "docker.io/library/influxdb:1.8"])
def test_another_version_of_influxdb_is_refused_before_it_is_pulled(tool, image, leftovers):
    before = leftovers()
    done = tool.install("--influxdb-image", image)
    assert done.returncode == 252
    assert "Multimeter needs InfluxDB 2" in done.stderr
    assert leftovers() == before


def test_another_version_of_influxdb_is_refused_by_what_its_image_says(
    tool, client, images, leftovers
):
    before = leftovers()
    name = "multimeter-test/influxdb:version-3"
    container = client.containers.create(images.influxdb)
    changes = "ENV INFLUXDB_VERSION=3.1.0"
    container.commit(*name.rsplit(":", 1), changes=changes)
    container.remove(v=True)
    done = tool.install("--influxdb-image", name)
    assert done.returncode == 252
    assert "This is InfluxDB 3.1.0" in done.stderr
    assert leftovers() == before


def test_a_context_that_is_not_there_is_told(tool):
    environment = {**tool.environment, "DOCKER_CONTEXT": "nowhere"}
    del environment["DOCKER_HOST"]
    done = subprocess.run(
        tool.words(*tool.install_words()),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 255
    assert "The docker context 'nowhere' cannot be used" in done.stderr
