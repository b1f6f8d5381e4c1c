from __future__ import annotations

import json
import logging
import socket
import threading

import pytest
from fakes.write_server import WriteServer, refusal

from multimeter import InfluxDBStorage, Multimeter, Result
from multimeter.data.identifiers import new_identifier
from multimeter.lines.protocol import decode
from multimeter.storages.free_identifier import first_free

TOKEN = "T0KEN-very-secret"
NEVER = 3600.0
SECONDS = 120


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def server():
    with WriteServer.running() as server:
        yield server


@pytest.fixture
def make_storage(server):
    storages = []

    def make(url=server.url, **options):
        storages.append(InfluxDBStorage(TOKEN, url, **{"end_timeout": SECONDS, **options}))
        return storages[-1]

    yield make
    for storage in storages:
        storage._end_timeout = 0
        storage.close()


@pytest.fixture
def nowhere(server):
    """The URL of a server that is not there any more."""
    with WriteServer() as gone:
        pass
    return gone.url


@pytest.fixture
def measure(make_probe):
    def measure(storage, identifier="run", **tags):
        probe = make_probe("a", value=1.5)
        multimeter = Multimeter(probe, cycle_time=NEVER, storage=storage)
        return multimeter.measure(identifier, **tags)

    return measure


def records(server):
    return [r for _, _, body in server.requests for r in decode(body.decode())]


def test_a_run_is_seen_before_it_ends(server, make_storage, measure):
    storage = make_storage()
    measurement = measure(storage, stage="test")
    measurement.start()
    measurement.add_mark("x")
    assert storage._delivery.flush(SECONDS)
    seen = records(server)
    assert [r.measurement for r in seen] == ["multimeter_runs", "multimeter_marks"]
    assert seen[0].fields["state"] == "running"
    measurement.end()


def test_at_its_end_all_of_it_is_there(server, make_storage, measure):
    storage = make_storage()
    with measure(storage, stage="test") as result:
        storage.append(result, 7, {"stub.a": 2.5})
    points = server.points()
    series = f"run,('run', '{result.id}'),('stage', 'test')"
    assert points[series, 7] == {"stub.a": 2.5}
    begun, entry = (f for key, f in points.items() if "multimeter_runs" in key[0])
    assert (begun["state"], entry["state"]) == ("running", "finished")
    assert entry["end"] == result.times_ns[-1]


def test_points_are_not_sent_a_second_time_at_the_end(server, make_storage, measure):
    with measure(make_storage()):
        pass
    seen = [r for r in records(server) if r.measurement == "run"]
    assert len(seen) == 1


@pytest.mark.parametrize(("options", "told"), [({"health": True}, 1), ({}, 0)])
def test_what_the_delivery_did_is_told_at_the_end_where_asked(
    server, make_storage, measure, options, told
):
    storage = make_storage(**options)
    with measure(storage):
        pass
    storage.close()
    storage._delivery._thread.join(SECONDS)
    health = [r for r in records(server) if r.measurement == "multimeter_health"]
    assert [r.fields["queued"] for r in health] == [0] * told


def test_a_storage_for_the_stack_tells_what_its_delivery_did(server, measure, tmp_path):
    stack = {"url": server.url, "org": "o", "bucket": "b", "token": TOKEN}
    config = tmp_path / "visu.config.json"
    config.write_text(json.dumps({"version": 1} | stack))
    for options in ({}, {"health": False}):
        storage = InfluxDBStorage.from_stack(config, **options)
        with measure(storage):
            pass
        storage.close()
        storage._delivery._thread.join(SECONDS)
    assert [r.measurement for r in records(server)].count("multimeter_health") == 1


def test_who_wants_all_at_the_end_gets_that(server, make_storage, measure):
    with measure(make_storage(live=False)):
        assert server.requests == []
    assert [r.measurement for r in records(server)] == ["run", "multimeter_runs"]


def test_a_result_that_was_not_followed_is_stored_whole(server, make_storage):
    result = Result(identifier="run")
    result.append(1, {"a.b": 1.0})
    make_storage().store(result)
    assert [r.measurement for r in records(server)] == ["run", "multimeter_runs"]


def test_a_result_can_be_stored_again_by_hand(server, make_storage, measure):
    storage = make_storage()
    with measure(storage) as result:
        pass
    before = server.points()
    storage.store(result)
    assert {k: v for k, v in server.points().items() if k[0] == "run"} == {
        k: v for k, v in before.items() if k[0] == "run"
    }


def test_several_runs_at_once_keep_apart(server, make_storage, measure):
    storage = make_storage()
    with measure(storage, "one") as one, measure(storage, "two") as two:
        pass
    assert {key[0] for key in server.points()} == {
        f"one,('run', '{one.id}')",
        f"two,('run', '{two.id}')",
        f"multimeter_runs,('measurement', 'one'),('run', '{one.id}')",
        f"multimeter_runs,('measurement', 'two'),('run', '{two.id}')",
    }


def test_a_server_that_is_away_breaks_nothing_and_the_end_says_where_points_lie(
    make_storage, measure, nowhere, home, caplog
):
    with measure(make_storage(nowhere)) as result:
        pass
    assert len(result.points) == 1
    (said,) = [m for m in caplog.messages if "has ended" in m]
    assert "The run 'run' has ended, and 3 points have not arrived yet" in said
    assert f"they lie in {home / '.multimeter' / 'spool'}" in said
    assert "multimeter deliver" in said
    assert list((home / ".multimeter" / "spool").iterdir())


