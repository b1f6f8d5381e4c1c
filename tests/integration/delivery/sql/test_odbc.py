"""The sink of SQL over ODBC, with the driver of MariaDB."""

from __future__ import annotations

import ctypes.util
import importlib
import os
import pathlib
import socket
import subprocess
import sys

import pytest
from fakes.mariadb import DATABASE, TABLE, MariaDB
from fakes.sink_contract import SinkContract, lines

from multimeter.loggers import ContinuousLogger, StartupException
from multimeter.sinks.base import Accepted, Batch, Rejected, Retry
from multimeter.sinks.sql import SQLSink
from multimeter.sinks.sql_client import ODBCSource

SECONDS = 300
SOURCE = """
[{name}]
Driver = {driver}
SERVER = 127.0.0.1
PORT = {port}
DATABASE = {database}
{user}
"""
USER = f"UID = {MariaDB.username}\nPWD = {MariaDB.password}"


def find_driver():
    places = pathlib.Path("/usr").glob("lib*/**/odbc/libmaodbc.so")
    return next(places, None) or ctypes.util.find_library("maodbc")


@pytest.fixture(scope="module")
def driver(missing):
    try:
        importlib.import_module("pyodbc")
    except ImportError as error:
        missing(f"pyodbc ({error})")
    driver = find_driver()
    if not driver:
        missing("the driver of MariaDB for ODBC (Debian: apt install odbc-mariadb)")
    return driver


# The driver manager reads its settings once in a process.
@pytest.fixture(scope="module")
def sources(driver, shared_database, tmp_path_factory):
    """The settings of ODBC for a process: the sources of this file's tests."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = {"gone": taken.getsockname()[1]}
        path = tmp_path_factory.mktemp("odbc") / "odbc.ini"
        path.write_text(
            "".join(
                SOURCE.format(
                    name=name,
                    driver=driver,
                    port=ports.get(name, shared_database.port),
                    database=DATABASE,
                    user=user,
                )
                for name, user in (("lab", ""), ("knows", USER), ("gone", ""))
            )
        )
        path.chmod(0o600)
        before = os.environ.get("ODBCINI")
        os.environ["ODBCINI"] = str(path)
        yield path
        if before is None:
            del os.environ["ODBCINI"]
        else:
            os.environ["ODBCINI"] = before


def make_sink(name, password=MariaDB.password, table=TABLE):
    return SQLSink(ODBCSource(name, MariaDB.username, password, 5.0), table)


@pytest.fixture
def sink(sources, database):
    sink = make_sink("lab")
    yield sink
    sink.close()


class TestODBCSink(SinkContract):
    @pytest.fixture
    def unreachable(self, sources):
        return make_sink("gone")

    @pytest.fixture
    def stored(self, database):
        return lambda: database.values(order="time")


def test_numbers_and_times_are_kept_to_the_last_digit(sink, database):
    values = [0.1, -1e-300, 1.7976931348623157e308, 5e-324, 12345678901234567.0, 3.0]
    batch = [
        f"log,codename=a value={value!r} 1700000000123456000".encode() for value in values
    ]
    assert sink.send(Batch("b", batch)) == Accepted()
    assert list(map(repr, database.values())) == list(map(repr, values))
    times = database.run(f"SELECT DISTINCT UNIX_TIMESTAMP(time) FROM {TABLE}")
    assert [str(each[0]) for each in times] == ["1700000000.123456"]


def test_a_timestamp_is_the_instant_in_the_hour_that_comes_twice(sources, database):
    database.load_time_zone("Europe/Copenhagen")
    database.run(f"CREATE OR REPLACE TABLE instants LIKE {TABLE}")
    database.run("ALTER TABLE instants MODIFY time TIMESTAMP(6) NOT NULL")
    times = range(1_792_881_000_123_456, 1_792_899_000_000_000, 599_000_001)
    batch = [f"log,codename=a value=1 {each}000".encode() for each in times]
    (before,) = database.run("SELECT @@global.time_zone")
    database.run("SET GLOBAL time_zone = 'Europe/Copenhagen'")
    try:
        sink = make_sink("lab", table="instants")
        assert sink.send(Batch("b", batch)) == Accepted()
        sink.close()
    finally:
        database.run("SET GLOBAL time_zone = %s", *before)
    found = database.run("SELECT UNIX_TIMESTAMP(time) * 1000000 FROM instants ORDER BY id")
    assert [int(each[0]) for each in found] == list(times)


@pytest.mark.parametrize("characters", ["ascii", "latin1", "utf8mb3", "utf8mb4"])
def test_codenames_of_any_characters_are_found_or_refused(sink, database, characters):
    strange = ["Δp", "p😀", "?p"]
    column = f"codename VARCHAR(80) CHARACTER SET {characters} NOT NULL"
    database.run(f"ALTER TABLE dateplots_descriptions MODIFY {column}")
    there = {"utf8mb4": strange, "utf8mb3": ["Δp", "?p"]}.get(characters, ["?p"])
    for each in there:
        database.run("INSERT INTO dateplots_descriptions (codename) VALUES (%s)", each)
    try:
        lines = [f"log,codename={name} value=1 1000".encode() for name in ["a", *strange]]
        answer = sink.send(Batch("b", lines))
        refused = answer.records if isinstance(answer, Rejected) else {}
        assert {strange[index - 1] for index in refused} == {*strange} - {*there}
        assert sink.check(["a", *there]) == Accepted()
    finally:
        database.run("DELETE FROM dateplots_descriptions WHERE id > 4")


def test_many_points_are_stored_in_batches_of_the_usual_size(sink, database):
    for number in range(4):
        first = 5_000 * number + 1
        assert sink.send(Batch(f"b{number}", lines(first, first + 5_000))) == Accepted()
    assert database.values() == [number + 0.5 for number in range(1, 20_001)]


def test_a_value_that_the_column_cannot_hold_is_refused(sink, database):
    database.run(f"CREATE OR REPLACE TABLE small LIKE {TABLE}")
    database.run("ALTER TABLE small MODIFY value FLOAT NOT NULL")
    small = make_sink("lab", table="small")
    assert isinstance(
        small.send(Batch("b", [b"log,codename=a value=1e300 1000"])), Rejected
    )
    small.close()


def test_a_wrong_password_is_told_and_the_batch_kept(sources, database):
    answer = make_sink("lab", "WRONG-S3CRET").send(Batch("b", lines(1, 2)))
    assert isinstance(answer, Retry)
    assert answer.refused
    assert "1045" in answer.reason
    assert "S3CRET" not in answer.reason


@pytest.mark.parametrize("password", ["pässwörd", "密码;{x}=🔑"])
def test_a_password_may_have_any_characters(sources, database, password):
    database.run("CREATE OR REPLACE USER 'any'@'127.0.0.1' IDENTIFIED BY %s", password)
    database.run(f"GRANT ALL ON {DATABASE}.* TO 'any'@'127.0.0.1'")
    sink = SQLSink(ODBCSource("lab", "any", password, 5.0), TABLE)
    assert sink.check(["a"]) == Accepted()
    sink.close()


def test_a_connection_that_is_killed_is_opened_anew(sink, database):
    assert sink.send(Batch("one", lines(1, 2))) == Accepted()
    for (thread,) in database.run(
        "SELECT id FROM information_schema.processlist WHERE user = 'rig'"
    ):
        database.run(f"KILL {thread}")
    answer = sink.send(Batch("two", lines(2, 3)))
    assert isinstance(answer, Retry)
    assert not answer.refused
    assert sink.send(Batch("two", lines(2, 3))) == Accepted()
    assert database.values() == [1.5, 2.5]


FORK = """
import os, sys
from multimeter.sinks.base import Accepted, Batch
from multimeter.sinks.sql import SQLSink
from multimeter.sinks.sql_client import ODBCSource

