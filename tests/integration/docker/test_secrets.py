"""Secrets: where they are, where they are not, and what they open."""

from __future__ import annotations

import io
import json
import os
import pathlib
import tarfile
import time

import psutil
import pytest
import requests

SECRETS = "/etc/multimeter/secrets"


@pytest.fixture(scope="module")
def secrets_of(shared_stack):
    config = shared_stack.config
    state = config["engine_state"]
    return [
        config["token"],
        config["read_token"],
        state["operator_token"],
        state["influxdb_password"],
        state["grafana_password"],
    ]


def assert_none_in(secrets, text):
    assert len(secrets) == len(set(secrets)) == 5
    assert all(len(secret) >= 20 for secret in secrets)
    assert [number for number, secret in enumerate(secrets) if secret in text] == []


def test_nobody_who_inspects_the_engine_sees_a_secret(shared_stack, secrets_of):
    client = shared_stack.client
    label = {"label": f"org.multimeter.stack={shared_stack.name}"}
    seen = [each.attrs for each in client.containers.list(all=True, filters=label)]
    seen += [each.attrs for each in client.networks.list(filters=label)]
    seen += [each.attrs for each in client.volumes.list(filters=label)]
    assert len(seen) == 5
    assert_none_in(secrets_of, json.dumps(seen))


def test_no_environment_and_no_command_line_in_a_container_has_a_secret(
    shared_stack, secrets_of
):
    for container in shared_stack.containers().values():
        _, uid = container.exec_run(["stat", "-c", "%u", "/proc/1"], user="0")
        command = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
        _, said = container.exec_run(["sh", "-c", command], user=uid.decode().strip())
        assert b"PATH=" in said
        assert_none_in(secrets_of, said.decode("utf-8", "replace"))


def test_no_log_has_a_secret(shared_stack, secrets_of):
    assert_none_in(secrets_of, shared_stack.run("logs", "--lines", "10000").stdout)


@pytest.mark.parametrize("verb", ["status", "open", "doctor", "logs"])
def test_no_verb_says_a_secret(shared_stack, secrets_of, verb):
    done = shared_stack.run(verb)
    assert_none_in(secrets_of, done.stdout + done.stderr)


def test_the_secrets_in_the_container_are_for_its_user_only(shared_stack):
    stream, _ = shared_stack.containers()["grafana"].get_archive(SECRETS)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        members = {each.name: each for each in tar.getmembers()}
    assert sorted(members) == [
        "secrets",
        "secrets/admin-password",
        "secrets/influxdb-read-token",
    ]
    assert members["secrets"].mode & 0o077 == 0
    for name in ("secrets/admin-password", "secrets/influxdb-read-token"):
        assert members[name].mode & 0o777 == 0o600


