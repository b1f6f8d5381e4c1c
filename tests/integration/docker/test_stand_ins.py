"""The stand-ins, held to what real servers answered: tests/exchanges.

They run here as plain processes, which needs no engine. All that an install asks must be
among the exchanges, and the stand-ins must answer as recorded.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import pytest
import requests
from fakes.images import build_stand_in

ROOT = pathlib.Path(__file__).parents[3]
EXCHANGES = ROOT / "tests" / "exchanges"
INFLUXDB = ("influxdb-2.9.1", "influxdb-2.7.12")
GRAFANA = "grafana-9.3.2"

NOT_ASKED_BY_AN_INSTALL = {
    "ready",
    "query-pivot",
    "query-measurements",
    "query-syntax-error",
    "delete",
    "write-v1-endpoint",
    # Grafana
    "dashboards-db-create",
    "dashboards-db-bad",
    "annotations-create",
    "annotations",
    "admin-reload-dashboards",
    "serviceaccount-create",
    "change-password",
    "change-password-back",
    "datasources",
}
DIFFERENT_EACH_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"  # when a query was asked
)


def read(folder):
    texts = [file.read_text() for file in sorted((EXCHANGES / folder).glob("*.json"))]
    return {each["name"]: each for each in map(json.loads, texts)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A stand-in as a process of this machine."""

    def __init__(self, service, folder, environment):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log"
        folder.mkdir(exist_ok=True)
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--folder", str(folder)]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/fakes" / service / "server.py"), *words],
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=log,
                stderr=log,
            )

    def wait(self):
        while self._process.poll() is None:
            if "Listening" in self.log.read_text():
                return self
            time.sleep(0.02)
        pytest.fail(self.log.read_text())

    def ended(self):
        self._process.wait(30)
        return self.log.read_text()

    def close(self):
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="module", params=INFLUXDB)
def influxdb(request, tmp_path_factory):
    """All exchanges with InfluxDB, and what the stand-in answers to the same."""
    recorded = read(request.param)
    process = Process("influxdb", tmp_path_factory.mktemp("influxdb"), {}).wait()
    names = {}
    answers = {}
    for name, exchange in recorded.items():
        answers[name] = send(process.url, exchange["request"], names)
        learn(exchange["response"]["body"], body_of(answers[name]), names)
    yield recorded, answers, names
    process.close()


def learn(theirs, ours, names):
    """Note what was made up anew: ids and tokens."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() & ours.keys():
            learn(theirs[key], ours[key], names)
        for key in ("id", "token", "orgID"):
            if isinstance(theirs.get(key), str) and isinstance(ours.get(key), str):
                names.setdefault(theirs[key], ours[key])


def send(url, request, names):
    text = json.dumps(request)
    for theirs, ours in names.items():
        text = text.replace(theirs, ours)
    request = json.loads(text)
    body = request["body"]
    if isinstance(body, dict):
        body = json.dumps(body)
    elif isinstance(body, str) and body.startswith("gzip of: "):
        body = gzip.compress(body.removeprefix("gzip of: ").encode())
    return requests.request(
        request["method"],
        url + request["path"],
        params=request["params"],
        headers=request["headers"],
        auth=("admin", "admin") if request.get("basic_auth") else None,
        data=body.encode() if isinstance(body, str) else body,
        allow_redirects=False,
        timeout=30,
    )


def body_of(answer):
    if "json" in answer.headers.get("Content-Type", ""):
        return answer.json()
    return answer.text


def is_part(ours, theirs, names):
    """Whether all that a stand-in says was said by the real server, in the same place."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(key in theirs and is_part(ours[key], theirs[key], names) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(
            is_part(a, b, names) for a, b in zip(ours, theirs)
        )
    return ours == names.get(theirs, theirs) if isinstance(theirs, str) else ours == theirs


@pytest.mark.parametrize(
    "name", [n for n in read(INFLUXDB[0]) if n not in NOT_ASKED_BY_AN_INSTALL]
)
def test_influxdb_is_stood_in_for_as_recorded(influxdb, name):
    recorded, answers, names = influxdb
    expected, answer = recorded[name]["response"], answers[name]
    assert answer.status_code == expected["status"], answer.text
    for header in ("Content-Type", "X-Platform-Error-Code", "X-Influxdb-Build"):
        assert answer.headers.get(header) == expected["headers"].get(header), header
    ours, theirs = body_of(answer), expected["body"]
    if isinstance(theirs, str):
        assert DIFFERENT_EACH_TIME.sub("T", ours) == DIFFERENT_EACH_TIME.sub("T", theirs)
    else:
        ours.pop("links", None)
        versions = {"version": theirs.get("version")} if "version" in ours else {}
        assert is_part({**ours, **versions}, theirs, names), (ours, theirs)


