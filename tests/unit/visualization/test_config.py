from __future__ import annotations

import dataclasses
import json
import os
import stat

import pytest

from multimeter.connection import read_connection
from multimeter.errors import ConfigurationError
from multimeter.visualization.config import (
    StackConfig,
    locked,
    read_config,
    remove_config,
    write_config,
)
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.engines.docker.state import DockerState, Endpoint
from multimeter.visualization.errors import NotInstalledError, VisualizationError
from multimeter.visualization.stack_spec import StackSpec

SPEC = StackSpec(engine_name="embedded", directory="/data", port=8086)
CONFIG = StackConfig.of_spec(
    SPEC,
    url="http://127.0.0.1:8086",
    page="http://127.0.0.1:8086",
    token="write-secret",
    read_token="read-secret",
    state={"made_folders": ["/data"]},
)


def test_what_is_written_is_read_again(tmp_path):
    file = tmp_path / "deep" / "visu.config.json"
    write_config(file, CONFIG)
    assert read_config(file) == CONFIG


def test_the_file_holds_what_the_design_names_and_no_more(tmp_path):
    file = tmp_path / "visu.config.json"
    write_config(file, CONFIG)
    assert set(json.loads(file.read_text())) == {
        "version",
        "name",
        "engine",
        "url",
        "org",
        "bucket",
        "token",
        "read_token",
        "page",
        "engine_state",
    }


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        StackSpec(
            name="lab",
            engine_name="docker",
            org="o",
            bucket="b",
            directory="/lab",
            port=8087,
            grafana_port=3001,
            influxdb_image="influxdb:2.7",
            grafana_image="g",
            timeout=9.5,
            anonymous=True,
            influxdb_url="http://u",
        ),
    ],
)
def test_the_specification_is_kept_as_it_is(tmp_path, spec):
    file = tmp_path / "visu.config.json"
    config = StackConfig.of_spec(
        spec, url="http://u", page="http://p", token="w", read_token="r", state={}
    )
    write_config(file, config)
    assert read_config(file).spec == spec


def test_the_token_of_an_influxdb_elsewhere_is_kept_once(tmp_path):
    file = tmp_path / "visu.config.json"
    spec = dataclasses.replace(SPEC, influxdb_token="external-secret")
    config = StackConfig.of_spec(
        spec, url="http://u", page="http://p", token="w", read_token="r", state={}
    )
    write_config(file, config)
    assert "external-secret" not in file.read_text()


# As earlier versions wrote them.
EARLIER_EMBEDDED = {
    "version": 1,
    "name": "lab",
    "engine": "embedded",
    "url": "http://127.0.0.1:8087",
    "org": "kantai",
    "bucket": "multimeter",
    "token": "w",
    "read_token": "r",
    "page": "http://127.0.0.1:8087",
    "engine_state": {
        "directory": "/home/me/.multimeter/embedded-lab",
        "made_folders": ["/home/me/.multimeter/embedded-lab"],
        "port": 8087,
        "made": ["data"],
        "config_folders": ["/home/me/.multimeter"],
    },
}
EARLIER_DOCKER = EARLIER_EMBEDDED | {
    "engine": "docker",
    "page": "http://127.0.0.1:3001",
    "engine_state": {
        "id": "0123456789abcdef",
        "endpoint": {
            "host": "unix:///var/run/docker.sock",
            "found": "the default socket",
            "context": "",
            "certificates": "",
            "verify": False,
        },
        "influxdb_image": "influxdb:2.7",
        "grafana_image": "grafana/grafana:12.4.2",
        "influxdb_port": 8087,
        "grafana_port": 3001,
        "timeout": 60.0,
        "operator_token": "operator",
        "influxdb_password": "influxdb",
        "grafana_password": "grafana",
        "directory": "/data",
        "user": "1000:1000",
        "anonymous": True,
        "influxdb_url": "",
        "adopted": ["/data/influxdb"],
        "made_folders": ["/data"],
        "made": ["network"],
        "config_folders": [],
    },
}


def test_an_embedded_stack_of_an_earlier_version_is_read(tmp_path):
    file = tmp_path / "visu.config.json"
    file.write_text(json.dumps(EARLIER_EMBEDDED))
    file.chmod(0o600)
    config = read_config(file)
    directory = "/home/me/.multimeter/embedded-lab"
    assert config.spec == StackSpec(
        name="lab", engine_name="embedded", directory=directory, port=8087
    )
    assert str(DataFolder.of(config).path) == directory


