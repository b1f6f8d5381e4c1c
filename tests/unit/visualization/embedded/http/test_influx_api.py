from __future__ import annotations

import gzip

import pytest

from multimeter import __version__
from multimeter.http.proof import CHALLENGE, PROOF, is_proof, new_challenge
from multimeter.visualization.embedded.http.reading import Limits
from multimeter.visualization.errors import StoreError, StoreFullError

WHERE = {"org": "kantai", "bucket": "multimeter"}


def stored(served, measurement):
    return [(each.time_ns, dict(each.fields)) for each in served.store.rows(measurement)]


def error(answer):
    assert answer.headers["X-Platform-Error-Code"] == answer.json()["code"]
    return answer.status_code, answer.json()["code"], answer.json()["message"]


@pytest.mark.parametrize(
    ("precision", "time"), [("ns", 5), ("us", 5_000), ("ms", 5 * 10**6), ("s", 5 * 10**9)]
)
def test_times_count_in_the_precision(served, precision, time):
    served.write("m v=1 5", precision=precision)
    assert stored(served, "m") == [(time, {"v": 1.0})]


def test_times_are_in_nanoseconds_where_no_precision_is_given(served):
    served.write("m v=1 5", precision="")
    served.write("n v=1 5")
    assert stored(served, "m") == stored(served, "n") == [(5, {"v": 1.0})]


def test_a_point_without_a_time_gets_that_of_the_server(served):
    served.write("m v=1")
    assert stored(served, "m") == [(served.clock.now_ns, {"v": 1.0})]


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "Gzip", "X-GZip"])
def test_a_body_may_be_zipped(served, encoding):
    answer = served.writer().post(
        "/api/v2/write",
        params=WHERE,
        content=gzip.compress(b"m v=1 5\nm v=2 6"),
        headers={"Content-Encoding": encoding},
    )
    assert answer.status_code == 204
    assert stored(served, "m") == [(5, {"v": 1.0}), (6, {"v": 2.0})]


def test_a_point_written_again_replaces_the_first(served):
    served.write("m,a=b v=1,w=1 5")
    served.write("m,a=b v=2 5")
    assert stored(served, "m") == [(5, {"v": 2.0, "w": 1.0})]


@pytest.mark.parametrize(
    "where",
    [
        {"orgID": "{org_id}", "bucket": "multimeter"},
        {"org": "{org_id}", "bucket": "{bucket_id}"},
        {"org": "kantai", "orgID": "{org_id}", "bucket": "{bucket_id}"},
    ],
)
def test_organisation_and_bucket_can_be_named_by_id(served, where):
    ids = {"org_id": served.access.org_id, "bucket_id": served.access.bucket_id}
    where = {key: value.format(**ids) for key, value in where.items()}
    answer = served.writer().post("/api/v2/write", params=where, content="m v=1 5")
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, (404, "not found", "bucket not found")),
        ({"org": "kantai"}, (404, "not found", "bucket not found")),
        ({"bucket": "b"}, (400, "invalid", "Please provide either orgID or org")),
        (
            {"orgID": "f" * 16, "bucket": "b"},
            (404, "not found", "organization not found"),
        ),
        (
            {"org": "é\n", "bucket": "b"},
            (404, "not found", 'organization name "é\n" not found'),
        ),
    ],
)
def test_where_points_go_must_be_said(served, params, expected):
    assert error(served.writer().post("/api/v2/write", params=params)) == expected


def test_faults_are_told_in_the_order_of_influxdb(served):
    """With all faults at once, mending the one that is told brings up the next."""
    client = served.client()
    request = {
        "params": {"precision": "h"},
        "headers": {"Content-Encoding": "gzip"},
        "content": b"no gzip",
    }
    steps = [
        (401, {}),
        (400, {"headers": {"Authorization": "Token the-read-token"}}),
        (404, {"params": {"precision": "s"}}),
        (400, {"params": {"bucket": "nope"}}),
        (404, {"params": {"org": "nope"}}),
        (404, {"params": {"org": "kantai"}}),
        (403, {"params": {"bucket": "multimeter"}}),
        (500, {"headers": {"Authorization": "Token the-write-token"}}),
        (400, {"content": gzip.compress(b"no line")}),
        (204, {"content": gzip.compress(b"m v=1 5")}),
    ]
    for status, change in steps:
        for key, value in change.items():
            request[key] = {**request[key], **value} if key != "content" else value
        # The client always names its own encodings: only ours count here.
        answer = client.post("/api/v2/write", **request)
        assert answer.status_code == status, answer.text