PASSWORD = "admin"


@pytest.fixture(scope="module")
def grafana(tmp_path_factory):
    """All exchanges with Grafana, and what the stand-in answers to the same."""
    recorded = read(GRAFANA)
    folder = tmp_path_factory.mktemp("servers")
    influxdb = Process("influxdb", folder / "influxdb", {}).wait()
    token = "a-token-that-may-everything"
    set_up = {"username": "admin", "password": "long enough", "token": token}
    set_up |= {"org": "kantai", "bucket": "multimeter"}
    assert requests.post(f"{influxdb.url}/api/v2/setup", json=set_up, timeout=30).ok
    write_recorded_points(influxdb.url, token, recorded["ds-query"])
    # The server on which this was recorded was set up by hand, with these.
    provisioning = provision(folder, recorded, influxdb.url, token)
    environment = {"GF_PATHS_PROVISIONING": str(provisioning)}
    environment["GF_SECURITY_ADMIN_PASSWORD"] = PASSWORD
    process = Process("grafana", folder / "grafana", environment).wait()
    yield recorded, process.url
    process.close()
    influxdb.close()


def write_recorded_points(url, token, exchange):
    (frame,) = exchange["response"]["body"]["results"]["A"]["frames"]
    lines = "\n".join(
        f"example process.cpu_rate_user={value!r} {time_ms}"
        for time_ms, value in zip(*frame["data"]["values"])
    )
    answer = requests.post(
        f"{url}/api/v2/write",
        params={"org": "kantai", "bucket": "multimeter", "precision": "ms"},
        headers={"Authorization": f"Token {token}"},
        data=lines,
        timeout=30,
    )
    assert answer.status_code == 204, answer.text


def provision(folder, recorded, url, token):
    provisioning = folder / "provisioning"
    for each in ("datasources", "dashboards", "json"):
        (provisioning / each).mkdir(parents=True)
    (folder / "token").write_text(token)
    (source,) = recorded["datasources"]["response"]["body"]
    source = {key: source[key] for key in ("name", "uid", "type", "access", "jsonData")}
    source |= {"url": url, "secureJsonData": {"token": f"$__file{{{folder}/token}}"}}
    sources = {"apiVersion": 1, "datasources": [source]}
    (provisioning / "datasources/a.yaml").write_text(json.dumps(sources))
    provider = {"name": "x", "type": "file", "options": {"path": f"{provisioning}/json"}}
    providers = {"apiVersion": 1, "providers": [provider]}
    (provisioning / "dashboards/a.yaml").write_text(json.dumps(providers))
    dashboard = recorded["dashboard-by-uid"]["response"]["body"]["dashboard"]
    (provisioning / "json/multimeter.json").write_text(json.dumps(dashboard))
    return provisioning


@pytest.mark.parametrize(
    "name", [n for n in read(GRAFANA) if n not in NOT_ASKED_BY_AN_INSTALL]
)
def test_grafana_is_stood_in_for_as_recorded(grafana, name):
    recorded, url = grafana
    request, expected = recorded[name]["request"], recorded[name]["response"]
    if name == "api-wrong-password":
        auth = {"Authorization": requests.auth._basic_auth_str("admin", "nope")}
        request = {**request, "basic_auth": False, "headers": auth}
    answer = send(url, request, {})
    assert answer.status_code == expected["status"], answer.text
    for header, value in expected["headers"].items():
        if header != "Set-Cookie":
            assert answer.headers[header] == value, header
    ours, theirs = body_of(answer), expected["body"]
    if name == "datasource-health":
        # How many buckets there are depends on the server behind it.
        ours["message"] = re.sub(r"\d+", "3", ours["message"])
    assert is_part(ours, theirs, {}) or name == "ds-query", (ours, theirs)
    if name == "ds-query":
        assert ours == theirs


# What Grafana refuses


@pytest.fixture
def files(tmp_path):
    """A place for provisioning files, with good ones in it."""
    (tmp_path / "token").write_text("secret")
    for each in ("datasources", "dashboards", "json"):
        (tmp_path / "provisioning" / each).mkdir(parents=True)
    return tmp_path


