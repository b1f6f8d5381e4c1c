from __future__ import annotations

import json

import pytest

from multimeter.visualization.embedded.http.delete_api import parse_predicate
from multimeter.visualization.embedded.http.responses import RequestError

WHERE = {"org": "kantai", "bucket": "multimeter"}
EVER = {"start": "1970-01-01T00:00:00Z", "stop": "2200-01-01T00:00:00Z"}


def delete(client, params=WHERE, **wanted):
    return client.post("/api/v2/delete", params=params, json={**EVER, **wanted})


def names(served):
    return {each.name for each in served.store.measurements()}


def test_points_of_a_measurement_are_deleted(served):
    served.write("a v=1 1\nb v=1 1")
    assert delete(served.writer(), predicate='_measurement="a"').status_code == 204
    assert names(served) == {"b"}


def test_points_of_a_tag_and_a_time_are_deleted(served):
    served.write("a,k=x v=1 1\na,k=x v=2 3000000000\na,k=y v=3 1")
    answer = delete(served.writer(), predicate='k="x"', stop="1970-01-01T00:00:01Z")
    assert answer.status_code == 204
    left = sorted((each.time_ns, each.tags["k"]) for each in served.store.rows("a"))
    assert left == [(1, "y"), (3_000_000_000, "x")]


def test_a_run_that_was_deleted_is_not_listed(served):
    served.write("a v=1 1")
    assert [each["identifier"] for each in served.reader().get("/api/runs").json()] == ["a"]
    delete(served.writer(), predicate='_measurement="a"')
    assert served.reader().get("/api/runs").json() == []


def test_a_time_that_is_no_int64_is_the_nearest_that_is(served):
    served.write("a v=1 1")
    delete(served.writer(), start="0001-01-01T00:00:00Z", stop="9999-01-01T00:00:00Z")
    assert names(served) == set()


def test_only_who_may_write_may_delete(served):
    served.write("a v=1 1")
    assert delete(served.reader(), predicate='_measurement="a"').status_code == 403
    assert delete(served.client(), predicate='_measurement="a"').status_code == 401
    assert names(served) == {"a"}


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"org": "kantai"}, 404),
        ({"org": "kantai", "bucket": "other"}, 404),
        ({"org": "other", "bucket": "multimeter"}, 404),
        ({"bucket": "multimeter"}, 400),
    ],
)
def test_other_buckets_are_not_found(served, params, status):
    assert delete(served.writer(), params, predicate="").status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"start": "yesterday", "stop": "2200-01-01T00:00:00Z"}',
        b'{"start": "1970-01-01T00:00:00Z"}',
        json.dumps({**EVER, "predicate": "v > 3"}).encode(),
    ],
)
def test_what_is_not_understood_deletes_nothing(served, body):
    served.write("a v=1 1")
    answer = served.writer().post("/api/v2/delete", params=WHERE, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert names(served) == {"a"}


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", {}),
        ("  ", {}),
        ('a="b"', {"a": "b"}),
        (' a = b and "c d"="e" ', {"a": "b", "c d": "e"}),
        (r'a="x\"y\\z"', {"a": 'x"y\\z'}),
        ('a="1 AND b=2"', {"a": "1 AND b=2"}),
        ('a="b"AND c="d"', {"a": "b", "c": "d"}),
    ],
)
def test_a_predicate_is_read(text, tags):
    assert parse_predicate(text) == tags


@pytest.mark.parametrize(
    "text",
    ["a", "a=", 'a="b" AND', 'a="b" OR c="d"', 'a!="b"', 'a="b" c="d"', 'a="', "a='b'",
     'a="b" AND a="c"', '(a="b")'],
)  # fmt: skip
def test_a_predicate_of_another_form_is_refused(text):
    with pytest.raises(RequestError):
        parse_predicate(text)
