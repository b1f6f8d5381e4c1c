"""Exchanges that were recorded with InfluxDB, sent to the embedded server.

Each is answered as InfluxDB answered it, or stands in DIFFERENCES and in the docs.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import pathlib
import re
from datetime import datetime
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

from multimeter.visualization.embedded.http.access import Access
from multimeter.visualization.embedded.http.app import create_app
from multimeter.visualization.embedded.store.store import Store

ROOT = pathlib.Path(__file__).parents[5]
EXCHANGES = ROOT / "tests" / "exchanges"
DOCS = ROOT / "docs" / "http-api.md"
VERSIONS = ("influxdb-2.7.12", "influxdb-2.9.1")
ACCESS = Access("kantai", "multimeter", "the-write-token", "the-read-token")


class Difference(NamedTuple):
    """What is answered instead, and why; ``part``: the body is a part of InfluxDB's."""

    reason: str
    status: int
    code: str = ""
    part: bool = False


NO_SETUP = "The server is set up when it is installed."
NO_CREATION = "There is one bucket, and two tokens for it."
NO_FLUX = "There is no Flux; the JSON API answers queries."

DIFFERENCES = {
    "health": Difference("It says that it is Multimeter.", 200),
    "setup-allowed": Difference(NO_SETUP, 200),
    "setup-weak-password": Difference(NO_SETUP, 422, "conflict"),
    "setup-missing-bucket": Difference(NO_SETUP, 422, "conflict"),
    "setup": Difference(NO_SETUP, 422, "conflict"),
    "orgs": Difference("No times, no links to what is not there.", 200, part=True),
    "buckets": Difference("No times, no links to what is not there.", 200, part=True),
    "buckets-missing": Difference("No link to itself.", 200, part=True),
    "bucket-create": Difference(NO_CREATION, 501, "not implemented"),
    "bucket-create-duplicate": Difference(NO_CREATION, 501, "not implemented"),
    "authorization-create-write": Difference(NO_CREATION, 501, "not implemented"),
    "authorization-create-read": Difference(NO_CREATION, 501, "not implemented"),
    "authorizations-list": Difference(NO_CREATION, 501, "not implemented"),
    "authorization-delete": Difference(NO_CREATION, 501, "not implemented"),
    "write-other-bucket": Difference(NO_CREATION, 404, "not found"),
    "query": Difference(NO_FLUX, 501, "not implemented"),
    "query-pivot": Difference(NO_FLUX, 501, "not implemented"),
    "query-measurements": Difference(NO_FLUX, 501, "not implemented"),
    "query-mixed-line-result": Difference(NO_FLUX, 501, "not implemented"),
    "query-empty": Difference(NO_FLUX, 501, "not implemented"),
    "query-syntax-error": Difference(NO_FLUX, 501, "not implemented"),
    "query-unknown-bucket": Difference(NO_FLUX, 501, "not implemented"),
    "query-write-only-token": Difference(NO_FLUX, 501, "not implemented"),
    "delete": Difference("It needs the token that may write.", 403, "forbidden"),
}
# These say whose server it is; what they say here, the docs say.
VERSION_HEADERS = {"X-Influxdb-Build", "X-Influxdb-Version"}
# These are different each time; InfluxDB's own answers have this form too.
TIMES = {
    "started": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "up": r"(\d+m)?\d+\.\d+s",
}


def read_exchanges(version):
    """Return the exchanges by name, with our names for their ids and tokens."""
    texts = [p.read_text(encoding="utf-8") for p in sorted(EXCHANGES.glob(f"{version}/*"))]
    answers = {each["name"]: each["response"]["body"] for each in map(json.loads, texts)}
    setup = answers["setup"]
    names = {
        setup["org"]["id"]: ACCESS.org_id,
        setup["bucket"]["id"]: ACCESS.bucket_id,
        # Nobody may do everything here; of what is served, reading comes nearest.
        setup["auth"]["token"]: ACCESS.read_token,
        answers["authorization-create-write"]["token"]: ACCESS.write_token,
        answers["authorization-create-read"]["token"]: ACCESS.read_token,
    }
    for theirs, ours in names.items():
        texts = [text.replace(theirs, ours) for text in texts]
    exchanges = {each["name"]: each for each in map(json.loads, texts)}
    # Tokens cannot be revoked here: one that does not count any more stands for it.
    late = exchanges["query-after-token-deleted"]["request"]["headers"]
    late["Authorization"] = "Token the-read-token-of-before"
    return exchanges


RECORDED = {version: read_exchanges(version) for version in VERSIONS}
NAMES = list(RECORDED[VERSIONS[0]])