def test_an_install_has_no_secret_in_its_arguments_environment_and_output(tool):
    import subprocess

    process = subprocess.Popen(
        tool.words(*tool.install_words()),
        env=tool.environment,
        cwd=tool.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen = ""
    me = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            seen += " ".join(me.cmdline()) + json.dumps(me.environ())
        except psutil.Error:
            break
        time.sleep(0.05)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    config = tool.config
    state = config["engine_state"]
    secrets = [config["token"], config["read_token"], state["operator_token"]]
    secrets += [state["influxdb_password"], state["grafana_password"]]
    assert "install" in seen
    assert_none_in(secrets, seen + said)


def test_errors_and_debug_logs_have_no_secret(shared_stack, secrets_of):
    shared_stack.containers()["influxdb"].pause()
    try:
        code = (
            "import logging, pathlib, traceback\n"
            "logging.basicConfig(level=logging.DEBUG)\n"
            "from multimeter.visualization.config import read_config\n"
            "from multimeter.visualization.engines.factory import engine_of\n"
            "from multimeter.http import influxdb\n"
            "influxdb._SILENT_MS = 1000\n"
            f"path = pathlib.Path({str(shared_stack.config_file)!r})\n"
            "config = read_config(path)\n"
            "engine = engine_of(path, config)\n"
            "print(config, engine._spec, engine._state, engine._containers)\n"
            "try:\n"
            "    engine.runs()\n"
            "except Exception:\n"
            "    traceback.print_exc()\n"
        )
        done = shared_stack.python(code)
    finally:
        shared_stack.containers()["influxdb"].unpause()
    assert f"{shared_stack.config['url']} does not answer" in done.stderr
    assert "Traceback" in done.stderr
    assert_none_in(secrets_of, done.stdout + done.stderr)


def test_nothing_on_the_disk_of_this_machine_but_the_configuration_has_a_secret(
    shared_stack, secrets_of
):
    files = [each for each in shared_stack.home.rglob("*") if each.is_file()]
    assert files == [shared_stack.config_file]
    for secret in secrets_of:
        assert secret in shared_stack.config_file.read_text()


def test_credentials_are_shown_after_a_question_only(shared_stack, secrets_of):
    refused = shared_stack.run("credentials")
    assert refused.returncode != 0
    assert "on this screen?" in refused.stdout
    assert_none_in(secrets_of, refused.stdout + refused.stderr)
    shown = shared_stack.run("credentials", "--yes").stdout
    assert all(secret in shown for secret in secrets_of)


# What they open


def org_id(stack):
    operator = stack.config["engine_state"]["operator_token"]
    found = stack.influxdb("GET", "/api/v2/orgs", operator).json()
    return found["orgs"][0]["id"]


def query(stack, token, bucket="multimeter"):
    flux = f'from(bucket: "{bucket}") |> range(start: time(v: 0)) |> limit(n: 1)'
    return stack.influxdb("POST", "/api/v2/query", token, json={"query": flux})


def write(stack, token, bucket="multimeter"):
    where = {"bucket": bucket}
    return stack.influxdb("POST", "/api/v2/write", token, params=where, data="a b=1 1")


def test_the_write_token_writes_and_cannot_read(shared_stack):
    token = shared_stack.config["token"]
    assert write(shared_stack, token).status_code == 204
    assert query(shared_stack, token).status_code == 404
    assert shared_stack.influxdb("GET", "/api/v2/buckets", token).json()["buckets"] == []


def test_the_read_token_reads_and_cannot_write(shared_stack):
    token = shared_stack.config["read_token"]
    assert query(shared_stack, token).status_code == 200
    assert write(shared_stack, token).status_code == 403


def test_neither_token_reaches_another_bucket(shared_stack):
    config = shared_stack.config
    operator = config["engine_state"]["operator_token"]
    body = {"orgID": org_id(shared_stack), "name": "other", "retentionRules": []}
    made = shared_stack.influxdb("POST", "/api/v2/buckets", operator, json=body)
    assert made.status_code == 201
    assert write(shared_stack, config["token"], "other").status_code == 403
    assert query(shared_stack, config["read_token"], "other").status_code == 404


@pytest.mark.parametrize("name", ["token", "read_token"])
def test_neither_token_makes_others(shared_stack, name):
    token, org = shared_stack.config[name], org_id(shared_stack)
    body = {"orgID": org, "name": "more", "retentionRules": []}
    made = shared_stack.influxdb("POST", "/api/v2/buckets", token, json=body)
    assert made.status_code in (401, 403)
    may = {"action": "read", "resource": {"type": "buckets", "orgID": org}}
    body = {"orgID": org, "permissions": [may]}
    made = shared_stack.influxdb("POST", "/api/v2/authorizations", token, json=body)
    assert made.status_code in (401, 403)


def test_the_usual_password_of_grafana_is_refused(shared_stack):
    usual = {"user": "admin", "password": "admin"}
    assert shared_stack.grafana("POST", "/login", auth=None, json=usual).status_code == 401


def test_nobody_sees_anything_without_a_login(shared_stack):
    for path in ("/api/dashboards/uid/6V5fU2t7r", "/api/search", "/api/org"):
        assert shared_stack.grafana("GET", path, auth=None).status_code == 401
    page = shared_stack.grafana("GET", "/", auth=None, allow_redirects=False)
    assert (page.status_code, page.headers["Location"]) == (302, "/login")


def test_who_asks_for_it_gets_a_grafana_that_anyone_can_look_at(tool):
    done = tool.installed("--anonymous").run("open")
    assert "/d/multimeter-runs/runs" in done.stdout
    assert "Log in" not in done.stdout
    seen = tool.grafana("GET", "/api/dashboards/uid/6V5fU2t7r", auth=None)
    assert seen.status_code == 200
    reload = "/api/admin/provisioning/datasources/reload"
    assert tool.grafana("POST", reload, auth=None).status_code in (401, 403)


def test_a_session_of_a_user_without_a_token_is_refused_by_influxdb(shared_stack):
    url = shared_stack.config["url"]
    assert requests.get(f"{url}/api/v2/buckets", timeout=10).status_code == 401


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_configuration_is_for_its_owner_whatever_the_umask(tool, mask):
    done = tool.run(*tool.install_words(), umask=mask)
    assert done.returncode == 0, done.stderr
    assert pathlib.Path(tool.config_file).stat().st_mode & 0o777 == 0o600
