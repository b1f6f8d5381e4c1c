"""Runs in servers: the stand-in for InfluxDB 2, and servers that are none."""

from __future__ import annotations

import pytest
from fakes.answering import Answering, running
from fakes.influxdb_stand_in import stand_in
from hypothesis import given
from hypothesis import strategies as st

from multimeter import (
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
from multimeter.data.estimate import Estimate
from multimeter.http.influxdb import InfluxDBApi
from multimeter.runs.lookup import load_run
from multimeter.runs.source import RunEntry, believed
from multimeter.runs.stack import InfluxDBRuns, Stack, _run_query, find_stack

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
    with stand_in(tmp_path / "influxdb", TOKEN) as url:
        yield Connection(url, "kantai", "multimeter", TOKEN)


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


def test_tags_that_are_called_as_columns_of_an_answer_come_back(connection, capfd):
    result = Result.of_schema(
        SCHEMA, identifier="train", tags={"result": "ok", "table": "a"}
    )
    result.append(1_700_000_000 * S, {"rig.load": 1.0})
    store(connection, result)
    assert load_run("train", lambda: [Stack(connection)], pytest.fail) == result
    assert capfd.readouterr().out == ""


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
        figures={"duration": Estimate.exact(4e-9)},
    )


@pytest.mark.parametrize(
    ("now", "state"), [(1_700_000_100, "live"), (1_800_000_000, "died")]
)
def test_a_run_that_does_not_move_any_more_has_died(connection, now, state):
    from multimeter.storages.live_run import LiveRun

    lines = []
    result = run("train", 0)
    clock = iter((1_700_000_000 * S, 1_700_000_000 * S, 1_700_000_090 * S))
    live = LiveRun(result, lambda line, _: lines.append(line), lambda: next(clock))
    live.append(1_700_000_090 * S, {"rig.load": 1.0})
    storage = InfluxDBStorage(TOKEN, connection.url)
    storage.store_lines(lines)
    storage.close()
    api = InfluxDBApi(connection.url)
    influxdb = InfluxDBRuns(api, TOKEN, "kantai", "multimeter", now_ns=lambda: now * S)
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
    with running(Answering.with_answer(*answer)) as url:
        (said,) = Stack(Connection(url, "kantai", "multimeter", TOKEN)).list().problems
    assert url in said
    assert "Next: " in said
    assert TOKEN not in said


@pytest.mark.parametrize("more", [{}, EMBEDDED])
def test_a_token_goes_to_no_other_server(more):
    there = Answering.with_answer(200)
    with running(there) as other:
        here = Answering.with_answer(307, {"Location": other, **more})
        with running(here) as url:
            Stack(Connection(url, "kantai", "multimeter", TOKEN)).list()
    assert here.asked[-1][1] == f"Token {TOKEN}"
    assert there.asked == []


@pytest.mark.parametrize("more", [{}, EMBEDDED])
def test_a_proxy_is_not_used(monkeypatch, more):
    proxy, here = Answering.with_answer(200), Answering.with_answer(200, more)
    with running(proxy) as proxy_url, running(here) as url:
        monkeypatch.setenv("http_proxy", proxy_url)
        monkeypatch.setenv("no_proxy", "")
        Stack(Connection(url, "kantai", "multimeter", TOKEN)).list()
    assert proxy.asked == []
    assert len(here.asked) == 2


def test_without_a_stack_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("INFLUXDB_V2_URL", raising=False)
    assert find_stack() is None
    with pytest.raises(NoStackError):
        find_stack(tmp_path / "none.json")


@pytest.mark.parametrize(("end", "state"), [(10**9, "live"), (2**62, "")])
def test_a_point_in_the_future_does_not_make_a_run_live(end, state):
    entry = RunEntry("run", "there", 1, end, state="live")
    assert believed(entry, now_ns=10**9).state == state


@given(name=st.text(st.characters(exclude_characters="\n\r\t"), min_size=1))
def test_a_query_means_the_run_of_that_name_and_no_other(name):
    from flux import read_query, run_query

    rows = [
        {"_measurement": each, "_field": "v", "_time": 5, "_value": each, **tags}
        for each, tags in (
            (name, {}),
            (f"{name}x", {}),
            ("multimeter_marks", {"measurement": name}),
            ("multimeter_marks", {"measurement": f"{name}x"}),
        )
    ]
    rows += [{**row, "run": "1"} for row in rows] + [{**row, "run": "2"} for row in rows]

    def found(run_id):
        query = read_query(_run_query("multimeter", name, run_id), 0)
        return {
            (row["_measurement"], row.get("measurement"), row.get("run"))
            for table in run_query(query, rows)
            for row in table
        }

    one = {(name, None, "1"), ("multimeter_marks", name, "1")}
    assert found("1") == one
    assert found(None) > one
    assert {measurement for measurement, _, _ in found(None)} == {name, "multimeter_marks"}


def test_a_run_is_removed_and_another_one_of_its_name_stays(connection):
    for start in (0, 10):
        result = run('my "run"')
        result.id = f"01jdk3v5m8x2q7h4t9b{start:02}"
        store(connection, result)
    store(connection, run("other"))
    stack = Stack(connection)
    first, second = (e for e in stack.list().entries if e.identifier == 'my "run"')
    stack.remove(first)
    left = Stack(connection)
    assert {(e.identifier, e.id) for e in left.list().entries} >= {
        (second.identifier, second.id)
    }
    assert first.id not in {e.id for e in left.list().entries}
    assert len(left.load(second).points) == 5
    assert len(left.list().entries) == 2


def test_a_run_without_an_id_is_not_removed_with_others_of_its_name(connection):
    store(connection, run("train"))
    (entry,) = Stack(connection).list().entries
    old = RunEntry(entry.identifier, entry.where)
    other = run("train")
    other.id = "01jdk3v5m8x2q7h4t9b99"
    store(connection, other)
    with pytest.raises(StorageError, match="other runs have this name"):
        Stack(connection).remove(old)
    assert len(Stack(connection).list().entries) == 2
