"""Runs in servers: the stand-in for InfluxDB 2, and servers that are none."""

from __future__ import annotations

import pathlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from multimeter import (
    ConfigurationError,
    InfluxDBStorage,
    Measure,
    Metric,
    NoStackError,
    Result,
    Schema,
    StorageError,
    Subject,
)
from multimeter.connection import Connection
from multimeter.runs.client import ReadClient
from multimeter.runs.lookup import load_run
from multimeter.runs.source import RunEntry, believed
from multimeter.runs.stack import InfluxDB, Stack, find_stack
from multimeter.storages.free_identifier import is_taken_in

sys.path.append(str(pathlib.Path(__file__).parents[3] / "fakes" / "influxdb"))
TOKEN = "T0KEN-very-secret"
S = 10**9
RIG = Subject("rig", "What is measured.")
SCHEMA = Schema.of_measures(
    Measure(RIG, metric)
    for metric in (
        Metric("load", "How much.", "N"),
        Metric("turns", "", "", int, None),
        Metric("state", "", "", str, None),
        Metric("is_on", "", "", bool, None),
    )
)


@pytest.fixture
def connection(tmp_path):
    """A stand-in for InfluxDB 2 that has been set up."""
    from server import Database, Handler

    class Here(Handler):
        database = Database(tmp_path / "influxdb")

        def log_message(self, *args):
            pass

    bucket = {"id": "b" * 16, "name": "multimeter"}
    Here.database.org = {"id": "o" * 16, "name": "kantai"}
    Here.database.buckets = {"multimeter": bucket}
    Here.database.tokens = {TOKEN: {"id": "1", "all": True, "may": []}}
    with Running(Here) as url:
        yield Connection(url, "kantai", "multimeter", TOKEN)


class Running:
    def __init__(self, handler):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def run(name, points=5):
    result = Result.of_schema(SCHEMA, identifier=name, tags={"who": "a b,c=d"})
    for number in range(points):
        values = {"rig.load": number / 7, "rig.turns": -number, "rig.is_on": number > 2}
        values["rig.state"] = ["", 'a "b"', "x\ny", None, "ä"][number]
        result.append(1_700_000_000 * S + number, values)
    result.add_mark(1_700_000_000 * S + 3, 'half "way"')
    result.add_meta_data(command="python")
    return result


def store(connection, result):
    storage = InfluxDBStorage(TOKEN, connection.url, live=False)
    storage.store(result)
    storage.close()
    return result


@pytest.mark.parametrize("name", ["train", 'my "run", ${x}\\1', "a b=c,d", "#run"])
def test_a_run_comes_back_equal_from_influxdb(connection, name):
    result = store(connection, run(name))
    store(connection, run(f"{name}x"))
    stack = Stack(connection)
    assert load_run(name, lambda: [stack], pytest.fail) == result


def test_a_list_tells_of_each_run(connection):
    store(connection, run("train"))
    (entry,) = Stack(connection).list().entries
    assert entry == RunEntry(
        "train",
        connection.url,
        1_700_000_000 * S,
        1_700_000_000 * S + 4,
        5,
        {"who": "a b,c=d"},
        "ended",
        is_small=True,
        figures={"duration": 4e-9},
    )


@pytest.mark.parametrize(
    ("now", "state"), [(1_700_000_100, "live"), (1_800_000_000, "died")]
)
def test_a_run_that_does_not_move_any_more_has_died(connection, now, state):
    from multimeter.storages.live_run import LiveRun

    lines = []
    result = run("train", 0)
    live = LiveRun(result, lambda line, _: lines.append(line), 1_700_000_000 * S)
    live.append(1_700_000_090 * S, {"rig.load": 1.0})
    storage = InfluxDBStorage(TOKEN, connection.url)
    storage.store_lines(lines)
    storage.close()
    client = ReadClient(connection)
    influxdb = InfluxDB(client, "kantai", "multimeter", now_ns=lambda: now * S)
    (entry,) = influxdb.list().entries
    assert (entry.identifier, entry.state) == ("train", state)


def test_a_run_that_is_gone_is_a_clear_error(connection):
    with pytest.raises(ValueError, match="found 0"):
        Stack(connection).load(RunEntry("gone", ""))


def test_a_token_that_may_not_read_is_said_and_not_shown(connection):
    other = Connection(connection.url, "kantai", "multimeter", "wrong-secret")
    listing = Stack(other).list()
    assert listing.entries == ()
    assert "401" in listing.problems[0]
    assert "wrong-secret" not in listing.problems[0]