def batch(number):
    return Batch(f"b{number}", [b"log,codename=a value=%d %d000000" % (number, number)])

sink = SQLSink(ODBCSource("knows"), "dateplots_lab")
assert sink.send(batch(1)) == Accepted()
child = os.fork()
if child == 0:
    sink.after_fork()
    assert sink.send(batch(2)) == Accepted()
    sys.exit()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
answer = sink.send(batch(3))
assert answer == Accepted(), answer
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_does_not_end_the_connection_of_its_parent(
    sources, database, start_python
):
    program = start_python(FORK)
    _, errors = program.communicate(timeout=SECONDS)
    assert program.returncode == 0, errors
    assert database.values() == [1.0, 2.0, 3.0]


def test_a_logger_logs_by_the_name_of_a_source(sources, database, tmp_path):
    user, password = MariaDB.username, MariaDB.password
    with pytest.raises(StartupException, match="1045"):
        ContinuousLogger(TABLE, user, "WRONG", ["a"], dsn="lab")
    with ContinuousLogger(TABLE, user, password, ["a"], dsn="lab") as logger:
        for number in range(1_000):
            logger.enqueue_point("a", (1_600_000_000 + number, number))
        assert logger.flush(SECONDS)
    assert database.values() == [float(number) for number in range(1_000)]


def test_what_a_logger_has_left_is_sent_by_the_tool_without_a_password_where_odbc_has_it(
    sources, database, tmp_path
):
    logger = ContinuousLogger(
        TABLE,
        measurement_codenames=["a"],
        dsn="knows",
        spool=tmp_path / "spool",
        reconnect_waittime=0.1,
        dequeue_timeout=0.0,
    )
    database.run(f"RENAME TABLE {TABLE} TO away")
    try:
        for number in range(1_000):
            logger.enqueue_point("a", (1_600_000_000 + number, number))
        assert logger.stop().queued == 1_000
    finally:
        database.run(f"RENAME TABLE away TO {TABLE}")
    tool = [sys.executable, "-c", "from multimeter.cli import main; main()", "deliver"]
    sent = subprocess.run(
        [*tool, str(tmp_path / "spool")], capture_output=True, text=True, check=False
    )
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert database.values() == [float(number) for number in range(1_000)]
