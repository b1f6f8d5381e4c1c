from __future__ import annotations

import dataclasses
import json

import pytest

from multimeter.visualization.engines.docker.spec import (
    data_source_url,
    desired_containers,
    grafana_environment,
)
from multimeter.visualization.engines.docker.state import DockerState, Endpoint
from multimeter.visualization.stack_spec import StackSpec

SPEC = StackSpec(name="lab", port=8086, grafana_port=3000, influxdb_token="influxdb-secret")
STATE = DockerState(
    endpoint=Endpoint("unix:///var/run/docker.sock", "the default socket"),
    id="an-id",
    operator_token="operator-secret",
    influxdb_password="influxdb-secret",
    grafana_password="grafana-secret",
)


def containers(user="", files="files-1", **changes):
    return desired_containers(dataclasses.replace(SPEC, **changes), user, files)


def test_there_are_two_containers_named_after_the_stack():
    influxdb, grafana = containers()
    assert (influxdb.name, grafana.name) == ("lab-influxdb", "lab-grafana")
    assert (influxdb.port, influxdb.target_port) == (8086, 8086)
    assert (grafana.port, grafana.target_port) == (3000, 3000)
    assert influxdb.mount.source == "lab-influxdb-data"
    assert not influxdb.mount.is_folder


def test_with_a_folder_both_keep_their_data_in_it():
    influxdb, grafana = containers(directory="/data", user="1000:1000")
    assert (influxdb.mount.source, grafana.mount.source) == (
        "/data/influxdb",
        "/data/grafana",
    )
    assert influxdb.mount.is_folder
    assert (influxdb.user, grafana.user) == ("1000:1000", "1000:1000")


def test_for_an_influxdb_that_runs_already_there_is_grafana_alone():
    (grafana,) = containers(influxdb_url="https://influx.example.org")
    assert grafana.service == "grafana"
    assert grafana.hosts == ()


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("", "http://influxdb:8086"),
        ("https://influx.example.org", "https://influx.example.org"),
        ("http://localhost:8086", "http://host.docker.internal:8086"),
        ("http://127.0.0.1:8087", "http://host.docker.internal:8087"),
        ("http://[::1]:8087/x", "http://host.docker.internal:8087/x"),
        ("http://localhost", "http://host.docker.internal"),
    ],
)
def test_in_a_container_localhost_is_the_machine_around_it(url, inside):
    spec = dataclasses.replace(SPEC, influxdb_url=url)
    assert data_source_url(spec) == inside
    grafana = desired_containers(spec, "", "")[-1]
    named = ("host.docker.internal", "host-gateway")
    assert grafana.hosts == ((named,) if "host.docker" in inside else ())


def test_no_secret_is_in_what_a_container_is_made_of():
    text = json.dumps([dataclasses.asdict(each) for each in containers()])
    assert "secret" not in text.replace("/secrets/", "")
    assert "secret" not in repr(SPEC)
    assert "secret" not in repr(STATE)


@pytest.mark.parametrize(
    "change",
    [
        {"influxdb_image": "influxdb:2.7"},
        {"port": 8087},
        {"directory": "/data"},
        {"user": "1:1"},
    ],
)
def test_each_option_that_matters_changes_the_hash(change):
    assert containers(**change)[0].configuration != containers()[0].configuration


def test_other_files_make_another_grafana_and_the_same_influxdb():
    before, after = containers(), containers(files="files-2")
    assert before[0].configuration == after[0].configuration
    assert before[1].configuration != after[1].configuration


def test_the_hash_is_the_same_on_every_machine():
    assert containers()[0].configuration == "b2b8235079c99a97"


def test_nobody_looks_at_grafana_without_a_login_unless_that_was_asked_for():
    assert grafana_environment(anonymous=False)["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert grafana_environment(anonymous=True)["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert grafana_environment(anonymous=True)["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_grafana_calls_nobody():
    environment = grafana_environment(anonymous=False)
    for name in (
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_NEWS_NEWS_FEED_ENABLED",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED",
        "GF_USERS_ALLOW_SIGN_UP",
    ):
        assert environment[name] == "false"
    for name in (
        "GF_PLUGINS_PREINSTALL_DISABLED",
        "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED",
        "GF_SECURITY_DISABLE_GRAVATAR",
    ):
        assert environment[name] == "true"


def test_influxdb_reports_to_nobody_and_is_asked_to_end_as_it_understands():
    influxdb, grafana = containers()
    assert dict(influxdb.environment)["INFLUXD_REPORTING_DISABLED"] == "true"
    assert (influxdb.stop_signal, grafana.stop_signal) == ("SIGINT", "")


@pytest.mark.parametrize("port", [None, 0, 70_000])
def test_a_port_must_be_chosen(port):
    with pytest.raises((TypeError, ValueError), match=r"no port|not a valid port"):
        containers(port=port)


def test_the_state_is_read_as_it_was_written():
    state = json.loads(json.dumps(STATE.to_state()))
    assert DockerState.from_state({**state, "made": ["network"]}) == STATE


def test_a_state_that_lacks_something_is_refused():
    state = STATE.to_state()
    del state["operator_token"]
    with pytest.raises(TypeError, match="operator_token"):
        DockerState.from_state(state)
