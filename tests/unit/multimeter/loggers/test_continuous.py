from __future__ import annotations

import math
import os
import random
import socket
import subprocess
import sys
import threading
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from multimeter.delivery.queue import LINE_BYTES
from multimeter.errors import ConfigurationError, StateError, UnknownCodenameError
from multimeter.loggers import ContinuousLogger, DeadBand
from multimeter.sinks.base import Accepted, Batch, Retry
from multimeter.sinks.memory import MemorySink
from multimeter.sinks.sql import SQLSink
from multimeter.sinks.sql_client import MySQLServer

SECONDS = 60


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def sink():
    return MemorySink()


@pytest.fixture
def make(sink):
    made = []

    def make(codenames=("a", "b"), **options):
        logger = ContinuousLogger(
            "log", measurement_codenames=codenames, **{"sink": sink, **options}
        )
        made.append(logger)
        return logger

    yield make
    for logger in made:
        logger.stop(0)


def points(sink, codename="a"):
    records = [Batch("", [line]).records[0] for line in sink.lines.values()]
    return [
        (each.time_ns, each.fields["value"])
        for each in records
        if each.tags["codename"] == codename
    ]


def test_points_arrive_with_their_codename_time_and_value(make, sink):
    with make() as logger:
        logger.enqueue_point("a", (1_600_000_000.5, 21.5))
        logger.enqueue_point("b", [1_600_000_001, 3])
    assert sorted(sink.lines.values()) == [
        b"log,codename=a value=21.5 1600000000500000000",
        b"log,codename=b value=3.0 1600000001000000000",
    ]


def test_a_time_is_kept_to_the_microsecond(make, sink):
    timing = random.Random(1)
    times_us = [timing.randrange(2**32 * 1_000_000) for _ in range(10_000)]
    with make() as logger:
        for time_us in times_us:
            logger.enqueue_point("a", (time_us / 1e6, 1))
    assert [time_ns for time_ns, _ in points(sink)] == [each * 1_000 for each in times_us]


@pytest.mark.parametrize(
    "unixtime",
    [
        Decimal("1600000000.123456"),
        Fraction(1_600_000_000_123_456, 1_000_000),
        1_600_000_000.123456,
        np.float64(1_600_000_000.123456),
    ],
)
def test_a_time_may_be_a_number_of_any_kind(make, sink, unixtime):
    with make() as logger:
        logger.enqueue_point("a", (unixtime, 1))
    assert points(sink) == [(1_600_000_000_123_456_000, 1.0)]


def test_enqueue_point_now_returns_the_time_that_is_stored(make, sink):
    with make() as logger:
        unixtime = logger.enqueue_point_now("a", 1)
    assert points(sink) == [(round(unixtime * 1e6) * 1_000, 1.0)]


def test_two_points_of_now_never_share_a_time_though_the_clock_stands_still(
    make, sink, monkeypatch
):
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
    with make() as logger:
        times = [logger.enqueue_point_now("a", number) for number in range(5)]
    assert times == sorted(set(times))
    assert [round(at * 1e6) for at in times] == [
        1_700_000_000_000_000 + n for n in range(5)
    ]
    assert [value for _, value in points(sink)] == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("codename", ["c", "A", "", None, 1, ["a"]])
def test_an_unknown_codename_is_refused(make, codename):
    logger = make()
    with pytest.raises(UnknownCodenameError, match="not one of this logger: a, b"):
        logger.enqueue_point(codename, (1, 2))
    with pytest.raises(KeyError):
        logger.enqueue_point_now(codename, 2)
    assert logger.stats().accepted == 0


@pytest.mark.parametrize(
    "point",
    [(), (1,), (1, 2, 3), 1, None, "ab", (1, "x"), (1, None), ("x", 1), (math.nan, 1)],
)
def test_what_is_no_pair_of_numbers_is_a_value_error(make, point):
    logger = make()
    with pytest.raises(ValueError, match="is not a point"):
        logger.enqueue_point("a", point)
    assert logger.stats().accepted == 0


@pytest.mark.parametrize("thinning", [None, DeadBand()])
def test_nan_and_infinity_are_counted_and_not_stored(make, sink, thinning):
    with make(thinning=thinning) as logger:
        for number, value in enumerate([1.0, math.nan, math.inf, -math.inf, 2.0]):
            logger.enqueue_point("a", (number, value))
    assert [value for _, value in points(sink)] == [1.0, 2.0]
    assert logger.stats().dropped == {"no value": 3}


def test_points_that_are_enqueued_before_the_start_are_not_lost(make, sink):
    logger = make()
    logger.enqueue_point("a", (1, 2))
    logger.start()
    assert logger.stop().delivered == 1


def test_a_second_start_is_an_error(make):
    logger = make()
    logger.start()
    with pytest.raises(StateError, match="already started"):
        logger.start()