def test_a_stack_in_containers_of_an_earlier_version_is_read(tmp_path):
    file = tmp_path / "visu.config.json"
    file.write_text(json.dumps(EARLIER_DOCKER))
    file.chmod(0o600)
    config = read_config(file)
    assert config.spec == StackSpec(
        name="lab",
        engine_name="docker",
        directory="/data",
        port=8087,
        grafana_port=3001,
        influxdb_image="influxdb:2.7",
        timeout=60.0,
        anonymous=True,
    )
    state = DockerState.from_state(config.engine_state)
    assert state == DockerState(
        endpoint=Endpoint("unix:///var/run/docker.sock", "the default socket"),
        id="0123456789abcdef",
        operator_token="operator",
        influxdb_password="influxdb",
        grafana_password="grafana",
        user="1000:1000",
        adopted=("/data/influxdb",),
        made_folders=("/data",),
    )


def test_an_install_under_way_is_marked(tmp_path):
    file = tmp_path / "visu.config.json"
    write_config(file, dataclasses.replace(CONFIG, installing=True))
    assert read_config(file).installing


def test_the_library_finds_its_connection_in_it(tmp_path):
    file = tmp_path / "visu.config.json"
    write_config(file, CONFIG)
    connection = read_connection(file)
    assert (connection.url, connection.token) == (CONFIG.url, CONFIG.token)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_read_it_whatever_the_umask(tmp_path, mask):
    file = tmp_path / "new" / "visu.config.json"
    before = os.umask(mask)
    try:
        write_config(file, CONFIG)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_secrets_do_not_show_in_its_text():
    assert "secret" not in repr(CONFIG)
    assert "secret" not in str(CONFIG)


def test_a_missing_file_means_not_installed(tmp_path):
    with pytest.raises(NotInstalledError, match="No visualization is installed") as caught:
        read_config(tmp_path / "visu.config.json")
    assert caught.value.exit_code == 253
    assert "multimeter-visu install" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"text"',
        "null",
        '{"version": 2}',
        '{"version": 1}',
        '{"version": 1, "url": 7, "org": "o", "bucket": "b", "token": "t"}',
        '{"version": 1, "url": "u", "org": "o", "bucket": "b", "token": "t"}',
        '{"version": 1, "url": "u", "org": "o", "bucket": "b", "token": "t", "engine": 3}',
        (
            '{"version": 1, "url": "u", "org": "o", "bucket": "b", "token": "t",'
            ' "engine": "embedded", "engine_state": []}'
        ),
        "[" * 100_000,
        "\x00\xff",
    ],
)
def test_a_broken_file_is_said_to_be_broken(tmp_path, text):
    file = tmp_path / "visu.config.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError, match="configuration") as caught:
        read_config(file)
    assert caught.value.next_step


def test_a_folder_in_its_place_is_said_to_be_unreadable(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_config(tmp_path)


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VisualizationError, match="cannot be written") as caught:
        write_config(tmp_path / "file" / "visu.config.json", CONFIG)
    assert "secret" not in str(caught.value)


def test_a_draft_never_stays_behind(tmp_path):
    (tmp_path / "visu.config.json").mkdir()
    with pytest.raises(VisualizationError):
        write_config(tmp_path / "visu.config.json", CONFIG)
    assert [each.name for each in tmp_path.iterdir()] == ["visu.config.json"]


def test_removing_takes_the_folder_along_only_when_it_is_empty(tmp_path):
    file = tmp_path / ".multimeter" / "visu.config.json"
    write_config(file, CONFIG)
    (file.parent / "mine.txt").write_text("keep")
    remove_config(file)
    assert [each.name for each in file.parent.iterdir()] == ["mine.txt"]
    (file.parent / "mine.txt").unlink()
    remove_config(file)
    assert not file.parent.exists()


def test_a_folder_that_is_not_ours_stays_even_when_it_is_empty(tmp_path):
    file = tmp_path / "visu.config.json"
    write_config(file, CONFIG)
    remove_config(file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="flock is POSIX")
def test_two_cannot_change_one_stack_at_the_same_time(tmp_path):
    file = tmp_path / "new" / "visu.config.json"
    refused = pytest.raises(VisualizationError, match="Another process")
    with locked(file), refused, locked(file):
        pytest.fail("entered")
    with locked(file):
        pass
    assert not file.parent.exists()


def test_what_a_killed_program_was_writing_goes_with_the_configuration(tmp_path):
    file = tmp_path / ".multimeter" / "visu.config.json"
    write_config(file, CONFIG)
    file.with_name(".multimeter-0123456789abcdef").write_text("secret")
    remove_config(file)
    assert not file.parent.exists()


@pytest.mark.skipif(os.name != "posix", reason="flock is POSIX")
def test_no_folder_is_left_where_nothing_was_installed(tmp_path):
    with locked(tmp_path / "a" / "b" / "visu.config.json"):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a" / "b" / "visu.config.json"):
        write_config(tmp_path / "a" / "b" / "visu.config.json", CONFIG)
    assert (tmp_path / "a" / "b" / "visu.config.json").exists()
