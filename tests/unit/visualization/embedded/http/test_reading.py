from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from multimeter.visualization.embedded.http.access import Access, Sessions
from multimeter.visualization.embedded.http.reading import (
    BodyLimits,
    Limits,
    ReadRoutes,
    gunzip,
)
from multimeter.visualization.embedded.http.responses import (
    EXCEPTION_HANDLERS,
    RequestError,
)
from multimeter.visualization.errors import QueryCancelledError

HEADERS = [(b"host", b"127.0.0.1"), (b"authorization", b"Token the-read-token")]
SCOPE = {"type": "http", "method": "GET", "path": "/api/slow", "query_string": b""}


class SlowQuery:
    """Takes until it is interrupted; gives up by itself in the end."""

    def __init__(self):
        self.begun = threading.Event()
        self.ended = threading.Event()

    def __call__(self, _asked, interrupt):
        interrupt.set = self.ended.set
        self.begun.set()
        if self.ended.wait(30):
            raise QueryCancelledError("ended")
        return "nobody ended it"


def test_the_query_of_a_client_that_goes_away_is_ended():
    access = Access("o", "b", "the-write-token", "the-read-token")
    query = SlowQuery()
    route = ReadRoutes(access, Sessions("the-read-token", lambda: 0)).route("slow", query)
    app = Starlette(routes=[route], exception_handlers=EXCEPTION_HANDLERS)

    async def receive():
        await asyncio.to_thread(query.begun.wait, 30)
        return {"type": "http.disconnect"}

    async def send(_message):
        pass

    asyncio.run(app({**SCOPE, "headers": HEADERS}, receive, send))
    assert query.ended.is_set()


async def _length(request):
    return PlainTextResponse(str(len(await request.body())))


async def _refuse(request):
    raise RequestError("unauthorized", "unauthorized access")


def ask(path, headers, parts, **limits):
    """Send a request whose body comes in parts; None stands for waiting for ever.

    Returns the status, the answer's headers and body, and how many parts were taken.
    """
    app = Starlette(
        routes=[Route(f"/{f.__name__}", f, methods=["POST"]) for f in (_length, _refuse)],
        middleware=[Middleware(BodyLimits, limits=Limits(**limits))],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    taken = []
    answers = []

    async def receive():
        part = parts[len(taken)]
        taken.append(part)
        if part is None:
            await asyncio.Event().wait()
        more = len(taken) < len(parts)
        return {"type": "http.request", "body": part, "more_body": more}

    async def send(message):
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    asyncio.run(app(scope, receive, send))
    start, *rest = answers
    answered = {k.decode(): v.decode() for k, v in start["headers"]}
    body = b"".join(message["body"] for message in rest)
    return start["status"], answered, body, len(taken)


CHUNKED = {"transfer-encoding": "chunked"}


def test_a_body_of_the_most_bytes_is_taken_and_the_connection_stays():
    status, headers, body, _ = ask("/_length", CHUNKED, [b"12345", b"67890"], body_bytes=10)
    assert (status, body) == (200, b"10")
    assert "connection" not in headers


def test_a_body_with_one_byte_more_is_refused():
    status, headers, body, _ = ask(
        "/_length", CHUNKED, [b"12345", b"678901"], body_bytes=10
    )
    assert status == 413
    assert headers["x-platform-error-code"] == "request too large"
    assert json.loads(body) == {
        "code": "request too large",
        "message": "unable to read data: points batch is too large",
    }


def test_the_rest_of_a_body_that_is_refused_is_read_so_that_the_answer_arrives():
    parts = [b"x" * 10] * 5
    status, headers, _, taken = ask("/_length", CHUNKED, parts, body_bytes=10)
    assert (status, taken) == (413, 5)
    assert "connection" not in headers


def test_a_length_over_the_limit_is_refused_before_the_body_is_kept():
    parts = [b"x" * 11]
    status, _, _, taken = ask("/_length", {"content-length": "11"}, parts, body_bytes=10)
    assert (status, taken) == (413, 1)


@pytest.mark.parametrize("length", ["3", "0", "-1", "x", "", "³"])
def test_a_length_that_lies_does_not_widen_the_limit(length):
    parts = [b"x" * 11]
    status, *_ = ask("/_length", {"content-length": length}, parts, body_bytes=10)
    assert status == 413


def test_a_body_that_does_not_come_in_time_is_refused_and_the_connection_closed():
    parts = [b"x", None, b"never"]
    status, headers, body, _ = ask("/_length", CHUNKED, parts, body_seconds=0)
    assert status == 408
    assert headers["connection"] == "close"
    assert json.loads(body)["code"] == "request timeout"


def test_a_slow_body_that_nobody_wants_closes_the_connection_after_the_answer():
    parts = [None, b"never"]
    status, headers, *_ = ask("/_refuse", CHUNKED, parts, body_seconds=0)
    assert status == 401
    assert headers["connection"] == "close"


def test_a_body_that_nobody_wants_is_read_so_that_the_answer_arrives():
    status, headers, _, taken = ask("/_refuse", CHUNKED, [b"x"] * 4)
    assert (status, taken) == (401, 4)
    assert "connection" not in headers


def test_a_request_without_a_body_is_not_asked_for_one():
    status, _, _, taken = ask("/_refuse", {}, [None])
    assert (status, taken) == (401, 0)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_gunzip_unpacks_all_members(parts):
    packed = b"".join(map(gzip.compress, parts))
    assert gunzip(packed, 1200) == b"".join(parts)


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(b"x" * 11, mtime=0),
        gzip.compress(b"x" * 6, mtime=0) + gzip.compress(b"x" * 5, mtime=0),
        gzip.compress(b"x" * 10, mtime=0) + gzip.compress(b"x", mtime=0),
    ],
)
def test_gunzip_refuses_more_than_the_limit_over_all_members(packed):
    with pytest.raises(RequestError, match="too large"):
        gunzip(packed, 10)


