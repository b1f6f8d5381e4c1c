"""The doctor: what is wrong is found, and told with how to mend it."""

from __future__ import annotations

import json
import re

import pytest


def checks_of(tool):
    return {each["name"]: each for each in tool.json("doctor")["checks"]}


def test_a_stack_that_is_well_has_nothing_to_mend(shared_stack):
    done = shared_stack.run("doctor")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "All checks passed."
    names = re.findall(r"^ok +([^:]+):", done.stdout, re.MULTILINE)
    assert set(names) >= {
        "configuration",
        "engine",
        "disk",
        "image",
        "container",
        "InfluxDB",
        "Grafana",
        "clock",
        "write token",
        "read token",
        "data source",
    }


def test_an_old_engine_lets_neighbours_in_and_the_doctor_says_so(shared_stack, engine):
    about = engine.about()
    old = about.name == "Docker" and int(about.version.partition(".")[0]) < 28
    said = checks_of(shared_stack).get("neighbours")
    assert (said is not None) == old
    if said:
        assert said["ok"] is None
        assert "upgrade Docker to 28" in said["mend"]


def test_before_an_install_the_doctor_looks_at_what_it_would_need(tool):
    words = (
        "--grafana-image",
        "127.0.0.1:1/no:1",
        "--influxdb-image",
        tool.images.influxdb,
    )
    ports = "--port", "0", "--grafana-port", "0"
    done = tool.run("doctor", "--engine", "docker", *words, *ports, "--json")
    assert done.returncode == 252
    checks = json.loads(done.stdout)["checks"]
    assert {"name": "engine", "ok": True}.items() <= checks[1].items()
    (missing,) = [each for each in checks if each["name"] == "image" and not each["ok"]]
    assert missing["detail"].startswith(
        "the image 127.0.0.1:1/no:1 is not present and cannot"
    )
    assert "docker load -i image.tar" in missing["mend"]
    # Without being told so, an install would take the embedded server: nothing is wrong.
    done = tool.run("doctor", *words, *ports)
    assert done.returncode == 0
    assert "it would use the engine embedded, as the image 127.0.0.1" in done.stdout


def test_before_an_install_with_all_images_the_doctor_names_docker(tool):
    images = tool.images
    words = ("--influxdb-image", images.influxdb, "--grafana-image", images.grafana)
    done = tool.run("doctor", *words, "--port", "0", "--grafana-port", "0")
    assert done.returncode == 0
    assert "it would use the engine docker" in done.stdout


@pytest.mark.parametrize("service", ["influxdb", "grafana"])
def test_a_container_that_does_not_run_is_found(stack, service):
    stack.containers()[service].stop()
    done = stack.run("doctor")
    assert done.returncode == 252
    assert f"FAIL  container: {stack.name}-{service} is stopped" in done.stdout
    assert f"multimeter-visu start --name {stack.name}" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 failed."


def test_a_stack_that_was_stopped_is_not_ill(stack):
    stack.run("stop")
    done = stack.run("doctor")
    assert done.returncode == 0, done.stdout
    assert "note  stack: it is stopped; all data is there" in done.stdout
    assert f"multimeter-visu start --name {stack.name}" in done.stdout
    assert "FAIL" not in done.stdout


def test_a_grafana_of_an_earlier_version_is_told(stack):
    config = stack.config
    config["engine_state"]["spec"]["anonymous"] = True
    stack.config_file.write_text(json.dumps(config))
    assert checks_of(stack)["outdated"]["ok"] is None
    assert f"{stack.name}-grafana;" in stack.json("status")["outdated"]
    stack.run("stop")
    assert stack.json("status")["state"] == "stopped"
    assert stack.run("start").returncode == 0
    assert "outdated" not in checks_of(stack)
    assert "outdated" not in stack.json("status")


def test_tokens_that_do_not_count_any_more_are_found(stack):
    config = stack.config
    config["token"] = config["read_token"] = "revoked"
    stack.config_file.write_text(json.dumps(config))
    checks = checks_of(stack)
    assert checks["write token"]["ok"] is False
    assert "401" in checks["write token"]["detail"]
    assert checks["read token"]["ok"] is False
    # Grafana has its own copy.
    assert checks["data source"]["ok"] is True


def test_a_data_source_that_does_not_work_is_found(stack):
    config = stack.config
    operator = config["engine_state"]["operator_token"]
    ids = stack.influxdb("GET", "/api/v2/authorizations", operator)
    if not ids.ok:
        pytest.skip("this server does not list its tokens")
    for each in ids.json()["authorizations"]:
        if each["description"] == "multimeter: read":
            path = f"/api/v2/authorizations/{each['id']}"
            assert stack.influxdb("DELETE", path, operator).status_code == 204
    checks = checks_of(stack)
    assert checks["read token"]["ok"] is False
    assert checks["data source"]["ok"] is False
    assert "unauthorized" in checks["data source"]["detail"]


def test_a_configuration_that_others_can_read_is_found(stack):
    stack.config_file.chmod(0o644)
    check = checks_of(stack)["configuration"]
    assert check["ok"] is False
    assert check["mend"] == f"chmod 600 {stack.config_file}"


def test_an_engine_that_is_gone_is_found(stack, tmp_path, engine):
    config = stack.config_file.read_text()
    gone = f"unix://{tmp_path}/gone.sock"
    stack.config_file.write_text(config.replace(engine.endpoint.host, gone))
    check = checks_of(stack)["engine"]
    assert check["ok"] is False
    assert "no such socket" in check["detail"]
    status = stack.run("status")
    assert status.returncode == 255
    assert f"multimeter-visu start --name {stack.name}" in status.stderr
    stack.config_file.write_text(config)