@pytest.fixture(scope="module", params=VERSIONS)
def replayed(request, tmp_path_factory):
    """All exchanges of one server with our answers, and the store afterwards."""
    store = Store(tmp_path_factory.mktemp("store") / "store.duckdb")
    client = TestClient(create_app(store, ACCESS), "http://127.0.0.1:8086")
    exchanges = RECORDED[request.param]
    answers = {name: send(client, each["request"]) for name, each in exchanges.items()}
    yield exchanges, answers, store
    store.close()


def send(client, request):
    body = request["body"]
    if isinstance(body, dict):
        body = json.dumps(body)
    if body is not None:
        plain = body.removeprefix("gzip of: ").encode()
        body = plain if len(plain) == len(body.encode()) else gzip.compress(plain)
    return client.request(
        request["method"],
        request["path"],
        params=request["params"],
        headers=request["headers"],
        content=body,
    )


def body_of(answer):
    return json.loads(answer.content) if answer.content else ""


def is_part(some, whole):
    """Whether everything that is said stands in the whole, in the same place."""
    if isinstance(some, dict) and isinstance(whole, dict):
        return all(key in whole and is_part(some[key], whole[key]) for key in some)
    if isinstance(some, list) and isinstance(whole, list):
        return len(some) == len(whole) and all(map(is_part, some, whole))
    return some == whole


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_is_answered_as_recorded_or_as_the_docs_say(replayed, name):
    exchanges, answers, _ = replayed
    expected, answer = exchanges[name]["response"], answers[name]
    body = body_of(answer)
    assert answer.headers.keys() >= {each.lower() for each in VERSION_HEADERS}
    if name in DIFFERENCES:
        difference = DIFFERENCES[name]
        assert answer.status_code == difference.status
        assert body.get("code", "") == difference.code
        assert answer.headers.get("X-Platform-Error-Code", "") == difference.code
        assert (answer.status_code, body) != (expected["status"], expected["body"])
        assert not difference.part or is_part(body, expected["body"])
        return
    assert answer.status_code == expected["status"]
    for header, value in expected["headers"].items():
        if header not in VERSION_HEADERS:
            assert answer.headers[header] == value
    if name == "ready":
        assert body.keys() == expected["body"].keys()
        assert body["status"] == expected["body"]["status"]
        assert all(re.fullmatch(TIMES[key], body[key]) for key in TIMES)
        assert all(re.fullmatch(TIMES[key], expected["body"][key]) for key in TIMES)
    else:
        assert body == expected["body"]


def test_both_recordings_hold_all_exchanges():
    for version in VERSIONS:
        assert list(RECORDED[version]) == NAMES
        assert len(NAMES) == len(list(EXCHANGES.glob(f"{version}/*"))) == 56
    assert DIFFERENCES.keys() < set(NAMES)


def test_the_docs_name_each_difference_with_its_reason():
    rows = re.findall(
        r"^\| `([^|]*)` \| (.*) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE
    )
    documented = {}
    for names, rest in rows:
        for name in names.split("`, `"):
            documented[name] = rest
    listed = {name: rest for name, rest in documented.items() if name in NAMES}
    assert listed.keys() == DIFFERENCES.keys()
    for name, difference in DIFFERENCES.items():
        assert str(difference.status) in listed[name], name
        assert difference.reason in listed[name], name


VALUES = {
    "double": float,
    "long": int,
    "boolean": lambda text: text == "true",
    "string": str,
}


def points_of(annotated):
    """Return the points in a recorded answer to a Flux query, as InfluxDB stored them."""
    points = {}
    for table in annotated.split("\r\n\r\n"):
        if not table.strip():
            continue
        types, _, _, names, *rows = csv.reader(io.StringIO(table))
        kind = VALUES[types[names.index("_value")]]
        for row in rows:
            point = dict(zip(names, row))
            moment = datetime.strptime(point["_time"], "%Y-%m-%dT%H:%M:%S%z")
            key = (point["_measurement"], int(moment.timestamp()) * 10**9, point["_field"])
            points[key] = kind(point["_value"])
    return points


@pytest.mark.parametrize("query", ["query", "query-mixed-line-result"])
def test_what_was_written_is_stored_as_influxdb_stored_it(replayed, query):
    exchanges, _, store = replayed
    expected = points_of(exchanges[query]["response"]["body"])
    measurements = re.findall(r'_measurement == "(\w+)"', str(exchanges[query]["request"]))
    stored = {
        (name, record.time_ns, key): value
        for name in measurements
        for record in store.rows(name)
        for key, value in record.fields.items()
    }
    assert expected
    assert stored == expected
    assert {k: type(v) for k, v in stored.items()} == {
        k: type(v) for k, v in expected.items()
    }


def test_the_measurements_are_those_that_influxdb_has(replayed):
    exchanges, _, store = replayed
    answer = exchanges["query-measurements"]["response"]["body"]
    rows = list(csv.reader(io.StringIO(answer)))
    expected = {row[3] for row in rows[4:] if row}
    assert {each.name for each in store.measurements()} == expected
