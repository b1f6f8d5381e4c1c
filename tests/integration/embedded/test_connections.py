"""The embedded server on a real socket: what only a real connection can show."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import pytest
import uvicorn

from multimeter.errors import ConfigurationError
from multimeter.visualization.embedded.http import server as server_module
from multimeter.visualization.embedded.http.access import Access
from multimeter.visualization.embedded.http.app import create_app
from multimeter.visualization.embedded.http.reading import Limits
from multimeter.visualization.embedded.http.server import server_config
from multimeter.visualization.embedded.store.store import Store

ACCESS = Access("kantai", "multimeter", "the-write-token", "the-read-token")
SECONDS = 30


@contextlib.contextmanager
def serving(store, **limits):
    """Serve a store on a free port; yields the port, and ends when it is left."""
    app = create_app(store, ACCESS, limits=Limits(**limits))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(server_config(app, "127.0.0.1", port))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(SECONDS)
            assert not thread.is_alive()


@pytest.fixture
def store(tmp_path):
    with contextlib.closing(Store(tmp_path / "store.duckdb")) as store:
        yield store


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), SECONDS)
    connection.settimeout(SECONDS)
    return connection


def head(method, path, *more):
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *more)
    return "\r\n".join((*lines, "", "")).encode()


def read_all(connection):
    """Return what comes until the server closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def read_answer(connection):
    """Return status and body of one answer; the connection stays."""
    stream = connection.makefile("rb")
    status = int(stream.readline().split()[1])
    length = 0
    while (line := stream.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return status, stream.read(length)


WRITE = "/api/v2/write?org=kantai&bucket=multimeter"
MAY_WRITE = "Authorization: Token the-write-token"


@pytest.mark.parametrize("said", [b"", b"GET / HT", head("GET", "/ping")[:-1]])
def test_a_connection_that_does_not_begin_a_request_is_closed(store, monkeypatch, said):
    monkeypatch.setattr(server_module.ClientConnection, "head_seconds", 0.05)
    with serving(store) as port, connect(port) as connection:
        connection.sendall(said)
        assert read_all(connection) == b""


def test_a_request_that_dribbles_after_another_one_is_closed(store, monkeypatch):
    monkeypatch.setattr(server_module.ClientConnection, "head_seconds", 0.05)
    with serving(store) as port, connect(port) as connection:
        connection.sendall(head("GET", "/ping"))
        assert read_answer(connection)[0] == 204
        connection.sendall(b"GET / HT")
        assert read_all(connection) == b""


def test_a_slow_body_is_answered_and_the_connection_closed(store):
    with serving(store, body_seconds=0.05) as port, connect(port) as connection:
        connection.sendall(head("POST", WRITE, MAY_WRITE, "Content-Length: 100") + b"m v=")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request timeout" in answer


def test_who_is_refused_reads_why_even_while_still_sending(store):
    """A client that finds the connection closed could not tell a bad token from a crash."""
    body = b"m v=1 1\n" * 1_000_000
    with serving(store) as port, connect(port) as connection:
        connection.sendall(head("POST", WRITE, f"Content-Length: {len(body)}") + body)
        status, answer = read_answer(connection)
        assert status == 401
        assert json.loads(answer)["code"] == "unauthorized"
        # The connection is as good as before.
        connection.sendall(head("GET", "/ping"))
        assert read_answer(connection)[0] == 204


def test_a_body_over_the_limit_is_told_after_all_of_it_has_been_sent(store):
    body = b"x" * 5_000_000
    said = head("POST", WRITE, MAY_WRITE, f"Content-Length: {len(body)}")
    with serving(store, body_bytes=1_000) as port, connect(port) as connection:
        connection.sendall(said + body)
        status, answer = read_answer(connection)
    assert status == 413
    assert json.loads(answer)["code"] == "request too large"


def test_a_body_that_breaks_off_stores_nothing(store):
    with serving(store) as port:
        with connect(port) as connection:
            said = head("POST", WRITE, MAY_WRITE, "Content-Length: 100")
            connection.sendall(said + b"m v=1 1\n")
        with connect(port) as connection:
            connection.sendall(head("GET", "/ping", "Connection: close"))
            assert read_all(connection).startswith(b"HTTP/1.1 204 ")
    assert store.measurements() == []


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/../../config.py", "/../x"])
def test_a_path_that_leads_out_is_not_found(store, path):
    with serving(store) as port, connect(port) as connection:
        connection.sendall(head("GET", path, "Connection: close"))
        assert read_all(connection).startswith(b"HTTP/1.1 404 ")


def test_connections_beyond_the_limit_are_refused_and_then_closed(store, monkeypatch):
    monkeypatch.setattr(server_module, "CONNECTIONS", 3)
    with serving(store) as port, contextlib.ExitStack() as stack:
        asking, *_ = [stack.enter_context(connect(port)) for _ in range(6)]
        with connect(port) as one_more:
            assert read_all(one_more) == b""
        asking.sendall(head("GET", "/ping"))
        assert read_answer(asking)[0] == 503


def test_the_server_ends_although_a_connection_is_open(store):
    with serving(store) as port:
        idle = connect(port)
        idle.sendall(head("GET", "/ping"))
        assert read_answer(idle)[0] == 204
    assert read_all(idle) == b""
    idle.close()


def test_the_server_leaves_no_log_of_requests_and_does_not_say_what_it_is(store, capfd):
    said = head("GET", "/login?code=a-secret-code", "Connection: close")
    with serving(store) as port, connect(port) as connection:
        connection.sendall(said)
        answer = read_all(connection)
    assert b"server:" not in answer.lower()
    out, err = capfd.readouterr()
    assert "a-secret-code" not in out + err
    assert "Started server process" in err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org"])
def test_the_server_does_not_listen_for_other_machines(store, host):
    app = create_app(store, ACCESS)
    with pytest.raises(ConfigurationError, match="other machines"):
        server_config(app, host, 8086)


@pytest.mark.parametrize("order", [1, -1])
def test_a_request_with_two_ends_is_refused_and_its_connection_closed(store, order):
    both = ["Content-Length: 5", "Transfer-Encoding: chunked"][::order]
    token = "Authorization: Token the-write-token"
    request = head("POST", "/api/v2/write?org=kantai&bucket=multimeter", token, *both)
    with serving(store) as port, connect(port) as connection:
        connection.sendall(request + b"0\r\n\r\n" + head("GET", "/health"))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"a length, or comes in chunks" in answer
