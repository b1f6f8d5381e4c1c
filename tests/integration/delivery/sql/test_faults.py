"""Faults of a database and of the way to it: none lost, none doubled."""

from __future__ import annotations

import contextlib
import json
import logging
import threading

import pymysql
import pytest
from fakes.mariadb import TABLE
from fakes.proxy import Fault, random_faults

SECONDS = 300


@pytest.fixture
def proxied(proxy):
    return int(proxy.url.rpartition(":")[2])


@pytest.fixture
def meddle():
    """Do something again and again, while a test goes on."""
    stop = threading.Event()
    threads = []

    def meddle(deed, pause=0.05):
        def run():
            while not stop.wait(pause):
                with contextlib.suppress(pymysql.MySQLError):
                    deed()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield meddle
    stop.set()
    for thread in threads:
        thread.join()


def sessions(database):
    rows = database.run("SELECT id FROM information_schema.processlist WHERE user = 'rig'")
    return [row[0] for row in rows]


def spread(logger, log_all, points, parts=10):
    """Log in parts, each of them once some of the part before is on its way."""
    for start in range(0, points, points // parts):
        log_all(logger, range(start, start + points // parts))
        logger.flush(0.05)


def test_points_arrive_in_order_in_a_database_without_trouble(
    database, make_logger, log_all, check, points
):
    logger = make_logger(database.port)
    log_all(logger, range(points))
    report = logger.stop()
    assert report.complete
    check(database, range(points))


def test_answers_to_commit_that_are_lost_double_nothing(
    database, proxy, proxied, make_logger, log_all, check, points
):
    """The proxy lets less of each answer through than a batch has, in small steps."""
    proxy.faults = [
        Fault("down", after, deed)
        for after in range(150, 750, 12)
        for deed in ("cut", "reset")
    ]
    logger = make_logger(proxied)
    log_all(logger, range(points))
    assert logger.flush(SECONDS)
    assert proxy.happened >= 50
    check(database, range(points))


@pytest.mark.parametrize(
    ("seed", "options"), [(1, {}), (2, {}), (3, {"spool": None}), (4, {"spool": None})]
)
def test_a_network_that_breaks_at_random_moments_loses_and_doubles_nothing(
    database, proxy, make_logger, log_all, check, points, seed, options
):
    proxy.faults = random_faults(seed, 60, 300_000)
    logger = make_logger(int(proxy.url.rpartition(":")[2]), **options)
    log_all(logger, range(points))
    assert logger.flush(SECONDS)
    assert proxy.happened >= 10
    check(database, range(points))


def test_a_black_hole_ends_with_the_time_out(
    database, proxy, make_logger, log_all, check, points, monkeypatch
):
    """The server has a transaction that nobody will end, and with it a lock of ours."""
    monkeypatch.setattr("multimeter.sinks.sql._SERVER_WAITS_SECONDS", 2)
    proxy.faults = [
        Fault("up", 10**9, "cut"),  # for the connection that the start makes
        Fault("up", 50_000, "stall"),
        Fault("down", 0, "stall"),
        Fault("down", 400, "stall"),
    ]
    logger = make_logger(int(proxy.url.rpartition(":")[2]), timeout=1.5)
    log_all(logger, range(points))
    assert logger.flush(SECONDS)
    assert proxy.happened == 3
    check(database, range(points))


def test_sessions_that_are_killed_lose_and_double_nothing(
    database, make_logger, log_all, check, points, meddle
):
    """KILL: the client sees 2013 in the middle of something, or 2006 before it."""
    killed = []

    def kill():
        for session in sessions(database):
            database.run(f"KILL {session}")
            killed.append(session)

    logger = make_logger(database.port)
    meddle(kill)
    spread(logger, log_all, points)
    assert logger.flush(SECONDS)
    assert len(killed) >= 3
    check(database, range(points))


def test_queries_that_are_killed_lose_and_double_nothing(
    database, make_logger, log_all, check, points, meddle
):
    logger = make_logger(database.port)
    meddle(
        lambda: [database.run(f"KILL QUERY {each}") for each in sessions(database)], 0.01
    )
    spread(logger, log_all, points)
    assert logger.flush(SECONDS)
    check(database, range(points))


def test_a_deadlock_loses_and_doubles_nothing(
    database, make_logger, log_all, check, points, make_sink
):
    """Another program locks what we need next, and then wants what we have (1213)."""
    database.run("CREATE OR REPLACE TABLE claims (id INT PRIMARY KEY, n INT)")
    database.run("INSERT INTO claims VALUES (1, 0)")
    database.run(
        f"CREATE OR REPLACE TRIGGER claim BEFORE INSERT ON {TABLE} FOR EACH ROW "
        "UPDATE claims SET n = n + 1 WHERE id = 1"
    )
    before = _status(database, "Innodb_deadlocks")
    logger = make_logger(database.port, batch_size=500)
    try:
        other = database.connect()
        other.autocommit(False)
        for start in range(0, points, points // 10):
            # Ours waits for the claim; the other waits for the points that ours has.
            with other.cursor() as cursor:
                cursor.execute("UPDATE claims SET n = 0 WHERE id = 1")
                # To have changed more makes the other one the survivor.
                cursor.execute(f"SELECT COUNT(*) FROM {TABLE} FOR UPDATE")
                log_all(logger, range(start, start + points // 10))
                logger.flush(0.1)
                with contextlib.suppress(pymysql.MySQLError):
                    cursor.execute("SELECT COUNT(*) FROM multimeter_batches FOR UPDATE")
            other.rollback()
        other.close()
        assert logger.flush(SECONDS)
    finally:
        database.run("DROP TRIGGER claim")
    assert _status(database, "Innodb_deadlocks") > before
    check(database, range(points))


def _status(database, name):
    return int(database.run(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])


def test_a_lock_that_is_held_too_long_loses_and_doubles_nothing(
    database, make_logger, log_all, check, points, monkeypatch
):
    monkeypatch.setattr("multimeter.sinks.sql._LOCK_SECONDS", 1)
    logger = make_logger(database.port)
    log_all(logger, range(10))
    assert logger.flush(SECONDS)
    other = database.connect()
    with other.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {TABLE} WRITE")
        log_all(logger, range(10, points))
        while logger.stats().retries < 2:
            logger.flush(0.1)
    other.close()
    assert logger.flush(SECONDS)
    check(database, range(points))


def test_a_row_lock_that_is_held_too_long_is_answered_with_1205_and_kept(
    database, make_logger, log_all, check, caplog, monkeypatch
):
    monkeypatch.setattr("multimeter.sinks.sql._LOCK_SECONDS", 1)
    logger = make_logger(database.port)
    log_all(logger, range(10))
    assert logger.flush(SECONDS)
    other = database.connect()
    other.autocommit(False)
    with other.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE} FOR UPDATE")
        log_all(logger, range(10, 20))
        while logger.stats().retries < 1:
            logger.flush(0.1)
    other.close()
    assert logger.flush(SECONDS)
    assert "1205" in caplog.text
    check(database, range(20))


def test_too_many_connections_are_waited_out(
    database, make_logger, log_all, check, points, caplog
):
    logger = make_logger(database.port)
    root = database.connect()
    root.cursor().execute("SET GLOBAL max_connections = 10")
    taken = []
    try:
        with contextlib.suppress(pymysql.MySQLError):
            while True:
                taken.append(database.connect())
        log_all(logger, range(points))
        assert not logger.flush(0.5)
        assert "1040" in caplog.text
        for connection in taken:
            connection.close()
        assert logger.flush(SECONDS)
    finally:
        root.cursor().execute("SET GLOBAL max_connections = 151")
        root.close()
    check(database, range(points))


def test_a_packet_that_is_too_large_is_cut_smaller(
    database, make_logger, log_all, check, points
):
    before = database.run("SELECT @@global.max_allowed_packet")[0][0]
    database.run("SET GLOBAL max_allowed_packet = 16384")
    try:
        logger = make_logger(database.port)
        log_all(logger, range(points))
        assert logger.flush(SECONDS)
        assert logger.stats().retries + logger.stats().rejected < points / 100
    finally:
        database.run(f"SET GLOBAL max_allowed_packet = {before}")
    check(database, range(points))


def test_one_poison_point_in_a_thousand_is_rejected_and_all_others_arrive(
    database, make_logger, points, tmp_path
):
    database.run(f"ALTER TABLE {TABLE} ADD CONSTRAINT odd CHECK (value <> 500.5)")
    try:
        logger = make_logger(database.port)
        for number in range(points):
            value = 500.5 if number % 1_000 == 500 else number
            logger.enqueue_point("a", (1_600_000_000 + number, value))
        assert logger.flush(SECONDS)
    finally:
        database.run(f"ALTER TABLE {TABLE} DROP CONSTRAINT odd")
    good = [float(number) for number in range(points) if number % 1_000 != 500]
    assert sorted(database.values()) == good
    rejects = (tmp_path / "spool" / "rejects.jsonl").read_text().splitlines()
    assert len(rejects) == points // 1_000
    assert all("value=500.5" in json.loads(each)["line"] for each in rejects)
    assert all("4025" in json.loads(each)["reason"] for each in rejects)


def test_a_wrong_password_keeps_all_and_a_mended_one_sends_it(
    database, make_logger, log_all, check, points, caplog
):
    logger = make_logger(database.port)
    logger._delivery._sink.close()
    database.run("SET PASSWORD FOR 'rig'@'127.0.0.1' = PASSWORD('another')")
    try:
        with caplog.at_level(logging.WARNING, "multimeter"):
            log_all(logger, range(points))
            assert not logger.flush(0.5)
        told = [r for r in caplog.records if "1045" in r.message]
        assert [each.levelname for each in told] == ["ERROR"]
        assert "S3CRET" not in caplog.text
        assert logger.stats().queued == points
    finally:
        database.run("SET PASSWORD FOR 'rig'@'127.0.0.1' = PASSWORD('S3CRET-of-rig')")
    assert logger.flush(SECONDS)
    check(database, range(points))


def test_a_table_that_is_gone_and_comes_back_gets_all(
    database, make_logger, log_all, check, points
):
    logger = make_logger(database.port)
    database.run(f"RENAME TABLE {TABLE} TO away")
    log_all(logger, range(points))
    assert not logger.flush(0.5)
    database.run(f"RENAME TABLE away TO {TABLE}")
    assert logger.flush(SECONDS)
    check(database, range(points))
