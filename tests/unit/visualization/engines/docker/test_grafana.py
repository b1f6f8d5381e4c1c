from __future__ import annotations

import io
import json
import tarfile

import pytest
import yaml
from fakes.impostor import ANSWERS, Impostor

from multimeter.visualization.dashboards.grafana import render_dashboards
from multimeter.visualization.engines.docker.grafana import (
    File,
    Grafana,
    archive,
    dashboard_files,
    data_source_files,
    digest,
    password_file,
)
from multimeter.visualization.errors import VisualizationError

SECRET = "a-secret-token"


def text_of(files, ending):
    (found,) = [each.text for each in files if each.path.endswith(ending)]
    return found


def source_of(org="kantai", bucket="multimeter"):
    files = data_source_files("http://influxdb:8086", org, bucket, SECRET)
    (source,) = yaml.safe_load(text_of(files, "datasources/multimeter.yaml"))["datasources"]
    return source


def test_the_data_source_has_a_fixed_uid_and_its_token_from_a_file():
    source = source_of()
    assert source["uid"] == "multimeter-influxdb"
    assert source["url"] == "http://influxdb:8086"
    assert source["jsonData"]["version"] == "Flux"
    assert source["jsonData"]["organization"] == "kantai"
    assert source["jsonData"]["defaultBucket"] == "multimeter"
    token = source["secureJsonData"]["token"]
    assert token == "$__file{/etc/multimeter/secrets/influxdb-read-token}"


@pytest.mark.parametrize(
    "name", ['my "lab"', "größe 😀", "a: b", "{{ x }}", "'", "#", "x\\y"]
)
def test_any_name_of_an_organisation_stays_what_it_is(name):
    assert source_of(org=name)["jsonData"]["organization"] == name


@pytest.mark.parametrize("name", ["a$HOME", "${HOME}", "$__file{/etc/passwd}"])
def test_grafana_is_kept_from_putting_something_in_for_a_dollar(name):
    assert source_of(org=name)["jsonData"]["organization"] == name.replace("$", "$$")


def test_the_dashboards_are_found_where_the_provider_looks():
    files = dashboard_files()
    (provider,) = yaml.safe_load(text_of(files, "dashboards/multimeter.yaml"))["providers"]
    folder = provider["options"]["path"]
    found = [each.path for each in files if each.path.startswith(f"{folder}/")]
    assert found == [f"{folder}/{name}" for name in render_dashboards()]


def test_the_archive_keeps_secrets_for_their_owner():
    files = [*dashboard_files(), *data_source_files("u", "o", "b", SECRET)]
    files.append(password_file("a-secret-password"))
    packed = archive(files, 472, 0, 1_000.5)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        members = {each.name: each for each in tar.getmembers()}
        stream = tar.extractfile("etc/multimeter/secrets/admin-password")
        assert stream.read() == b"a-secret-password"
    assert {(each.uid, each.gid, each.mtime) for each in members.values()} == {
        (472, 0, 1000)
    }
    assert members["etc/multimeter/secrets"].mode == 0o700
    assert members["etc/multimeter/secrets/admin-password"].mode == 0o600
    assert members["etc/multimeter/secrets/influxdb-read-token"].mode == 0o600
    assert members["etc/multimeter/dashboards/run.json"].mode == 0o644
    assert not any(each.name.startswith("/") for each in members.values())
    for each in members.values():
        parent = each.name.rpartition("/")[0]
        assert parent in ("etc", *members), "a folder would be made by someone else"


def test_the_hash_of_files_says_nothing_of_their_secrets():
    before = data_source_files("u", "o", "b", SECRET)
    after = data_source_files("u", "o", "b", "another")
    assert digest(before) == digest(after)
    assert digest(before) != digest(data_source_files("u", "o", "other", SECRET))


def test_secrets_do_not_show_where_files_are_printed():
    files = data_source_files("u", "o", "b", SECRET)
    assert SECRET not in repr(files)
    assert SECRET not in json.dumps([each.path for each in files])
    assert SECRET not in text_of(files, ".yaml")
    assert SECRET in [each.text for each in files]


def test_a_folder_is_a_file_without_text():
    packed = archive([File("/a", None), File("/a/b", "")], 0, 0, 0)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert [each.isdir() for each in tar.getmembers()] == [True, False]


@pytest.mark.parametrize("answer", ["redirect", "keep the method"])
def test_no_redirect_takes_the_password_along(answer):
    with (
        Impostor.running(ANSWERS["ok"]) as other,
        Impostor.running(ANSWERS[answer].replace(b"{here}", other.url.encode())) as here,
    ):
        grafana = Grafana(here.url, "s3cret")
        with pytest.raises(VisualizationError, match="answered 30"):
            grafana.reload_data_sources()
        assert not grafana.has_dashboard("uid")
        grafana.close()
    assert here.received
    assert other.received == b""
