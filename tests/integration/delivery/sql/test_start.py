"""How a logger starts, and what it refuses then."""

from __future__ import annotations

import threading
import urllib.parse

import pymysql
import pytest
from fakes.certificates import make_certificate
from fakes.mariadb import DATABASE, TABLE, MariaDB

from multimeter.loggers import (
    NONE_RESPONSE,
    ContinuousLogger,
    InterruptableThread,
    StartupException,
    timeout_query,
)
from multimeter.sinks.base import Accepted, Retry

SECONDS = 300


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"measurement_codenames": ["a", "nobody"]}, "'nobody' has no entries"),
        ({"measurement_codenames": ["twice"]}, "'twice' has 2 entries"),
        ({"password": "wrong"}, "1045"),
        ({"database": "missing"}, "1044"),
        ({"table": "missing"}, "1146"),
        ({"table": "dateplots_descriptions"}, "1054"),
    ],
)
def test_a_database_that_will_not_take_the_points_is_an_error_at_the_start(
    database, change, why
):
    given = {
        "table": TABLE,
        "username": MariaDB.username,
        "password": MariaDB.password,
        "measurement_codenames": ["a"],
        "host": "127.0.0.1",
        "port": database.port,
        "database": DATABASE,
        **change,
    }
    with pytest.raises(StartupException, match=why) as caught:
        ContinuousLogger(**given)
    assert given["password"] not in str(caught.value)


def test_a_logger_is_found_by_one_url(database):
    url = f"mysql://rig:{MariaDB.password}@127.0.0.1:{database.port}/{DATABASE}"
    with ContinuousLogger(TABLE, measurement_codenames=["a"], url=url) as logger:
        unixtime = logger.enqueue_point_now("a", 1.5)
        assert logger.flush(60)
        assert MariaDB.password not in repr(logger)
    found = database.run(f"SELECT UNIX_TIMESTAMP(time), value FROM {TABLE}")
    assert [(pytest.approx(float(at), abs=1e-6), value) for at, value in found] == [
        (unixtime, 1.5)
    ]


@pytest.mark.parametrize("password", ["pässwörd", "密码-пароль-🔑", "p@ss:w/o#r?d%41 '\""])
@pytest.mark.parametrize("scheme", ["mysql", "mysql+pymysql", "mariadb"])
def test_a_password_may_have_any_characters(database, password, scheme):
    database.run("CREATE OR REPLACE USER 'any'@'127.0.0.1' IDENTIFIED BY %s", password)
    database.run(f"GRANT ALL ON {DATABASE}.* TO 'any'@'127.0.0.1'")
    given = {"measurement_codenames": ["a"]}
    there = {"host": "127.0.0.1", "port": database.port, "database": DATABASE}
    with ContinuousLogger(TABLE, "any", password, **given, **there) as logger:
        logger.enqueue_point("a", (1_600_000_000, 1))
    words = urllib.parse.quote(password, safe="")
    url = f"{scheme}://any:{words}@127.0.0.1:{database.port}/{DATABASE}?charset=utf8mb4"
    with ContinuousLogger(TABLE, url=url, **given) as logger:
        logger.enqueue_point("a", (1_600_000_000, 2))
    assert database.values() == [1.0, 2.0]


def test_a_server_that_demands_tls_is_spoken_to_encrypted_and_verified(
    mariadb_program, tmp_path, make_sink
):
    own = make_certificate(tmp_path / "own", "IP:127.0.0.1")
    other = make_certificate(tmp_path / "other", "IP:127.0.0.1")
    options = (f"--ssl-cert={own.file}", f"--ssl-key={own.key}")
    with MariaDB.running(tmp_path / "data", *options) as server:
        server.run("ALTER USER 'rig'@'127.0.0.1' REQUIRE SSL")
        assert make_sink(server.port, ca=own.file).check(["a"]) == Accepted()
        for unknown in (other.file, True):
            answer = make_sink(server.port, ca=unknown).check(["a"])
            assert isinstance(answer, Retry)
            assert answer.refused
            assert "certificate" in answer.reason
        elsewhere = make_sink(server.port, ca=own.file, host="localhost").check(["a"])
        assert isinstance(elsewhere, Retry)
        assert "localhost" in elsewhere.reason


def test_a_logger_takes_host_and_database_from_its_class(database):
    there = {"host": "127.0.0.1", "port": database.port, "database": DATABASE}
    OurLogger = type("OurLogger", (ContinuousLogger,), there)  # noqa: N806 - a class

    logger = OurLogger(TABLE, MariaDB.username, MariaDB.password, ["a"], 0.5, 10)
    assert (logger.dequeue_timeout, logger.reconnect_waittime) == (0.5, 10)
    logger.start()
    logger.enqueue_point("a", (1_600_000_000, 2.5))
    assert logger.stop().delivered == 1
    assert database.values() == [2.5]


def test_timeout_query_gives_rows_or_says_that_there_are_none_yet(database):
    with pymysql.connect(host="127.0.0.1", port=database.port, user="root") as connection:
        cursor = connection.cursor()
        assert timeout_query(cursor, "SELECT 1, 'x'") == ((1, "x"),)
        assert (
            timeout_query(cursor, f"INSERT INTO {DATABASE}.{TABLE} VALUES (1,1,NOW(),1)")
            == ()
        )
        assert timeout_query(cursor, "SELECT nonsense FROM nowhere") is NONE_RESPONSE
        assert timeout_query(cursor, "SELECT SLEEP(600)", 0.05) is NONE_RESPONSE
        # The query goes on, and the cursor is the thread's.
        asked = [
            each for each in threading.enumerate() if type(each) is InterruptableThread
        ]
        ((query,),) = database.run(
            "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"
        )
        database.run(f"KILL QUERY {query}")
        for thread in asked:
            thread.join(SECONDS)