def test_a_server_that_is_away_is_said():
    gone = Connection("http://127.0.0.1:9", "kantai", "multimeter", TOKEN)
    (said,) = Stack(gone).list().problems
    assert "does not answer" in said
    assert "multimeter-visu start" in said
    assert TOKEN not in said


class Odd(BaseHTTPRequestHandler):
    """Answers everything with what it was made for."""

    answer = (200, {}, b"")
    asked: list[tuple[str, str]]

    def do_GET(self):
        self.asked.append((self.path, self.headers["Authorization"]))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - as http.server names it

    def log_message(self, *args):
        pass


EMBEDDED = {"X-Influxdb-Build": "multimeter"}


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>"),
        (200, EMBEDDED, b"<html>"),
        (200, EMBEDDED, b"[1]"),
        (200, EMBEDDED, b'[{"identifier": "x"}]'),
        (200, {**EMBEDDED, "Content-Length": "500"}, b"["),
        (200, {**EMBEDDED, "Transfer-Encoding": "chunked"}, b"zz\r\n"),
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
        (500, {}, b'{"message": "' + TOKEN.encode() + b'"}'),
        (404, {}, b"\xff"),
    ],
)
def test_odd_servers_are_clear_errors(answer):
    odd = type("Here", (Odd,), {"answer": answer, "asked": []})
    with Running(odd) as url:
        (said,) = Stack(Connection(url, "kantai", "multimeter", TOKEN)).list().problems
    assert url in said or "annotated CSV" in said
    assert TOKEN not in said


def test_a_token_goes_to_no_other_server():
    there = type("There", (Odd,), {"asked": []})
    with Running(there) as other:
        here = type(
            "Here", (Odd,), {"answer": (307, {"Location": other}, b""), "asked": []}
        )
        with Running(here) as url:
            Stack(Connection(url, "kantai", "multimeter", TOKEN)).list()
    assert here.asked
    assert there.asked == []


def test_a_proxy_is_not_used(monkeypatch):
    proxy = type("Proxy", (Odd,), {"asked": []})
    with Running(proxy) as url:
        monkeypatch.setenv("http_proxy", url)
        Stack(Connection("http://127.0.0.1:9", "kantai", "multimeter", TOKEN)).list()
    assert proxy.asked == []


def test_a_file_is_no_server():
    with pytest.raises(ConfigurationError, match="not the URL"):
        ReadClient(Connection("file:///etc/passwd", "o", "b", TOKEN))


def test_without_a_stack_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("INFLUXDB_V2_URL", raising=False)
    assert find_stack() is None
    with pytest.raises(NoStackError):
        find_stack(tmp_path / "none.json")


def read_in_pieces(client):
    with client.answer("/api/lines") as response:
        while response.read(4):
            pass


def test_an_answer_that_ends_half_way_is_an_error():
    class Torn(Odd):
        def do_GET(self):
            self.send_response(200)
            self.send_header("X-Influxdb-Build", "multimeter")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"" if self.path == "/ping" else b"m v=1 1\n")

    with Running(Torn) as url:
        client = ReadClient(Connection(url, "kantai", "multimeter", TOKEN))
        with pytest.raises(StorageError, match="does not answer"):
            read_in_pieces(client)


@pytest.mark.parametrize(("end", "state"), [(10**9, "live"), (2**62, "")])
def test_a_point_in_the_future_does_not_make_a_run_live(end, state):
    entry = RunEntry("run", "there", 1, end, state="live")
    assert believed(entry, now_ns=10**9).state == state


@pytest.mark.parametrize("name", ["train", 'my "run", ${x}\\1', "a b=c,d", "#run"])
def test_influxdb_says_whether_it_has_a_run(connection, name):
    store(connection, run(f"{name}x"))
    assert not Stack(connection).has(name)
    store(connection, run(name))
    assert Stack(connection).has(name)
    assert is_taken_in(connection, name)


def test_where_nothing_answers_no_name_is_taken():
    nowhere = Connection("http://127.0.0.1:9", "kantai", "multimeter", TOKEN)
    assert not is_taken_in(nowhere, "train")


def test_a_run_of_the_same_name_gets_a_number(connection):
    store(connection, run("train"))
    storage = InfluxDBStorage(TOKEN, connection.url, read_token=TOKEN)
    assert storage.free_identifier("train") == "train-2"
    assert storage.free_identifier("other") == "other"