def test_nothing_of_a_body_with_a_bad_line_is_stored(served):
    answer = served.writer().post(
        "/api/v2/write", params=WHERE, content="m v=1 5\nm v= 6\nm v=x 7"
    )
    assert error(answer) == (
        400,
        "invalid",
        "unable to parse 'm v= 6': missing field value",
    )
    assert stored(served, "m") == []


def test_what_conflicts_is_dropped_and_counted_and_the_rest_stored(served):
    served.write('m v=1 1\nn s="a" 1')
    answer = served.writer().post(
        "/api/v2/write",
        params=WHERE,
        content='m v="x" 2\nm v="y" 3\nm v=4 4\nn s=5 5\nn s="b" 6',
    )
    status, code, message = error(answer)
    assert (status, code) == (422, "unprocessable entity")
    assert message == (
        "failure writing points to database: partial write: field type conflict: input "
        'field "v" on measurement "m" is type string, already exists as type float '
        "dropped=3"
    )
    assert stored(served, "m") == [(1, {"v": 1.0}), (4, {"v": 4.0})]
    assert stored(served, "n") == [(1, {"s": "a"}), (6, {"s": "b"})]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_body_over_the_limit_is_refused_whole(served, zipped):
    served.limits = Limits(body_bytes=100)
    body = b"\n".join(b"m v=%d %d" % (n, n) for n in range(20))
    headers = {"Content-Encoding": "gzip"} if zipped else {}
    answer = served.writer().post(
        "/api/v2/write",
        params=WHERE,
        content=gzip.compress(body) if zipped else body,
        headers=headers,
    )
    message = "unable to read data: points batch is too large"
    assert error(answer) == (413, "request too large", message)
    assert stored(served, "m") == []


def test_a_body_in_pieces_without_a_length_is_taken(served):
    answer = served.writer().post(
        "/api/v2/write", params=WHERE, content=iter([b"m v=", b"1 5\nm", b" v=2 6"])
    )
    assert answer.status_code == 204
    assert len(stored(served, "m")) == 2


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"db": "multimeter"}, 204),
        ({"db": "multimeter", "rp": "autogen", "precision": "n"}, 204),
        ({"db": "multimeter", "rp": "short"}, 404),
        ({"db": "other"}, 404),
        ({}, 400),
        ({"db": "multimeter", "precision": "h"}, 400),
    ],
)
def test_the_first_version_of_the_api_takes_points_too(served, params, expected):
    answer = served.writer().post("/write", params=params, content="m v=1 5")
    assert answer.status_code == expected
    assert bool(stored(served, "m")) == (expected == 204)


@pytest.mark.parametrize("path", ["/api/v2/write", "/write"])
@pytest.mark.parametrize("token", ["", "Token wrong", "Token the-read-token"])
def test_nobody_writes_without_the_write_token(served, path, token):
    answer = served.client().post(
        path,
        params={**WHERE, "db": "multimeter"},
        content="m v=1 5",
        headers={"Authorization": token},
    )
    assert answer.status_code == (403 if "read" in token else 401)
    assert stored(served, "m") == []


def test_a_browser_that_is_logged_in_may_not_write(served):
    answer = served.browser().post("/api/v2/write", params=WHERE, content="m v=1 5")
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_points_are_posted(served, method):
    answer = served.writer().request(method, "/api/v2/write", params=WHERE)
    assert error(answer) == (405, "method not allowed", "Method Not Allowed")


class FailingStore:
    """Stands for a disk that is full, or a database that broke."""

    def __init__(self, failure):
        self.failure = failure

    def write(self, _blocks):
        raise self.failure