def grafana_with(files, source="", provider="", dashboard=None, **environment):
    provisioning = files / "provisioning"
    (provisioning / "datasources/a.yaml").write_text(source or "apiVersion: 1\n")
    (provisioning / "dashboards/a.yaml").write_text(provider or "apiVersion: 1\n")
    if dashboard is not None:
        (provisioning / "json/a.json").write_text(dashboard)
    environment["GF_PATHS_PROVISIONING"] = str(provisioning)
    return Process("grafana", files / "data", environment)


SOURCE = """\
apiVersion: 1
datasources:
  - {name: a, uid: a, type: influxdb, access: proxy, secureJsonData: {token: "TOKEN"}}
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (SOURCE.replace("TOKEN", "$__file{/nowhere}"), "expander file: /nowhere"),
        ("apiVersion: 1\ndatasources: [{name: a}]\n", "is required"),
        ("datasources: {{", "expected"),
        ("apiVersion: 2\n", "apiVersion"),
    ],
)
def test_grafana_does_not_start_with_broken_data_sources(files, source, said):
    assert said in grafana_with(files, source=source).ended()


def test_grafana_does_not_start_without_the_file_of_its_password(files):
    name = "$__file{/nowhere}"
    said = grafana_with(files, GF_SECURITY_ADMIN_PASSWORD=name).ended()
    assert "expander file: /nowhere" in said


@pytest.mark.parametrize(
    "dashboard",
    [
        "{",
        "{}",
        '{"title": "a", "uid": "a/b"}',
        '{"title": "", "uid": "a"}',
        '{"title": "a", "uid": "a", "schemaVersion": 99}',
    ],
)
def test_grafana_passes_over_broken_dashboards(files, dashboard):
    provider = {
        "name": "a",
        "type": "file",
        "options": {"path": str(files / "provisioning/json")},
    }
    providers = json.dumps({"apiVersion": 1, "providers": [provider]})
    process = grafana_with(files, provider=providers, dashboard=dashboard).wait()
    assert "level=error" in process.log.read_text()
    found = requests.get(f"{process.url}/api/search", auth=("admin", "admin"), timeout=30)
    process.close()
    assert found.json() == []


def test_grafana_keeps_the_password_of_its_first_start(files):
    first = grafana_with(files, GF_SECURITY_ADMIN_PASSWORD="first").wait()
    first.close()
    second = grafana_with(files, GF_SECURITY_ADMIN_PASSWORD="second").wait()
    statuses = [
        requests.get(f"{second.url}/api/org", auth=("admin", each), timeout=30).status_code
        for each in ("first", "second")
    ]
    second.close()
    assert statuses == [200, 401]
    assert hashlib.sha256(b"first").hexdigest() in (files / "data/grafana.db").read_text()


# What is asked


@pytest.fixture
def stand_ins(tool, client):
    """The tool with stand-ins, whatever the other tests use."""
    names = {each: build_stand_in(client, each) for each in ("influxdb", "grafana")}
    tool.images = dataclasses.replace(tool.images, **names)
    return tool


def asked(log):
    """Return what the requests in a log asked, as far as recordings tell it apart."""
    requests_ = re.findall(r'"(GET|POST|DELETE) ([^? ]*)', log)
    uid = re.compile(r"/api/(dashboards|datasources)/uid/[^/]+")
    return {(method, uid.sub(r"/api/\1/uid/*", path)) for method, path in requests_}


def recorded_in(*folders):
    exchanges = [each for folder in folders for each in read(folder).values()]
    replayed = [e for e in exchanges if e["name"] not in NOT_ASKED_BY_AN_INSTALL]
    lines = [f'"{e["request"]["method"]} {e["request"]["path"]} ' for e in replayed]
    return asked("\n".join(lines))


def test_all_that_the_tool_asks_has_been_recorded_and_is_replayed_here(stand_ins):
    stand_ins.installed()
    for verb in ("status", "open", "doctor", "stop", "start"):
        assert stand_ins.run(verb).returncode == 0
    for service, folders in (("influxdb", INFLUXDB), ("grafana", (GRAFANA,))):
        seen = asked(stand_ins.run("logs", service, "--lines", "10000").stdout)
        assert len(seen) >= 4
        assert seen <= recorded_in(*folders)
