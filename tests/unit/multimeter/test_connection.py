from __future__ import annotations

import json
import pathlib

import pytest

from multimeter import ConfigurationError, NoStackError
from multimeter.connection import (
    Connection,
    default_config_file,
    find_connection,
    read_connection,
)

STACK = {
    "version": 1,
    "name": "visu",
    "engine": "embedded",
    "url": "http://127.0.0.1:8086",
    "org": "kantai",
    "bucket": "multimeter",
    "token": "WRITE-SECRET",
    "read_token": "READ-SECRET",
    "page": "http://127.0.0.1:8086/",
    "engine_state": {"pid": 1},
}
ENVIRONMENT = {
    "INFLUXDB_V2_URL": "http://other:8086",
    "INFLUXDB_V2_TOKEN": "OTHER-SECRET",
    "INFLUXDB_V2_ORG": "org",
    "INFLUXDB_V2_BUCKET": "bucket",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.fixture
def installed(home):
    path = home / ".multimeter" / "visu.config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(STACK))
    return path


def written(tmp_path, **changes):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(STACK | changes))
    return path


def test_the_configuration_lies_in_the_home_folder(home):
    assert default_config_file() == home / ".multimeter" / "visu.config.json"
    assert isinstance(default_config_file(), pathlib.Path)


def test_the_installed_stack_is_found(installed):
    assert find_connection(environment={}) == Connection(
        url="http://127.0.0.1:8086",
        org="kantai",
        bucket="multimeter",
        token="WRITE-SECRET",
        read_token="READ-SECRET",
        page="http://127.0.0.1:8086/",
    )


def test_the_environment_comes_before_the_installed_stack(installed):
    assert find_connection(environment=ENVIRONMENT) == Connection(
        "http://other:8086", "org", "bucket", "OTHER-SECRET"
    )


def test_the_environment_of_the_process_is_asked(installed, monkeypatch):
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    assert find_connection().token == "OTHER-SECRET"


def test_organisation_and_bucket_of_the_environment_have_defaults():
    found = find_connection(
        environment={"INFLUXDB_V2_URL": "http://x", "INFLUXDB_V2_TOKEN": "t"}
    )
    assert (found.org, found.bucket) == ("kantai", "multimeter")


@pytest.mark.parametrize("missing", ["INFLUXDB_V2_URL", "INFLUXDB_V2_TOKEN"])
def test_half_a_connection_in_the_environment_is_none(installed, missing):
    assert find_connection(environment=ENVIRONMENT | {missing: ""}).token == "WRITE-SECRET"


def test_a_configuration_that_is_named_comes_before_the_environment(tmp_path):
    path = written(tmp_path, token="NAMED")
    assert find_connection(path, ENVIRONMENT).token == "NAMED"
    assert find_connection(str(path), ENVIRONMENT).token == "NAMED"


def test_without_a_stack_the_error_says_how_to_install_one(home):
    with pytest.raises(NoStackError, match=r"there is no .*visu\.config\.json") as caught:
        find_connection(environment={})
    assert "multimeter-visu install" in str(caught.value)


def test_tokens_are_in_no_repr(installed):
    text = repr(find_connection(environment={}))
    assert "SECRET" not in text
    assert "http://127.0.0.1:8086" in text


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"token": "SECRET" "url"', b"[" * 100_000]
)
def test_a_broken_configuration_is_a_clear_error_without_its_content(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        read_connection(path)
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_an_editor_of_windows_may_have_saved_a_configuration(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert read_connection(path).token == STACK["token"]


def test_a_configuration_that_cannot_be_opened_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_connection(tmp_path)


@pytest.mark.parametrize("content", [[], None, {}, {"version": 2}, {"version": "1"}])
def test_a_configuration_of_another_version_is_a_clear_error(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigurationError, match="not of version 1"):
        read_connection(path)


@pytest.mark.parametrize("key", ["url", "org", "bucket", "token"])
@pytest.mark.parametrize("value", ["", None, 3])
def test_a_configuration_without_what_is_needed_names_it(tmp_path, key, value):
    with pytest.raises(ConfigurationError, match=f"no usable '{key}'") as caught:
        read_connection(written(tmp_path, **{key: value}))
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("key", ["read_token", "page"])
def test_a_configuration_need_not_say_how_to_read_or_look(tmp_path, key):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({k: v for k, v in STACK.items() if k != key}))
    assert getattr(read_connection(path), key) == ""


@pytest.mark.parametrize(
    ("engine", "path"),
    [
        ("docker", "/d/6V5fU2t7r/multimeter?var-measurementId="),
        ("embedded", "/?run="),
        ("", "/d/6V5fU2t7r/multimeter?var-measurementId="),
    ],
)
def test_a_run_has_a_link_of_its_own_where_the_page_is_known(engine, path):
    found = {"url": "u", "org": "o", "bucket": "b", "token": "t", "engine": engine}
    link = Connection(**found, page="http://127.0.0.1:8086/").page_of("größe/1 &x")
    assert link == f"http://127.0.0.1:8086{path}gr%C3%B6%C3%9Fe%2F1%20%26x"
    assert Connection(**found).page_of("run") == ""


def test_a_configuration_of_version_0_1_is_recognised(tmp_path):
    path = tmp_path / "visu.config.json"
    environment = {"DATA_DIR": "/data", "GRAFANA_INFLUX_DATA_SOURCE_TOKEN": "T0KEN"}
    path.write_text(json.dumps({"environment": environment}))
    with pytest.raises(ConfigurationError, match=r"Multimeter 0\.1") as caught:
        read_connection(path)
    assert "docker rm -f influxdb2 grafana8" in caught.value.next_step
    assert "/data" in caught.value.cause
    assert "T0KEN" not in str(caught.value)


def test_a_home_that_is_no_folder_has_no_configuration(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NoStackError):
        read_connection(tmp_path / "file" / "visu.config.json")