def test_after_stop_nothing_is_taken_and_a_second_stop_says_the_same(make):
    logger = make()
    logger.start()
    logger.enqueue_point("a", (1, 2))
    report = logger.stop()
    assert report.delivered == 1
    with pytest.raises(StateError, match="closed"):
        logger.enqueue_point("a", (1, 2))
    assert logger.stop() == report


def test_stop_goes_on_while_points_are_being_stored(make):
    gate = threading.Semaphore(0)
    sink = MemorySink(lambda _: gate.acquire() and Accepted())
    logger = make(sink=sink, batch_size=1, dequeue_timeout=0.0)
    for number in range(50):
        logger.enqueue_point("a", (number, number))
    releasing = threading.Thread(target=lambda: [gate.release() for _ in range(50)])
    releasing.start()
    assert logger.stop().delivered == 50
    releasing.join()


def test_stop_says_how_many_are_left_when_the_database_takes_none(make, caplog):
    sink = MemorySink(lambda _: Retry("it is down"))
    logger = make(sink=sink, dequeue_timeout=0.0, reconnect_waittime=0.01)
    logger.enqueue_point("a", (1, 2))
    report = logger.stop()
    assert (report.delivered, report.queued) == (0, 1)
    assert "1 not delivered" in caplog.text


def test_without_a_spool_what_is_left_at_the_end_is_kept_and_sent_by_the_next_one(
    make, home, caplog
):
    sink = MemorySink(lambda _: Retry("it is down"))
    logger = make(sink=sink, dequeue_timeout=0.0)
    for number in range(10):
        logger.enqueue_point("a", (number, number))
    report = logger.stop()
    spool = home / ".multimeter" / "spool"
    assert (report.queued, report.lost, report.spool) == (10, 0, spool)
    assert f"multimeter deliver {spool}" in caplog.text
    logger._delivery._thread.join(SECONDS)
    sink._answer = None
    with make(sink=sink) as again:
        assert again.stats().resumed == 10
    assert points(sink) == [(number * 10**9, float(number)) for number in range(10)]


def test_where_no_spool_can_be_written_what_is_left_is_said_to_be_lost(make, home, caplog):
    home.mkdir(parents=True)
    (home / ".multimeter").write_text("")
    logger = make(sink=MemorySink(lambda _: Retry("it is down")), dequeue_timeout=0.0)
    logger.enqueue_point("a", (1, 2))
    report = logger.stop()
    assert (report.queued, report.lost, report.spool) == (1, 1, None)
    assert "1 not delivered: they are lost" in caplog.text
    assert "multimeter deliver" not in caplog.text


def test_a_million_points_wait_in_memory_whatever_their_codename_is(make):
    # The lengths that a table and a codename have at most.
    codename, table = "c" * 80, "d" * 64
    logger = ContinuousLogger(
        table, measurement_codenames=[codename], sink=MemorySink(lambda _: Retry("down"))
    )
    line = len(f"{logger._heads[codename]}{-1 / 3e300!r} {10**18}") + LINE_BYTES
    assert line * 1_000_000 <= logger._delivery._settings.max_bytes
    logger.stop(0)


def test_memory_is_limited_in_bytes_as_well(make):
    logger = make(sink=MemorySink(lambda _: Retry("down")), max_bytes=1_000)
    for number in range(100):
        logger.enqueue_point("a", (number, number))
    assert 0 < logger.stats().queued < 20
    assert logger.stats().dropped == {"queue full": 100 - logger.stats().queued}


def test_without_a_spool_the_oldest_points_are_dropped_and_with_one_none(make, tmp_path):
    sink = MemorySink(lambda _: Retry("it is down"))
    options = {"sink": sink, "max_records": 10, "batch_size": 2}
    for spool, dropped in ((None, {"queue full": 10}), (tmp_path / "spool", {})):
        logger = make(spool=spool, **options)
        for number in range(20):
            logger.enqueue_point("a", (number, number))
        assert logger.stats().dropped == dropped
        logger.stop(0)


