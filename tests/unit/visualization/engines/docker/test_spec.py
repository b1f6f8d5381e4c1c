from __future__ import annotations

import dataclasses
import json

import pytest

from multimeter.visualization.engines.docker.settings import Settings
from multimeter.visualization.engines.docker.spec import (
    data_source_url,
    desired_containers,
    grafana_environment,
)

SETTINGS = Settings(
    id="an-id",
    endpoint={"host": "unix:///var/run/docker.sock", "found": "the default socket"},
    influxdb_image="influxdb:2",
    grafana_image="grafana/grafana:12.4.2",
    influxdb_port=8086,
    grafana_port=3000,
    timeout=60.0,
    operator_token="operator-secret",
    influxdb_password="influxdb-secret",
    grafana_password="grafana-secret",
)


def containers(**changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    return desired_containers("lab", settings, "files-1")


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
    settings = dataclasses.replace(SETTINGS, influxdb_url=url)
    assert data_source_url(settings) == inside
    grafana = desired_containers("lab", settings, "")[-1]
    named = ("host.docker.internal", "host-gateway")
    assert grafana.hosts == ((named,) if "host.docker" in inside else ())


def test_no_secret_is_in_what_a_container_is_made_of():
    text = json.dumps([dataclasses.asdict(each) for each in containers()])
    assert "secret" not in text.replace("/secrets/", "")
    assert "secret" not in repr(SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        {"influxdb_image": "influxdb:2.7"},
        {"influxdb_port": 8087},
        {"directory": "/data"},
        {"user": "1:1"},
    ],
)
def test_each_setting_that_matters_changes_the_hash(change):
    assert containers(**change)[0].configuration != containers()[0].configuration


def test_other_files_make_another_grafana_and_the_same_influxdb():
    before, after = containers(), desired_containers("lab", SETTINGS, "files-2")
    assert before[0].configuration == after[0].configuration
    assert before[1].configuration != after[1].configuration


def test_secrets_do_not_change_the_hash():
    changed = containers(grafana_password="another", operator_token="another", id="x")
    assert [each.configuration for each in changed] == [
        each.configuration for each in containers()
    ]


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


def test_settings_are_read_as_they_were_written():
    state = json.loads(json.dumps(SETTINGS.to_state()))
    assert Settings.from_state({**state, "made": ["network"]}) == SETTINGS


def test_settings_that_lack_something_are_refused():
    state = SETTINGS.to_state()
    del state["operator_token"]
    with pytest.raises(TypeError, match="operator_token"):
        Settings.from_state(state)