def test_a_full_disk_is_told_so_that_clients_try_again(served):
    served.store.close()
    served.store, store = FailingStore(StoreFullError("The disk is full.")), served.store
    answer = served.writer().post("/api/v2/write", params=WHERE, content="m v=1 5")
    served.store = store
    assert error(answer) == (503, "unavailable", "The disk is full.")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_store_that_fails_tells_the_client_nothing_of_its_inside(served):
    failure = StoreError("DuckDB said: /home/me/store.duckdb is broken")
    served.store, store = FailingStore(failure), served.store
    client = served.client(
        headers={"Authorization": "Token the-write-token"}, raise_server_exceptions=False
    )
    answer = client.post("/api/v2/write", params=WHERE, content="m v=1 5")
    served.store = store
    message = "An internal error has occurred - check server logs"
    assert error(answer) == (500, "internal error", message)
    assert "Content-Security-Policy" in answer.headers


def test_ping_health_and_ready_answer_without_a_token(shared):
    client = shared.client()
    assert client.get("/ping").status_code == client.head("/ping").status_code == 204
    health = client.get("/health").json()
    assert (health["name"], health["status"]) == ("multimeter", "pass")
    assert health["version"] == f"v2.7.0-multimeter.{__version__}"
    assert client.head("/health").status_code == client.head("/ready").status_code == 200


def test_a_challenge_is_answered_with_a_proof_for_each_token_and_nothing_that_opens(shared):
    client, challenge = shared.client(), new_challenge()
    header = client.get("/ping", headers={CHALLENGE: challenge}).headers[PROOF]
    assert is_proof(header, "the-write-token", challenge)
    assert is_proof(header, "the-read-token", challenge)
    assert not is_proof(header, "another-token", challenge)
    for proof in header.split(", "):
        for answer in (
            client.get("/api/runs", headers={"Authorization": f"Token {proof}"}),
            client.get(f"/login?code={proof}"),
        ):
            assert answer.status_code == 401


@pytest.mark.parametrize(
    "text", ["", "sessions", "name", "A" * 64, "0" * 63, "0" * 65, "0" * 10_000]
)
def test_nothing_but_a_challenge_is_answered_with_a_proof(shared, text):
    answer = shared.client().get("/ping", headers={CHALLENGE: text})
    assert answer.status_code == 204
    assert PROOF not in answer.headers


def test_without_a_challenge_ping_is_influxdbs(shared):
    assert PROOF not in shared.client().get("/ping").headers


def test_the_server_says_for_how_long_it_has_been_ready(served):
    client = served.client()
    served.clock.now_ns += 90_500_000_000
    assert client.get("/ready").json() == {
        "status": "ready",
        "started": "2023-11-14T22:13:20Z",
        "up": "90.500s",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("?name=multimeter", True),
        ("?id={bucket_id}&orgID={org_id}", True),
        ("?name=multimeter&org={org_id}", True),
        ("?name=other", False),
        ("?id=ffff", False),
    ],
)
@pytest.mark.parametrize("token", ["the-read-token", "the-write-token"])
def test_the_bucket_is_found_by_name_and_id(shared, query, found, token):
    ids = {"bucket_id": shared.access.bucket_id, "org_id": shared.access.org_id}
    client = shared.client(headers={"Authorization": f"Token {token}"})
    (*buckets,) = client.get("/api/v2/buckets" + query.format(**ids)).json()["buckets"]
    assert [each["name"] for each in buckets] == ["multimeter"] * found


@pytest.mark.parametrize("query", ["", "?org=kantai", "?orgID={org_id}"])
def test_the_organisation_is_found_by_name_and_id(shared, query):
    query = query.format(org_id=shared.access.org_id)
    (found,) = shared.writer().get(f"/api/v2/orgs{query}").json()["orgs"]
    assert (found["name"], found["id"]) == ("kantai", shared.access.org_id)


@pytest.mark.parametrize("path", ["orgs", "buckets", "query", "tasks/1/runs"])
def test_what_belongs_to_the_bucket_is_for_its_tokens_only(shared, path):
    assert shared.client().get(f"/api/v2/{path}").status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "query"), ("POST", "buckets"), ("GET", "tasks/1"), ("PATCH", "orgs/1")],
)
def test_what_influxdb_has_and_we_do_not_is_said(shared, method, path):
    answer = shared.reader().request(method, f"/api/v2/{path}")
    assert answer.status_code == 501
    assert answer.json()["code"] == "not implemented"
    assert f"{method} /api/v2/{path} is not served" in answer.json()["message"]
