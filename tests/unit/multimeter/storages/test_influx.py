from __future__ import annotations

import functools
import gzip
import http.server
import json
import logging
import pickle
import socket
import threading
import traceback

import pytest
from fakes.answering import Answering, running
from fakes.influxdb_stand_in import stand_in

from multimeter import (
    ConfigurationError,
    FormatError,
    InfluxDBStorage,
    NoStackError,
    Result,
    Storage,
    StorageError,
)
from multimeter.connection import Connection
from multimeter.lines.protocol import decode
from multimeter.storages.influx import server_has_run

TOKEN = "T0KEN-very-secret"


class Server(http.server.ThreadingHTTPServer):
    """Records what it gets, and answers with what stands in ``answers``, else 204."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.requests = []
        self.answers = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        status, answer = self.server.answers.pop(0) if self.server.answers else (204, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def make_storage(server):
    storages = []

    def make(token=TOKEN, url=server.url, **options):
        storages.append(InfluxDBStorage(token, url, **options))
        return storages[-1]

    yield make
    for storage in storages:
        storage.close()


def result_with(points=1, **options):
    result = Result(identifier="run", **options)
    for number in range(points):
        result.append(number, {"a.b": float(number)})
    return result


def refusal(message, code="invalid"):
    return json.dumps({"code": code, "message": message}).encode()


def measurements(body):
    return [record.measurement for record in decode(body.decode())]


def test_a_result_is_written_to_the_bucket_of_the_organisation(server, make_storage):
    storage = make_storage(org="my org", bucket="my bucket")
    result = result_with(2, tags={"stage": "test"})
    result.add_mark(1, "x")
    storage.store(result)
    ((path, headers, body),) = server.requests
    assert isinstance(storage, Storage)
    assert path == "/api/v2/write?org=my+org&bucket=my+bucket&precision=ns"
    assert headers["Authorization"] == f"Token {TOKEN}"
    assert headers["Content-Type"].startswith("text/plain")
    assert "Content-Encoding" not in headers
    assert body.startswith(b"run,stage=test a.b=0.0 0\nrun,stage=test a.b=1.0 1\n")
    assert measurements(body) == ["run", "run", "multimeter_marks", "multimeter_runs"]


def test_organisation_and_bucket_have_the_defaults_of_the_stack(server, make_storage):
    make_storage().store(result_with())
    assert "org=kantai&bucket=multimeter" in server.requests[0][0]


def test_the_default_url_is_the_local_one():
    storage = InfluxDBStorage(TOKEN)
    assert storage._sink.address["url"] == "http://localhost:8086"
    storage.close()


def test_requests_are_compressed_when_asked_for(server, make_storage):
    make_storage(gzip=True).store(result_with(100))
    _, headers, body = server.requests[0]
    assert headers["Content-Encoding"] == "gzip"
    assert len(measurements(gzip.decompress(body))) == 101


def test_a_long_result_goes_in_batches(server, make_storage):
    make_storage(batch_size=4).store(result_with(10))
    assert [len(measurements(body)) for _, _, body in server.requests] == [4, 4, 3]


def test_an_empty_result_is_an_entry_of_the_run_alone(server, make_storage):
    make_storage().store(Result(identifier="run"))
    assert [measurements(body) for _, _, body in server.requests] == [["multimeter_runs"]]


def test_text_of_all_kinds_arrives_as_utf_8(server, make_storage):
    result = Result(identifier="Lauf 日本 😀", tags={"ort": "Køge"})
    result.append(1, {"a.b": "ä\n\ud800"})
    make_storage().store(result)
    record = next(decode(server.requests[0][2].decode()))
    assert (record.measurement, record.tags) == ("Lauf 日本 😀", {"ort": "Køge"})
    assert record.fields == {"a.b": "ä\n?"}


@pytest.mark.parametrize(
    ("status", "next_step"),
    [
        (400, "Store the result again"),
        (401, "Use a token that the server knows"),
        (403, "may write to this bucket"),
        (404, "organisation and the bucket"),
        (413, "smaller batch_size"),
        (422, "Rename a measure"),
        (429, "Store the result again"),
        (500, "Store the result again"),
        (503, "Store the result again"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_server(
    server, make_storage, status, next_step
):
    server.answers = [(status, refusal("these words"))]
    with pytest.raises(StorageError) as caught:
        make_storage().store(result_with())
    where = f"InfluxDB at {server.url} (bucket multimeter)"
    assert str(caught.value).startswith(f"{where}: it answered {status}: these words\n")
    assert next_step in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"message": ""}', b"\xff"]
)
def test_a_refusal_in_another_form_is_a_storage_error_too(server, make_storage, body):
    server.answers = [(502, body)]
    with pytest.raises(StorageError, match="answered"):
        make_storage().store(result_with())


def test_a_page_of_html_does_not_fill_the_message(server, make_storage):
    server.answers = [(502, b"<p>" * 10_000)]
    with pytest.raises(StorageError) as caught:
        make_storage().store(result_with())
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("status", [200, 202])
def test_an_answer_that_influxdb_does_not_give_is_not_taken_for_success(
    server, make_storage, status
):
    server.answers = [(status, b"<html>Please log in</html>")]
    with pytest.raises(StorageError, match=f"answered {status}") as caught:
        make_storage().store(result_with())
    assert "Another server listens there" in str(caught.value)


def test_a_refusal_ends_the_batches(server, make_storage):
    server.answers = [(400, refusal("no"))]
    with pytest.raises(StorageError):
        make_storage(batch_size=2).store(result_with(10))
    assert len(server.requests) == 1


def test_after_a_conflict_of_types_the_rest_is_stored_and_the_conflict_told(
    server, make_storage
):
    server.answers = [(204, b""), (422, refusal("partial write: first"))]
    with pytest.raises(StorageError, match="partial write: first"):
        make_storage(batch_size=2).store(result_with(9))
    assert len(server.requests) == 5


def test_a_result_can_be_stored_again_after_an_error(server, make_storage):
    server.answers = [(503, b"")]
    storage, result = make_storage(), result_with()
    with pytest.raises(StorageError):
        storage.store(result)
    storage.store(result)
    assert server.requests[0][2] == server.requests[1][2]


def test_a_server_that_is_not_there_is_a_storage_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        storage = InfluxDBStorage(TOKEN, f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(StorageError, match="does not answer") as caught:
            storage.store(result_with())
        storage.close()
    assert "multimeter-visu start" in str(caught.value)
    assert "still in memory" in str(caught.value)


def test_a_server_that_hangs_up_is_a_storage_error():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up():
            listening.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        storage = InfluxDBStorage(TOKEN, f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(StorageError, match="does not answer"):
            storage.store(result_with())
        thread.join()
        storage.close()


def test_a_server_that_does_not_answer_in_time_is_a_storage_error():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        storage = InfluxDBStorage(TOKEN, url, timeout=0.05)
        with pytest.raises(StorageError, match="did not answer within"):
            storage.store(result_with())
        storage.close()


@pytest.mark.parametrize("status", [301, 400, 401, 500])
def test_the_token_is_in_no_error_log_or_traceback(server, make_storage, status, caplog):
    caplog.set_level(logging.DEBUG)
    server.answers = [(status, refusal("no"))]
    storage = make_storage()
    with pytest.raises(StorageError) as caught:
        storage.store(result_with())
    told = "".join(traceback.format_exception(caught.value)) + repr(storage) + caplog.text
    assert TOKEN not in told


@pytest.mark.parametrize("token", [None, ""])
def test_a_token_must_be_given(token):
    with pytest.raises(ConfigurationError, match="'token' must be set") as caught:
        InfluxDBStorage(token)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("token", [f"{TOKEN}\n", f"{TOKEN}\r\nX: y", f"{TOKEN}ä", b"bytes"])
def test_a_token_that_fits_in_no_header_is_refused_and_not_shown(token):
    with pytest.raises(ConfigurationError, match="characters that no token has") as caught:
        InfluxDBStorage(token)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8086",
        "ftp://localhost",
        "http://",
        "http://[",
        "http://localhost:port",
        "http://localhost:99999",
    ],
)
def test_what_is_not_the_url_of_a_server_is_refused(url):
    with pytest.raises(ConfigurationError, match="not the URL of a server"):
        InfluxDBStorage(TOKEN, url)


def test_a_password_in_the_url_is_refused_and_not_shown():
    with pytest.raises(ConfigurationError, match="holds a user or a password") as caught:
        InfluxDBStorage(TOKEN, "http://user:hunter2@localhost")
    assert "hunter2" not in str(caught.value)


def test_a_result_without_an_identifier_is_refused_before_anything_is_sent(
    server, make_storage
):
    with pytest.raises(FormatError, match="no identifier"):
        make_storage().store(Result())
    assert server.requests == []


def test_the_connection_to_the_stack_is_found(server, tmp_path):
    config = tmp_path / "visu.config.json"
    stack = {"url": server.url, "org": "o", "bucket": "b", "token": TOKEN}
    config.write_text(json.dumps({"version": 1} | stack))
    storage = InfluxDBStorage.from_stack(config)
    storage.store(result_with())
    storage.close()
    path, headers, _ = server.requests[0]
    assert "org=o&bucket=b" in path
    assert headers["Authorization"] == f"Token {TOKEN}"


def test_without_a_stack_the_error_says_how_to_install_one(tmp_path):
    with pytest.raises(NoStackError, match="multimeter-visu install"):
        InfluxDBStorage.from_stack(tmp_path / "none.json")


def test_another_process_gets_a_storage_for_the_same_place(server):
    token = functools.partial(str, TOKEN)
    storage = InfluxDBStorage(token, server.url, "o", "b", timeout=9.0)
    storage.open(Result(identifier="live"))  # threads and connections stay behind
    handed_over = pickle.loads(pickle.dumps(storage))
    handed_over.store(result_with())
    path, headers, _ = server.requests[-1]
    assert "org=o&bucket=b" in path
    assert headers["Authorization"] == f"Token {TOKEN}"
    storage.close()
    handed_over.close()


def test_another_process_gets_the_installed_stack(tmp_path, server):
    stack = {"url": server.url, "org": "o", "bucket": "b", "token": TOKEN}
    config = tmp_path / "stack.json"
    config.write_text(json.dumps({"version": 1} | stack))
    handed_over = pickle.loads(pickle.dumps(InfluxDBStorage.from_stack(config)))
    handed_over.store(result_with())
    handed_over.close()
    assert server.requests[-1][1]["Authorization"] == f"Token {TOKEN}"


class TestNames:
    @pytest.fixture
    def server(self, tmp_path):
        with stand_in(tmp_path / "influxdb", TOKEN) as url:
            yield Connection(url, "kantai", "multimeter", "", TOKEN)

    def store(self, server, name):
        storage = InfluxDBStorage(TOKEN, server.url, live=False)
        result = Result(identifier=name)
        result.append(1, {"a.b": 1.0})
        storage.store(result)
        storage.close()

    @pytest.mark.parametrize("name", ["train", 'my "run", ${x}\\1', "a b=c,d", "#run"])
    def test_influxdb_has_a_run_or_not(self, server, name):
        self.store(server, f"{name}x")
        assert not server_has_run(server, None, name)
        self.store(server, name)
        assert server_has_run(server, None, name)

    def test_a_run_of_the_same_name_gets_a_number(self, server):
        self.store(server, "train")
        storage = InfluxDBStorage(TOKEN, server.url, read_token=TOKEN)
        assert storage.free_identifier("train") == "train-2"
        assert storage.free_identifier("other") == "other"
        there = pickle.loads(pickle.dumps(storage))
        assert there.free_identifier("train") == "train-2"

    @pytest.mark.parametrize(
        "answer",
        [
            (200, {}, b"\r\n"),
            (200, {}, b",error,reference\r\n,it broke: _value,897\r\n"),
            (401, {}, b",result,table,_value,\r\n"),
            (200, {}, b"<html>"),
            (200, {"X-Influxdb-Build": "multimeter"}, b""),
            (404, {"X-Influxdb-Build": "multimeter"}, b"{}"),
            (500, {"X-Influxdb-Build": "multimeter"}, b""),
        ],
    )
    def test_a_server_that_does_not_say_so_has_none(self, answer):
        with running(Answering.with_answer(*answer)) as url:
            server = Connection(url, "kantai", "multimeter", "", TOKEN)
            has_run = server_has_run(server, None, "train")
        embedded_has = answer[0] == 200 and "X-Influxdb-Build" in answer[1]
        assert has_run == embedded_has

    def test_where_nothing_answers_no_name_is_taken(self):
        nowhere = Connection("http://127.0.0.1:9", "kantai", "multimeter", "", TOKEN)
        assert not server_has_run(nowhere, None, "train")
