from __future__ import annotations

import http.server
import pickle
import threading
from contextlib import contextmanager

import pytest
from fakes.impostor import ANSWERS, Impostor

from multimeter.errors import StorageError
from multimeter.http import proven_connection
from multimeter.http.embedded import EmbeddedServer
from multimeter.http.proof import (
    CHALLENGE,
    PROOF,
    ProvingToken,
    expects_proof,
    is_challenge,
    is_proof,
    new_challenge,
    new_token,
    proof_of,
)
from multimeter.http.proven_connection import HTTPConnection, UnprovenServerError
from multimeter.http.transport import Transport
from multimeter.sinks.base import Accepted, Batch, Retry
from multimeter.sinks.influx import InfluxDBSink

BATCH = Batch("1", [b"secret-measurement v=1 1"])


def post(transport, body):
    return transport.request("POST", "/api/v2/write?org=o", body).status


class Server(http.server.ThreadingHTTPServer):
    """Answers challenges for one token, and takes points."""

    daemon_threads = True

    def __init__(self, token, port=0):
        self.token, self.asked, self.hang_up = token, [], False
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    @classmethod
    @contextmanager
    def running(cls, token, port=0):
        with cls(token, port) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if challenge := self.headers.get(CHALLENGE):
            proofs = proof_of("another", challenge), proof_of(self.server.token, challenge)
            self.send_response(204)
            self.send_header(PROOF, ", ".join(proofs))
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def do_POST(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.close_connection = self.server.hang_up
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_new_token_says_by_its_form_that_its_server_can_prove_itself():
    assert expects_proof(new_token())
    assert len({new_token() for _ in range(100)}) == 100
    assert not expects_proof("any-other-token")


def test_a_token_of_before_says_it_by_its_type_also_in_another_process():
    token = ProvingToken("of before")
    assert token == "of before"
    assert expects_proof(pickle.loads(pickle.dumps(token)))


def test_a_proof_is_for_one_token_and_one_challenge():
    challenge = new_challenge()
    proof = proof_of("token", challenge)
    assert is_proof(proof, "token", challenge)
    assert is_proof(f"0,{proof}", "token", challenge)
    assert not is_proof(proof, "token", new_challenge())
    assert not is_proof(proof, "other", challenge)
    assert not is_proof("", "token", challenge)
    assert "token" not in proof


@pytest.mark.parametrize(
    "text", ["", "sessions", "A" * 64, "0" * 63, "0" * 65, chr(0x660) * 64]
)
def test_a_challenge_has_one_form(text):
    assert is_challenge(new_challenge())
    assert not is_challenge(text)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("token", [new_token(), ProvingToken("of-before")], ids=type)
def test_a_foreign_program_gets_neither_token_nor_points(answer, token):
    with Impostor.running(answer) as impostor:
        sink = InfluxDBSink(token, impostor.url)
        result = sink.send(BATCH)
        sink.close()
        server = EmbeddedServer(impostor.url, token)
        for ask in (
            server.runs,
            server.login_code,
            lambda: server.has_run("secret-measurement"),
            lambda: server.lines("secret-measurement").__enter__(),
        ):
            with pytest.raises(StorageError) as caught:
                ask()
            assert "multimeter-visu start" in str(caught.value)
    assert isinstance(result, Retry)
    assert token.encode() not in impostor.received
    assert b"secret-measurement" not in impostor.received
    assert b"/ping" in impostor.received


@pytest.mark.parametrize("answer", sorted(ANSWERS.keys() - {"busy", "nothing"}))
def test_that_it_is_not_our_server_is_said_loudly_with_the_next_command(answer):
    with Impostor.running(ANSWERS[answer]) as impostor:
        result = InfluxDBSink(new_token(), impostor.url).send(BATCH)
    assert result.refused
    assert "did not prove" in result.reason
    assert "Next: multimeter-visu start" in result.reason


@pytest.mark.parametrize("answer", ["busy", "nothing"])
def test_a_server_that_is_busy_or_goes_away_is_asked_again_soon(answer):
    with Impostor.running(ANSWERS[answer]) as impostor:
        result = InfluxDBSink(new_token(), impostor.url).send(BATCH)
    assert not result.refused


def test_a_server_that_says_nothing_gets_nothing():
    with Impostor.running(b"H") as impostor:
        transport = Transport(impostor.url, token := new_token(), timeout=0.05)
        with pytest.raises(OSError, match="did not prove"):
            post(transport, BATCH.body)
    assert token.encode() not in impostor.received


class Dripping:
    """A socket whose other end sends one byte each second, and never an end."""

    def __init__(self, clock: list[float], timeout: float | None) -> None:
        self.clock = clock
        self.timeout: float | None = timeout
        self.left = iter(b"HTTP/1.1 200 OK\r\nX-Odd: " + b"x" * 1000)

    def gettimeout(self) -> float | None:
        return self.timeout

    def settimeout(self, seconds: float | None) -> None:
        self.timeout = seconds

    def recv(self, _most: int) -> bytes:
        self.clock[0] += 1
        return bytes([next(self.left)])


@pytest.mark.parametrize(("timeout", "waits"), [(5.0, 5), (60.0, 10), (None, 10)])
def test_an_answer_that_never_ends_holds_nobody_up(monkeypatch, timeout, waits):
    clock = [0.0]
    monkeypatch.setattr(proven_connection.time, "monotonic", lambda: clock[0])
    sock = Dripping(clock, timeout)
    with pytest.raises(TimeoutError):
        proven_connection._read_answer(sock)
    assert clock[0] == waits
    assert sock.timeout == timeout


def test_once_the_server_is_back_the_same_sink_delivers():
    token = new_token()
    with Impostor.running(ANSWERS["no content"]) as impostor:
        sink = InfluxDBSink(token, impostor.url)
        assert isinstance(sink.send(BATCH), Retry)
    with Server.running(token, impostor.port):
        assert sink.send(BATCH) == Accepted()
        sink.close()


def test_each_connection_asks_once_and_each_new_one_again():
    token = new_token()
    with Server.running(token) as server:
        transport = Transport(server.url + "/below", token, timeout=5.0)
        post(transport, b"a v=1 1")
        post(transport, b"a v=1 2")
        server.hang_up = True  # without a word
        post(transport, b"a v=1 3")
        post(transport, b"a v=1 4")
        transport.close()
    ping, write = (
        ("/below/ping", None),
        (
            "/below/api/v2/write?org=o",
            f"Token {token}",
        ),
    )
    assert server.asked == [ping, write, write, write, ping, write]


def test_what_takes_the_port_between_two_requests_gets_nothing():
    token = new_token()
    with Server.running(token) as server:
        transport = Transport(server.url, token, timeout=5.0)
        server.hang_up = True
        assert post(transport, b"a v=1 1") == 204
    with Impostor.running(ANSWERS["no content"], server.server_port) as impostor:
        with pytest.raises(UnprovenServerError):
            post(transport, b"a v=1 2")
        assert token.encode() not in impostor.received


def test_a_token_that_says_nothing_of_proofs_is_sent_at_once():
    with Server.running("plain") as server:
        transport = Transport(server.url, "plain", timeout=5.0)
        post(transport, b"a v=1 1")
        transport.close()
    assert [authorization for _, authorization in server.asked] == ["Token plain"]


def test_a_stack_that_was_installed_anew_is_found_by_its_new_token():
    tokens = [new_token(), new_token()]
    found = iter(tokens)
    with Server.running(tokens[1]) as server:
        transport = Transport(server.url, lambda: next(found), timeout=5.0)
        assert post(transport, b"a v=1 1") == 204
        transport.close()
    assert [authorization for _, authorization in server.asked if authorization] == [
        f"Token {tokens[1]}"
    ]


def test_localhost_means_the_address_on_which_the_server_listens():
    token = new_token()
    with Server.running(token) as server:
        transport = Transport(f"http://localhost:{server.server_port}", token, timeout=5.0)
        assert post(transport, b"a v=1 1") == 204
        assert transport._connection.sock.getpeername()[0] == "127.0.0.1"
        transport.close()


@pytest.mark.parametrize("host", ["localhost", "localhost:8086", "LocalHost:8086"])
def test_localhost_has_one_meaning_in_each_form(host):
    # On another address another program could pass challenges on to the server.
    assert HTTPConnection(host, token=new_token()).host == "127.0.0.1"
    assert HTTPConnection(host, token="plain").host.lower() == "localhost"


def test_which_server_answers_is_asked_without_a_token():
    with Server.running("plain") as server:
        assert not EmbeddedServer(server.url, "plain").is_there()
    assert server.asked == [("/ping", None)]