def test_what_the_end_of_a_run_has_said_is_not_said_again(
    make_storage, measure, nowhere, caplog
):
    storage = make_storage(nowhere, end_timeout=0.1)
    with measure(storage):
        pass
    assert storage.close() == 0
    assert storage.waiting == 3
    assert sum("multimeter deliver" in message for message in caplog.messages) == 1


def test_a_spool_that_cannot_be_written_is_not_said_to_hold_the_points(
    make_storage, measure, nowhere, home, caplog
):
    home.mkdir(parents=True, exist_ok=True)
    (home / ".multimeter").write_text("a file, where the folder would be")
    storage = make_storage(nowhere, end_timeout=0.1)
    with measure(storage):
        pass
    (said,) = [m for m in caplog.messages if "has ended" in m]
    assert "3 points have not arrived yet: they wait in memory only" in said
    assert "else they are lost" in said
    storage.close()
    assert "3 not delivered: they are lost" in caplog.text
    assert "multimeter deliver" not in caplog.text


def test_what_was_left_arrives_when_the_server_is_back(make_storage, measure, nowhere):
    storage = make_storage(nowhere)
    with measure(storage) as result:
        pass
    with WriteServer.running(int(nowhere.rpartition(":")[2])) as back:
        assert storage._delivery.flush(SECONDS)
        points = back.points()
    assert points[f"run,('run', '{result.id}')", result.times_ns[0]] == {"stub.a": 1.5}
    assert len(points) == 3


def test_what_the_server_refuses_is_said_at_the_end(server, make_storage, measure, caplog):
    server.answers = [(400, {}, refusal("no"))] * 100
    storage = make_storage()
    with measure(storage):
        pass
    assert "3 points were refused by" in caplog.text
    assert str(storage._delivery.rejects) in caplog.text
    assert len(storage._delivery.rejects.read_text().splitlines()) == 3


def test_each_run_says_what_was_refused_of_it(server, make_storage, measure, caplog):
    storage = make_storage()
    server.answers = [(400, {}, refusal("no"))] * 100
    with measure(storage, "one"):
        pass
    server.answers.clear()
    with measure(storage, "two"):
        pass
    assert caplog.text.count("were refused by") == 1


def test_a_storage_that_cannot_follow_stores_all_at_the_end(
    server, make_storage, measure, caplog
):
    storage = make_storage()
    measurement = measure(storage)
    result = measurement.start()
    with pytest.raises(AttributeError):
        storage.append(result, "no time", None)
    measurement.end()
    assert [r.measurement for r in records(server)].count("run") == 1
    assert {r.measurement for r in records(server)} == {"run", "multimeter_runs"}


def test_the_measured_code_is_not_held_up_by_a_server_that_hangs(make_storage, measure):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        storage = make_storage(url, end_timeout=0.0)
        with measure(storage) as result:
            for time_ns in range(1_000):
                storage.append(result, time_ns, {"stub.a": 1.0})
        assert storage._delivery.stats().queued >= 1_000


def test_the_token_is_in_no_log_line(make_storage, measure, nowhere, caplog):
    caplog.set_level(logging.DEBUG)
    storage = make_storage(nowhere)
    with measure(storage):
        pass
    assert TOKEN not in caplog.text + repr(storage) + repr(storage._delivery)


def test_with_a_spool_a_run_survives_its_program(make_storage, measure, nowhere, tmp_path):
    storage = make_storage(nowhere, spool=tmp_path / "spool")
    measurement = measure(storage)
    result = measurement.start()
    storage.append(result, 5, {"stub.a": 1.0})
    files = [p for p in (tmp_path / "spool").rglob("0*") if p.is_file()]
    assert b"stub.a=1.0 5" in b"".join(path.read_bytes() for path in files)
    measurement.end()


def test_runs_in_many_threads_share_one_delivery(server, make_storage, measure):
    storage = make_storage()

    def work(number):
        with measure(storage, f"run-{number}"):
            pass

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    finished = [
        fields
        for (series, _), fields in server.points().items()
        if "multimeter_runs" in series and fields["state"] == "finished"
    ]
    assert len(finished) == 8


@pytest.mark.parametrize("taken", [0, 1, 2, 3, 7, 8, 9, 100])
def test_the_first_number_that_is_free_is_found_with_few_questions(taken):
    names = {"run", *(f"run-{n}" for n in range(2, taken + 1))} if taken else set()
    asked = []

    def is_taken(name):
        asked.append(name)
        return name in names

    assert first_free("run", is_taken) == (f"run-{taken + 1}" if taken else "run")
    assert len(asked) <= 16


def test_a_server_that_does_not_answer_is_not_waited_for():
    never = threading.Event()
    try:
        assert first_free("run", lambda _: not never.wait(SECONDS), 0.01) == "run"
    finally:
        never.set()


def test_runs_of_one_storage_are_told_apart(server):
    storage = InfluxDBStorage(TOKEN, server.url)
    assert [storage.free_identifier("run") for _ in range(3)] == ["run", "run-2", "run-3"]


def test_a_name_that_was_reserved_is_that_of_the_next_run_alone(server):
    storage = InfluxDBStorage(TOKEN, server.url)
    assert storage.reserve_identifier("run") == "run"
    assert [storage.free_identifier("run") for _ in range(2)] == ["run", "run-2"]


def test_a_name_that_was_made_up_costs_no_question(server):
    storage = InfluxDBStorage(TOKEN, server.url, read_token=TOKEN)
    name = new_identifier("call-")
    assert storage.free_identifier(name) == storage.free_identifier(name) == name
    assert server.requests == []
