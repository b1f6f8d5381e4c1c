"""A stack from its install to its removal, as a user has it."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from multimeter.visualization.examples import example_lines

EXAMPLE_POINTS = sum(line.startswith(b"example,") for line in example_lines().splitlines())
RUN_DASHBOARD = "/d/6V5fU2t7r/multimeter"


def link_in(text):
    (link,) = [line.strip() for line in text.splitlines() if line.startswith("  http://")]
    return link


def test_an_install_ends_with_a_link_to_the_example_and_python_that_runs(tool):
    done = tool.install()
    assert done.returncode == 0, done.stderr
    link = urlsplit(link_in(done.stdout))
    query = {key: value for key, (value,) in parse_qs(link.query).items()}
    assert link.path == RUN_DASHBOARD
    assert query["var-measurementId"] == "example"
    assert 10_000 < int(query["to"]) - int(query["from"]) < 100_000
    assert len(tool.values("example")) == EXAMPLE_POINTS
    assert f"multimeter-visu credentials --name {tool.name}" in done.stdout
    code = "\n".join(
        line[4:] for line in done.stdout.splitlines() if line.startswith("    ")
    )
    ran = tool.python(code)
    assert ran.returncode == 0, ran.stderr
    assert tool.values("my-run")
    assert tool.json("status")["runs"] == 2


def test_the_dashboards_are_there_and_the_list_of_runs_is_home(shared_stack):
    for uid, title in (("6V5fU2t7r", "One run"), ("multimeter-runs", "Runs")):
        answer = shared_stack.grafana("GET", f"/api/dashboards/uid/{uid}").json()
        assert answer["dashboard"]["title"] == title
        assert answer["meta"]["provisioned"]


def test_the_library_finds_the_stack_by_its_configuration(shared_stack):
    ran = shared_stack.python(
        "from multimeter import InfluxDBStorage, Multimeter, ResourceProbe\n"
        f"storage = InfluxDBStorage.from_stack({str(shared_stack.config_file)!r})\n"
        "with Multimeter(ResourceProbe(), cycle_time=0.02, storage=storage)"
        ".measure('größe 1') as result:\n"
        "    sum(range(5_000_000))\n"
        "print(len(result.points))\n"
    )
    assert ran.returncode == 0, ran.stderr
    assert len(shared_stack.values("größe 1")) == int(ran.stdout)
    page = shared_stack.json("open", "größe 1")["page"]
    assert "var-measurementId=gr%C3%B6%C3%9Fe%201&from=" in page


def test_a_run_that_is_not_there_is_not_opened(shared_stack):
    done = shared_stack.run("open", "nothing")
    assert done.returncode == 252
    assert "There is no run 'nothing'" in done.stderr


def test_the_status_says_how_each_part_is(shared_stack, images):
    status = shared_stack.json("status")
    assert status["state"] == "running"
    assert status["engine"] == "docker"
    for service, image in (("influxdb", images.influxdb), ("grafana", images.grafana)):
        said = rf"running, {re.escape(image)}, 127\.0\.0\.1:\d+"
        assert re.fullmatch(said, status[service])


def test_a_stop_and_a_start_keep_all_data(stack):
    before = stack.values("example")
    assert stack.run("stop").returncode == 0
    assert stack.run("status").returncode == 3
    assert {each.status for each in stack.containers().values()} == {"exited"}
    with pytest.raises(requests.ConnectionError):
        requests.get(stack.config["page"] + "/api/health", timeout=10)
    # Both ended in good order.
    codes = [each.attrs["State"]["ExitCode"] for each in stack.containers().values()]
    assert codes == [0, 0]
    assert "was not running" in stack.run("stop").stdout
    started = stack.run("start")
    assert started.returncode == 0, started.stderr
    assert link_in(started.stdout) == f"{stack.config['page']}/d/multimeter-runs/runs"
    assert f"multimeter-visu credentials --name {stack.name}" in started.stdout
    # It has waited: the first question is answered.
    assert stack.values("example") == before
    assert "running already" in stack.run("start").stdout


def test_a_remove_leaves_everything_as_it_was(tool, leftovers):
    before = leftovers()
    tool.installed()
    assert leftovers() != before
    removed = tool.run("remove", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert leftovers() == before
    assert tool.run("status").returncode == 253


def test_a_remove_asks_first(stack):
    done = stack.run("remove")
    assert done.returncode != 0
    assert "and all its data?" in done.stdout
    assert stack.json("status")["state"] == "running"


def test_a_second_install_ends_with_254_and_leaves_the_first(stack):
    before = stack.config, {each.id for each in stack.containers().values()}
    again = stack.install()
    assert again.returncode == 254
    assert "installed already" in again.stderr
    assert (stack.config, {each.id for each in stack.containers().values()}) == before


def test_the_plan_is_printed_and_nothing_is_done(tool, leftovers):
    before = leftovers()
    planned = tool.install("--plan")
    assert planned.returncode == 0, planned.stderr
    assert leftovers() == before
    steps = [line.strip() for line in planned.stdout.splitlines()[:-1]]
    assert steps == [
        f"Create the network {tool.name}",
        f"Create the InfluxDB volume {tool.name}-influxdb-data",
        f"Create the Grafana volume {tool.name}-grafana-data",
        f"Create the InfluxDB container {tool.name}-influxdb",
        f"Create the Grafana container {tool.name}-grafana",
        f"Start the InfluxDB container {tool.name}-influxdb",
        f"Start the Grafana container {tool.name}-grafana",
    ]
    tool.installed()
    assert json.loads(tool.install("--plan", "--json").stdout) == {"steps": []}


def test_what_was_removed_or_changed_by_hand_is_made_again(stack):
    before = stack.values("example")
    stack.containers()["grafana"].remove(force=True)
    stack.containers()["influxdb"].stop()
    assert stack.run("status").returncode == 3
    started = stack.run("start")
    assert started.returncode == 0, started.stderr
    assert f"Create the Grafana container {stack.name}-grafana" in started.stdout
    assert stack.values("example") == before


@pytest.mark.parametrize("again", [False, True])
def test_a_network_that_was_pruned_is_made_again_with_what_was_in_it(stack, again):
    before = stack.values("example")
    stack.run("stop")
    stack.client.networks.get(stack.name).remove()
    if again:  # as after a start that failed for want of it
        labels = stack.containers()["grafana"].labels
        stack.client.networks.create(stack.name, labels=labels)
    assert stack.run("status").returncode == 3
    started = stack.run("start")
    assert started.returncode == 0, started.stderr
    assert stack.values("example") == before
    assert stack.run("doctor").returncode == 0


def test_a_stack_that_an_earlier_version_installed_goes_on(stack):
    config, before = stack.config, stack.containers()
    state = config["engine_state"]
    spec = state.pop("spec")
    spec["influxdb_port"] = spec.pop("port")
    config["engine_state"] = state | spec
    stack.config_file.write_text(json.dumps(config))
    for verb in ("doctor", "stop", "start"):
        done = stack.run(verb)
        assert done.returncode == 0, done.stdout + done.stderr
    after = stack.containers()
    assert {each.id for each in after.values()} == {each.id for each in before.values()}
    assert stack.run("remove", "--yes").returncode == 0
    assert stack.containers() == {}


def test_a_container_that_should_be_another_one_is_made_anew_with_its_data(stack):
    before = stack.containers()
    config = stack.config
    config["engine_state"]["spec"]["anonymous"] = True
    stack.config_file.write_text(json.dumps(config))
    started = stack.run("start")
    assert started.returncode == 0, started.stderr
    after = stack.containers()
    assert after["grafana"].id != before["grafana"].id
    assert after["influxdb"].id == before["influxdb"].id
    assert len(stack.values("example")) == EXAMPLE_POINTS
    nobody = stack.grafana("GET", "/api/dashboards/uid/6V5fU2t7r", auth=None)
    assert nobody.status_code == 200


def test_the_configuration_is_for_its_owner_only(shared_stack):
    assert stat.S_IMODE(shared_stack.config_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared_stack.folder.stat().st_mode) == 0o700


def test_containers_come_back_with_the_engine_unless_they_were_stopped(shared_stack):
    for container in shared_stack.containers().values():
        policy = container.attrs["HostConfig"]["RestartPolicy"]["Name"]
        assert policy == "unless-stopped"


def test_logs_are_those_of_the_containers(shared_stack):
    both = shared_stack.run("logs")
    assert both.returncode == 0, both.stderr
    assert both.stdout.splitlines()[0] == "influxdb"
    assert "\ngrafana\n" in both.stdout
    one = shared_stack.run("logs", "influxdb", "--lines", "1")
    assert len(one.stdout.splitlines()) == 1
    assert "Choose one of influxdb, grafana" in shared_stack.run("logs", "x").stderr


def test_on_a_terminal_steps_are_ticked_off(tool):
    parent, child = pty.openpty()
    process = subprocess.Popen(
        tool.words(*tool.install_words()),
        env={**tool.environment, "TERM": "xterm-256color", "COLUMNS": "120"},
        cwd=tool.home,
        stdin=child,
        stdout=child,
        stderr=child,
    )
    os.close(child)
    said = b""
    while chunk := read_or_end(parent):
        said += chunk
    os.close(parent)
    assert process.wait() == 0, said.decode()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode())
    ticked = re.findall(r"✓ (.*?)\r", text)
    assert ticked[0].startswith(f"Create the network {tool.name}")
    assert ticked[-3:] == ["Set up InfluxDB", "Load the example", "Set up Grafana"]


def read_or_end(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""