def test_thinning_can_be_for_some_codenames(make, sink):
    with make(thinning={"a": DeadBand(absolute=1.0)}) as logger:
        for number in range(5):
            logger.enqueue_point("a", (number, 5.0))
            logger.enqueue_point("b", (number, 5.0))
    assert [at // 10**9 for at, _ in points(sink, "a")] == [0, 4]
    assert len(points(sink, "b")) == 5
    assert logger.thinned_out == 3


def test_two_codenames_that_are_one_in_a_line_are_an_error(make):
    with pytest.raises(ConfigurationError, match="cannot be distinguished"):
        make(["a", "\ud800", "\ufffd"])


def test_codenames_with_all_kinds_of_characters_arrive(make, sink):
    codenames = ["room 1, left=right", "température", "a\\b", '"quoted"']
    with make(codenames) as logger:
        for codename in codenames:
            logger.enqueue_point(codename, (1, 2))
    records = [Batch("", [line]).records[0] for line in sink.lines.values()]
    assert [each.tags["codename"] for each in records] == codenames


@pytest.mark.parametrize("codenames", [(), [""], [1], [" "], ["a", None]])
def test_codenames_that_are_none_are_an_error(make, codenames):
    with pytest.raises(ConfigurationError, match="codename"):
        make(codenames)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "mysql://u:S3CRET@h/d", "username": "u"},
        {"url": "http://u:S3CRET@h/d"},
        {"url": "mysql://u:S3CRET@h:port/d"},
        {"url": "mysql://u:S3CRET@h/d/e"},
        {"url": "mysql://u:S3CRET@h/d?more=1"},
        {"url": "mysql://h/d"},
        {"dsn": "name;PWD=S3CRET"},
        {"dsn": "name", "host": "h"},
        {"username": "u", "port": 0},
        {"username": "u", "table": "a`b"},
        {"sink": MemorySink(), "thinning": {"x": DeadBand()}},
        {"sink": MemorySink(), "reconnect_waittime": 0},
    ],
)
def test_arguments_that_cannot_be_used_are_an_error_without_a_secret(options):
    with pytest.raises(ConfigurationError) as caught:
        ContinuousLogger(**{"table": "t", "measurement_codenames": ["a"], **options})
    assert "S3CRET" not in str(caught.value)


def test_it_starts_while_nobody_listens_and_says_so(caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        logger = ContinuousLogger("t", "u", "S3CRET", ["a"], host="127.0.0.1", port=port)
        logger.start()
        logger.enqueue_point_now("a", 1)
        assert logger.stop(0).queued == 1
    assert "The logger starts anyway" in caplog.text
    assert "S3CRET" not in caplog.text


def test_to_stack_writes_to_the_installed_stack(monkeypatch):
    monkeypatch.setenv("INFLUXDB_V2_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("INFLUXDB_V2_TOKEN", "T0KEN")
    logger = ContinuousLogger.to_stack(["a"], dequeue_timeout=0.0)
    assert "http://127.0.0.1:9" in repr(logger)
    assert logger._heads == {"a": "multimeter_logs,codename=a value="}
    logger.stop(0)


def test_units_and_descriptions_are_written_once_at_the_start(make, sink):
    options = {"units": {"a": "mbar"}, "descriptions": {"a": 'the "cold" end', "b": "room"}}
    logger = make(**options)
    logger.start()
    for number in range(3):
        logger.enqueue_point("a", (number, number))
    assert logger.stop().delivered == 5
    records = [Batch("", [line]).records[0] for line in sink.lines.values()]
    said = [each for each in records if each.measurement == "multimeter_codenames"]
    assert [(each.tags, each.fields) for each in said] == [
        ({"codename": "a"}, {"unit": "mbar", "description": 'the "cold" end'}),
        ({"codename": "b"}, {"description": "room"}),
    ]
    assert all(each.time_ns > 1_600_000_000_000_000_000 for each in said)
    # To correct a unit makes no new series of the values.
    assert [each.tags for each in records if each not in said] == [{"codename": "a"}] * 3


@pytest.mark.parametrize("name", ["units", "descriptions"])
@pytest.mark.parametrize("said", [{"c": "mbar"}, {"a": 5}])
def test_a_unit_that_is_no_text_or_of_nobody_is_an_error(make, name, said):
    with pytest.raises(ConfigurationError, match=name):
        make(**{name: said})


@pytest.mark.parametrize("option", [{"units": {"a": "mbar"}}, {"health": True}])
def test_a_table_of_values_has_no_place_for_units_and_health(make, option):
    sink = SQLSink(MySQLServer("u", "p", database="lab"), "dateplots_lab")
    with pytest.raises(ConfigurationError, match="no place for units"):
        make(sink=sink, **option)


@pytest.mark.parametrize(("option", "lines"), [({"health": True}, 2), ({}, 1)])
def test_what_a_logger_did_is_stored_where_asked(make, sink, option, lines):
    with make(**option) as logger:
        logger.enqueue_point("a", (1, 1))
    assert logger.stats().delivered == 1
    logger._delivery._thread.join(SECONDS)
    assert len(sink.lines) == lines


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork_the_child_logs_for_itself(make, sink):
    logger = make()
    logger.enqueue_point("a", (1, 1))
    assert logger.flush(SECONDS)
    with logger._lock:
        child = os.fork()
        if child == 0:
            logger.enqueue_point_now("a", 2)
            os._exit(logger.stats().accepted)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_the_loggers_import_no_driver():
    code = (
        "import sys, multimeter, multimeter.loggers\n"
        "assert not {'pymysql', 'pyodbc'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
