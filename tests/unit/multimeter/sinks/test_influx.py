from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import threading
import traceback

import pytest
from fakes.sink_contract import SinkContract, lines
from fakes.write_server import WriteServer, refusal

from multimeter.errors import ConfigurationError
from multimeter.sinks.base import Accepted, Batch, Rejected, Retry
from multimeter.sinks.influx import InfluxDBSink

TOKEN = "T0KEN-very-secret"
BATCH = Batch("b", lines(1, 4))


@pytest.fixture
def server():
    with WriteServer.running() as server:
        yield server


@pytest.fixture
def make(server):
    made = []

    def make(token=TOKEN, url=server.url, **options):
        made.append(InfluxDBSink(token, url, **options))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def nowhere():
    """The URL of a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class TestInfluxDBSink(SinkContract):
    @pytest.fixture
    def sink(self, make):
        return make()

    @pytest.fixture
    def unreachable(self, make, nowhere):
        return make(url=nowhere)

    @pytest.fixture
    def stored(self, server):
        def values():
            points = sorted(server.points().items(), key=lambda item: item[0][1])
            return [fields["value"] for _, fields in points]

        return values


class TestRequests:
    def test_it_writes_to_the_bucket_of_the_organisation(self, make, server):
        make(org="my org", bucket="my bucket").send(BATCH)
        ((path, headers, body),) = server.requests
        assert path == "/api/v2/write?org=my+org&bucket=my+bucket&precision=ns"
        assert headers["Authorization"] == f"Token {TOKEN}"
        assert headers["Content-Type"].startswith("text/plain")
        assert body == BATCH.body

    def test_a_path_in_the_url_stands_before_the_api(self, make, server):
        make(url=server.url + "/influx/").send(BATCH)
        assert server.requests[0][0].startswith("/influx/api/v2/write?")

    def test_bodies_are_compressed_when_asked_for(self, make, server):
        make(gzip=True).send(BATCH)
        _, headers, body = server.requests[0]
        assert headers["Content-Encoding"] == "gzip"
        assert body == BATCH.body

    def test_all_goes_over_one_connection(self, make, server):
        sink = make()
        for _ in range(5):
            sink.send(BATCH)
        assert server.connections == 1

    def test_a_connection_that_was_closed_meanwhile_is_not_worth_a_word(self, make, server):
        server.hang_up_after = 1
        sink = make()
        assert [sink.send(BATCH) for _ in range(5)] == [Accepted()] * 5
        assert len(server.requests) == 5

    def test_a_redirection_is_not_followed(self, make, server):
        server.answers = [(307, {"Location": server.url + "/elsewhere"}, b"")]
        answer = make().send(BATCH)
        assert isinstance(answer, Retry)
        assert len(server.requests) == 1

    def test_a_long_answer_is_cut(self, make, server):
        server.answers = [(400, {}, b"x" * 2**22)]
        sink = make()
        assert isinstance(sink.send(BATCH), Rejected)
        assert sink.send(BATCH) == Accepted()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_does_not_write_into_the_connection_of_its_parent(server, make):
    sink = make()
    sink.send(BATCH)
    if not (child := os.fork()):
        # Without after_fork: the transport notices by itself.
        os._exit(sink.send(BATCH) != Accepted())
    assert os.waitpid(child, 0)[1] == 0
    sink.send(BATCH)
    assert server.connections == 2
    assert len(server.requests) == 3


class TestTrouble:
    def test_a_server_that_hangs_up_is_tried_again_with_less(self, make):
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def hang_up():
                listening.accept()[0].close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            sink = make(url=f"http://127.0.0.1:{listening.getsockname()[1]}")
            answer = sink.send(BATCH)
            thread.join()
        assert isinstance(answer, Retry)
        assert answer.smaller

    def test_silence_ends_with_the_time_out(self, make):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            sink = make(url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.05)
            answer = sink.send(BATCH)
        assert answer == Retry("it did not answer within 0.05 s", smaller=True)

    def test_a_body_that_nobody_reads_ends_with_the_time_out(self, make):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            sink = make(url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.05)
            answer = sink.send(Batch("b", [b"x" * 2**25]))
        assert isinstance(answer, Retry)
        assert answer.smaller

    def test_what_is_not_http_is_tried_again(self, make):
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def answer():
                connection = listening.accept()[0]
                connection.recv(65_536)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")
                connection.close()

            thread = threading.Thread(target=answer)
            thread.start()
            sink = make(url=f"http://127.0.0.1:{listening.getsockname()[1]}")
            found = sink.send(BATCH)
            thread.join()
        assert isinstance(found, Retry)

    def test_who_refuses_a_body_while_it_is_sent_is_heard(self, make):
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def refuse():
                connection = listening.accept()[0]
                connection.recv(1_000)
                connection.sendall(
                    b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n"
                    b"Connection: close\r\n\r\n"
                )
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
                connection.close()

            thread = threading.Thread(target=refuse)
            thread.start()
            sink = make(url=f"http://127.0.0.1:{listening.getsockname()[1]}")
            answer = sink.send(Batch("b", [b"x" * 2**22]))
            thread.join()
        assert isinstance(answer, Rejected)
        assert answer.too_large

    def test_a_name_that_is_not_known_is_tried_again(self, make):
        answer = make(url="http://nowhere.invalid:8086").send(BATCH)
        assert isinstance(answer, Retry)
        assert not answer.refused


class TestToken:
    def test_it_is_asked_for_again_when_the_server_refuses_it(self, make, server):
        tokens = iter(["old", "new"])
        sink = make(lambda: next(tokens))
        server.answers = [(401, {}, refusal("unauthorized access"))]
        assert sink.send(BATCH).refused
        assert sink.send(BATCH) == Accepted()
        sink.send(BATCH)
        sent = [headers["Authorization"] for _, headers, _ in server.requests]
        assert sent == ["Token old", "Token new", "Token new"]

    def test_a_token_that_cannot_be_had_now_is_tried_again(self, make):
        def fail():
            raise ConfigurationError("The configuration is gone.")

        answer = make(fail).send(BATCH)
        assert isinstance(answer, Retry)
        assert answer.refused

    def test_a_new_installation_is_found_without_a_restart(self, server, tmp_path):
        config = tmp_path / "visu.config.json"

        def install(token):
            stack = {"url": server.url, "org": "o", "bucket": "b", "token": token}
            config.write_text(json.dumps({"version": 1} | stack))

        install("old")
        sink = InfluxDBSink.from_stack(config)
        server.answers = [(401, {}, refusal("unauthorized access"))]
        sink.send(BATCH)
        install("new")
        assert sink.send(BATCH) == Accepted()
        sink.close()
        assert server.requests[-1][1]["Authorization"] == "Token new"

    def test_a_server_that_echoes_it_does_not_make_us_say_it(self, make, server):
        server.answers = [(401, {}, refusal(f"no such token: {TOKEN}"))]
        assert TOKEN not in make().send(BATCH).reason

    @pytest.mark.parametrize("token", [None, ""])
    def test_it_must_be_given(self, token):
        with pytest.raises(ConfigurationError, match="'token' must be set"):
            InfluxDBSink(token)

    @pytest.mark.parametrize("token", [f"{TOKEN}\n", f"{TOKEN}\r\nX: y", f"{TOKEN}ä"])
    def test_one_that_fits_in_no_header_is_refused_and_not_shown(self, token):
        with pytest.raises(ConfigurationError, match="no token has") as caught:
            InfluxDBSink(token)
        assert TOKEN not in "".join(traceback.format_exception(caught.value))

    def test_it_is_in_no_repr_and_no_address(self, make):
        sink = make()
        assert TOKEN not in repr(sink) + sink.name + str(sink.address)


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8086", "ftp://localhost", "http://a?b", "http://a b", "http://a\n"],
)
def test_what_is_not_the_url_of_a_server_is_refused(url):
    with pytest.raises(ConfigurationError, match="not the URL of a server"):
        InfluxDBSink(TOKEN, url)


class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path):
        """A certificate for localhost that nobody else has signed."""
        path = tmp_path / "server.pem"
        make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        where = ["-keyout", str(path), "-out", str(tmp_path / "cert.pem")]
        try:
            subprocess.run(
                ["openssl", *make, *names, *where], check=True, capture_output=True
            )
        except FileNotFoundError:
            pytest.skip("there is no openssl")
        path.write_text(path.read_text() + (tmp_path / "cert.pem").read_text())
        return path

    @pytest.fixture
    def url(self, server, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        return server.url.replace("http:", "https:")

    def test_a_certificate_of_our_own_can_be_trusted(self, make, url, certificate):
        assert make(url=url, ca=certificate).send(BATCH) == Accepted()

    def test_a_certificate_of_nobody_is_not_trusted(self, make, url):
        answer = make(url=url).send(BATCH)
        assert isinstance(answer, Retry)
        assert answer.refused
        assert "certificate" in answer.reason

    def test_a_file_that_holds_no_certificates_is_refused(self, tmp_path):
        (tmp_path / "ca.pem").write_text("nothing")
        with pytest.raises(ConfigurationError, match="cannot be used"):
            InfluxDBSink(TOKEN, "https://localhost", ca=tmp_path / "ca.pem")
