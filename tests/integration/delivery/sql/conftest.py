"""A MariaDB for all tests of this folder, and loggers that write to it."""

from __future__ import annotations

import time

import pytest
from fakes.mariadb import DATABASE, TABLE, MariaDB, server_program
from fakes.proxy import Proxy

from multimeter.loggers import ContinuousLogger
from multimeter.sinks.sql import SQLSink
from multimeter.sinks.sql_client import MySQLServer

SECONDS = 300


@pytest.fixture(scope="session")
def mariadb_program(missing):
    program = server_program()
    if not program:
        missing("mariadbd (Debian: apt install mariadb-server)")
    return program


@pytest.fixture(scope="module")
def shared_database(mariadb_program, tmp_path_factory):
    with MariaDB.running(tmp_path_factory.mktemp("mariadb") / "data") as server:
        yield server


@pytest.fixture
def database(shared_database):
    """The server of all tests of a file, with empty tables."""
    shared_database.clear()
    return shared_database


@pytest.fixture
def own_database(mariadb_program, tmp_path):
    """A server of one test, which may kill it."""
    with MariaDB.running(tmp_path / "data") as server:
        yield server


@pytest.fixture
def proxy(database):
    with Proxy.running(database.port) as proxy:
        yield proxy


@pytest.fixture
def make_sink():
    made = []

    def make(
        port, table=TABLE, username=MariaDB.username, password=MariaDB.password, **more
    ):
        options = {"host": "127.0.0.1", "database": DATABASE, "timeout": 5.0, **more}
        server = MySQLServer(username, password, port=port, **options)
        made.append(SQLSink(server, table))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def make_logger(tmp_path):
    """Make loggers that try again soon, and have a spool."""
    made = []

    def make(port, **more):
        options = {
            "host": "127.0.0.1",
            "database": DATABASE,
            "reconnect_waittime": 0.2,
            "spool": tmp_path / "spool",
            "timeout": 5.0,
            "batch_size": 2_000,
            **more,
        }
        user, password = MariaDB.username, MariaDB.password
        made.append(
            ContinuousLogger(TABLE, user, password, ["a", "b"], port=port, **options)
        )
        made[-1].start()
        return made[-1]

    yield make
    for logger in made:
        logger._delivery.close(0)
        if logger._delivery._thread:
            logger._delivery._thread.join(SECONDS)


@pytest.fixture
def log_all():
    """Log numbers one after the other, as fast as it goes."""

    def log_all(logger, numbers):
        for number in numbers:
            logger.enqueue_point("a", (1_600_000_000 + number, number))

    return log_all


@pytest.fixture
def check():
    """Check that exactly these numbers are stored, each once, in order."""

    def check(database, numbers):
        assert database.values() == [float(number) for number in numbers]

    return check


@pytest.fixture
def wait_until():
    def wait_until(condition):
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return wait_until
