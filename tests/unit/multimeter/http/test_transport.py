"""The transport: what the requests of all protocols share."""

from __future__ import annotations

import http.client
import pickle

import pytest
from fakes.answering import Answering, running

from multimeter.errors import StorageError
from multimeter.http.embedded import EmbeddedServer
from multimeter.http.transport import HttpAnswer, Transport

TOKEN = "T0KEN-very-secret"


@pytest.mark.parametrize(
    "body", [b"", b"plain", b"\xff\xfe", b"[]", b'{"message": 3}', b"[" * 100_000]
)
def test_an_answer_in_another_form_is_shown_as_it_is(body):
    assert HttpAnswer(500, {}, body).message == body.decode("utf-8", "replace")


def test_the_message_of_an_answer_is_read():
    assert HttpAnswer(500, {}, b' {"message": "why"}').message == "why"


@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_server_that_echoes_the_token_does_not_make_us_show_it(status):
    body = f'{{"message": "no such token: {TOKEN}"}}'.encode()
    for token in (TOKEN, lambda: TOKEN):
        with running(Answering.with_answer(status, {"X-Odd": "a"}, body)) as url:
            transport = Transport(url, token, timeout=5.0)
            answer = transport.request("GET", "/")
            with transport.stream("/") as response:
                assert transport.read(response).body == answer.body
        assert answer.message == "no such token: ..."
        assert answer.headers["x-odd"] == "a"


def test_a_path_in_the_url_precedes_that_of_a_request():
    handler = Answering.with_answer(204)
    with running(handler) as url:
        Transport(f"{url}/below/", TOKEN, timeout=5.0).request("GET", "/ping?a=1")
    assert handler.asked == [("/below/ping?a=1", f"Token {TOKEN}")]


def test_a_request_can_go_without_the_token():
    handler = Answering.with_answer(204)
    with running(handler) as url:
        transport = Transport(url, TOKEN, timeout=5.0)
        transport.request("POST", "/", b"body", {"X-More": "1"}, with_token=False)
    assert handler.asked == [("/", None)]
    assert handler.bodies == [b"body"]


def test_a_copy_for_another_process_has_a_connection_of_its_own():
    with running(Answering.with_answer(204)) as url:
        transport = Transport(url, TOKEN, timeout=5.0)
        transport.request("GET", "/")
        copy = pickle.loads(pickle.dumps(transport))
        assert copy.request("GET", "/").status == 204
    assert TOKEN not in repr(transport)


def read_in_pieces(stream):
    while stream.read(4):
        pass


def test_an_answer_that_ends_half_way_is_an_error():
    handler = Answering.with_answer(200, {"Content-Length": "1000"}, b"m v=1 1\n")
    with running(handler) as url:
        with (
            pytest.raises(http.client.IncompleteRead),
            Transport(url, TOKEN, timeout=5.0).stream("/api/lines") as response,
        ):
            read_in_pieces(response)
        with (
            pytest.raises(StorageError, match="does not answer"),
            EmbeddedServer(url, TOKEN).lines("run") as lines,
        ):
            read_in_pieces(lines)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"[" * 100_000, b"\xff"])
def test_what_is_no_code_is_an_error_with_the_next_step(body):
    with running(Answering.with_answer(200, {}, body)) as url:
        server = EmbeddedServer(url, TOKEN)
        with pytest.raises(StorageError, match="as an embedded server") as caught:
            server.login_code()
    assert caught.value.next_step


@pytest.mark.parametrize("status", [204, 302, 401, 404, 500])
def test_a_refusal_is_an_error_with_the_next_step(status):
    with running(Answering.with_answer(status, {}, b'{"message": "why"}')) as url:
        server = EmbeddedServer(url, TOKEN)
        for ask in (server.runs, server.login_code, lambda: server.lines("x").__enter__()):
            with pytest.raises(StorageError, match=f"answered {status}") as caught:
                ask()
            assert caught.value.next_step
