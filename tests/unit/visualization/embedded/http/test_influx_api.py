from __future__ import annotations

import pytest

from multimeter import __version__
from multimeter.http.proof import CHALLENGE, PROOF, is_proof, new_challenge


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