def test_gunzip_unpacks_up_to_the_limit():
    assert gunzip(gzip.compress(b"x" * 10, mtime=0), 10) == b"x" * 10


def test_a_gzip_bomb_is_never_unpacked_beyond_the_limit(monkeypatch):
    sizes = []
    read = gzip.GzipFile.read

    def spy(self, size=-1):
        data = read(self, size)
        sizes.append((size, len(data)))
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", spy)
    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(RequestError, match="too large"):
        gunzip(bomb, 1_000)
    assert sizes == [(1_001, 1_001)]


def test_a_gzip_in_a_gzip_is_unpacked_once():
    inner = gzip.compress(bytes(1_000_000))
    assert gunzip(gzip.compress(inner, mtime=0), 10_000) == inner


@pytest.mark.parametrize("data", [b"", b"not gzip", b"\x1f"])
def test_what_is_no_gzip_is_answered_as_influxdb_answers_it(data):
    with pytest.raises(RequestError, match="internal error has occurred") as raised:
        gunzip(data, 1_000)
    assert raised.value.status_code == 500


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"a line", mtime=0)[:-1],
        gzip.compress(b"a line", mtime=0)[:12],
        b"\x1f\x8b",
        b"\x1f\x8b\x08\x00junk of another kind",
        gzip.compress(b"a line", mtime=0)[:-8] + b"8 bytes!",
        gzip.compress(b"a line", mtime=0) + b"junk",
    ],
)
def test_a_gzip_that_is_torn_or_damaged_is_the_fault_of_the_sender(data):
    with pytest.raises(RequestError, match="unable to read data") as raised:
        gunzip(data, 1_000)
    assert raised.value.status_code == 400


@given(st.binary(max_size=40), st.integers(0, 60), st.binary(min_size=1, max_size=3))
def test_gunzip_raises_nothing_else_whatever_is_damaged(content, place, change):
    data = gzip.compress(content, mtime=0)
    damaged = data[:place] + change + data[place + len(change) :]
    with contextlib.suppress(RequestError):
        gunzip(damaged, 10_000)
