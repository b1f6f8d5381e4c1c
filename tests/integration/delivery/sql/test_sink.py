"""The sink of SQL on a real server: what every sink must do, and what its answers mean."""

from __future__ import annotations

import logging
import socket

import pytest
from fakes.mariadb import TABLE
from fakes.proxy import Fault
from fakes.sink_contract import SinkContract, lines

from multimeter.errors import ConfigurationError
from multimeter.sinks.base import Accepted, Batch, Rejected, Retry


@pytest.fixture
def sink(make_sink, database):
    return make_sink(database.port)


class TestSQLSink(SinkContract):
    @pytest.fixture
    def unreachable(self, make_sink):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            yield make_sink(taken.getsockname()[1])

    @pytest.fixture
    def stored(self, database):
        return lambda: database.values(order="time")


def line(value, time_ns=1_600_000_000_000_000_000, codename="a"):
    return f"log,codename={codename} value={value} {time_ns}".encode()


def test_times_are_kept_to_the_microsecond(sink, database):
    times = [
        1_700_000_000_123_456_000,
        1_700_000_000_999_999_499,
        1_700_000_000_999_999_501,
    ]
    assert sink.send(Batch("b", [line(1, time) for time in times])) == Accepted()
    found = database.run(f"SELECT UNIX_TIMESTAMP(time) FROM {TABLE} ORDER BY id")
    assert [str(row[0]) for row in found] == [
        "1700000000.123456",
        "1700000000.999999",
        "1700000001.000000",
    ]


def test_numbers_are_kept_to_the_last_digit(sink, database):
    values = [0.1, -1e-300, 1.7976931348623157e308, 5e-324, 12345678901234567.0, 3.0]
    batch = Batch("b", [line(repr(value)) for value in values])
    assert sink.send(batch) == Accepted()
    assert list(map(repr, database.values())) == list(map(repr, values))


def test_one_insert_stores_all_rows_of_a_batch(sink, database):
    def inserts():
        return int(database.run("SHOW GLOBAL STATUS LIKE 'Com_insert'")[0][1])

    sink.send(Batch("first", lines(1, 2)))
    before = inserts()
    sink.send(Batch("second", lines(2, 2_000)))
    # One for the points, one for the id of the batch.
    assert inserts() - before == 2


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"nonsense", "missing fields"),
        (b"log value=1 1", "one tag, 'codename'"),
        (b"log,codename=a,room=2 value=1 1", "one tag, 'codename'"),
        (b'log,codename=a value="text" 1', "a number"),
        (b"log,codename=a other=1 1", "a number"),
        (b"log,codename=a value=1,more=2 1", "one field"),
        (b"log,codename=a value=1 -1000000", "no time before 1970"),
        (b"log,codename=a value=1 9000000000000000000", "after 2106"),
        (b"log,codename=nobody value=1 1", "'nobody' has no entries"),
        (b"log,codename=twice value=1 1", "'twice' has 2 entries"),
    ],
)
def test_a_line_that_has_no_place_is_named_and_nothing_is_stored(sink, database, bad, why):
    answer = sink.send(Batch("b", [*lines(1, 3), bad, *lines(3, 5)]))
    assert isinstance(answer, Rejected)
    assert list(answer.records) == [2]
    assert why in answer.records[2]
    assert database.values() == []


def test_text_in_a_codename_is_never_a_part_of_a_statement(sink, database):
    name = "x' OR '1'='1"
    escaped = name.replace(" ", "\\ ").replace("=", "\\=")
    answer = sink.send(Batch("b", [line(1, codename=escaped)]))
    assert isinstance(answer, Rejected)
    database.run("INSERT INTO dateplots_descriptions (codename) VALUES (%s)", name)
    assert sink.send(Batch("b", [line(1, codename=escaped)])) == Accepted()
    assert database.values(name) == [1.0]


def test_a_value_that_the_column_cannot_hold_is_refused_and_not_changed(sink, database):
    database.run(f"CREATE OR REPLACE TABLE small LIKE {TABLE}")
    database.run("ALTER TABLE small MODIFY value FLOAT NOT NULL")
    database.run("SET GLOBAL sql_mode = ''")
    small = type(sink)(sink._server, "small")
    try:
        assert isinstance(small.send(Batch("b", [line("1e300")])), Rejected)
        assert small.send(Batch("c", [line("1.5")])) == Accepted()
    finally:
        small.close()
        database.run("SET GLOBAL sql_mode = DEFAULT")
    assert database.run("SELECT value FROM small") == ((1.5,),)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, 1045),
        ({"username": "nobody"}, 1045),
        ({"database": "missing"}, 1044),
        ({"username": "root", "password": "", "database": "missing"}, 1049),
        ({"table": "missing"}, 1146),
        ({"table": "dateplots_descriptions"}, 1054),
    ],
)
def test_what_somebody_must_mend_is_told_and_the_batch_kept(
    make_sink, database, change, code
):
    answer = make_sink(database.port, **change).send(Batch("b", lines(1, 2)))
    assert isinstance(answer, Retry)
    assert answer.refused
    assert str(code) in answer.reason
    assert answer.next_step
    assert "S3CRET" not in answer.reason


def test_secrets_are_in_no_name_no_address_and_no_repr(sink):
    said = [sink.name, str(sink.address), repr(sink), repr(sink._server), repr(vars(sink))]
    assert not any("S3CRET" in text for text in said)


def test_a_user_who_may_not_make_the_table_of_batches_is_told_of_doubles(
    make_sink, database, caplog
):
    database.run("CREATE OR REPLACE USER 'poor'@'127.0.0.1'")
    database.run(f"GRANT INSERT ON lab.{TABLE} TO 'poor'@'127.0.0.1'")
    database.run("GRANT SELECT ON lab.dateplots_descriptions TO 'poor'@'127.0.0.1'")
    sink = make_sink(database.port, username="poor", password="")
    with caplog.at_level(logging.WARNING, "multimeter"):
        assert sink.send(Batch("one", lines(1, 3))) == Accepted()
        sink.close()
        assert sink.send(Batch("two", lines(3, 4))) == Accepted()
    assert database.values() == [1.5, 2.5, 3.5]
    assert [text.count("stored twice") for text in caplog.messages] == [1]


def test_a_user_who_may_only_look_at_the_table_of_batches_is_told_of_doubles(
    make_sink, database, sink, caplog
):
    sink.send(Batch("zero", lines(0, 1)))
    database.run("CREATE OR REPLACE USER 'poor'@'127.0.0.1'")
    database.run(f"GRANT INSERT ON lab.{TABLE} TO 'poor'@'127.0.0.1'")
    database.run("GRANT SELECT ON lab.* TO 'poor'@'127.0.0.1'")
    poor = make_sink(database.port, username="poor", password="")
    assert poor.send(Batch("one", lines(1, 3))) == Accepted()
    assert database.values() == [0.5, 1.5, 2.5]
    assert "stored twice" in caplog.text


def test_a_table_of_batches_that_is_there_needs_no_right_to_make_one(
    make_sink, database, sink, caplog
):
    sink.send(Batch("zero", lines(0, 1)))
    database.run("CREATE OR REPLACE USER 'poor'@'127.0.0.1'")
    for right in ("INSERT", "SELECT", "UPDATE", "DELETE"):
        database.run(f"GRANT {right} ON lab.* TO 'poor'@'127.0.0.1'")
    poor = make_sink(database.port, username="poor", password="")
    for _ in range(2):
        assert poor.send(Batch("one", lines(1, 3))) == Accepted()
    assert database.values() == [0.5, 1.5, 2.5]
    assert caplog.text == ""


def test_a_table_without_transactions_is_told(database, sink, caplog):
    database.run(f"CREATE OR REPLACE TABLE old LIKE {TABLE}")
    database.run("ALTER TABLE old ENGINE=MyISAM")
    old = type(sink)(sink._server, "old")
    assert old.send(Batch("one", lines(1, 3))) == Accepted()
    old.close()
    assert "knows no transactions" in caplog.text


def test_batches_that_will_not_come_again_are_forgotten(make_sink, database):
    sink = make_sink(database.port)
    now = [0.0]
    sink._clock = lambda: now[0]
    for number in range(700):
        assert sink.send(Batch(f"batch-{number}", lines(number, number + 1))) == Accepted()
        now[0] += 5.0
    kept = database.run("SELECT batch FROM multimeter_batches")
    assert len(database.values()) == 700
    assert len(kept) == 200
    assert ("batch-699",) in kept
    assert ("batch-0",) not in kept


def test_a_connection_that_was_idle_is_opened_anew_without_a_word(make_sink, database):
    sink = make_sink(database.port)
    now = [0.0]
    sink._clock = lambda: now[0]
    assert sink.send(Batch("one", lines(1, 2))) == Accepted()
    for (thread,) in database.run(
        "SELECT id FROM information_schema.processlist WHERE user = 'rig'"
    ):
        database.run(f"KILL {thread}")
    now[0] += 1_000.0
    assert sink.send(Batch("two", lines(2, 3))) == Accepted()


def test_an_answer_to_commit_that_is_lost_doubles_nothing(proxy, make_sink, database):
    """The server commits; then the connection ends. Nobody knows, but the id does."""
    port = int(proxy.url.rpartition(":")[2])
    sink = make_sink(port)
    assert sink.send(Batch("first", lines(1, 2))) == Accepted()
    sink.close()
    answers = 0
    # Cut after each byte of what the server says, until the batch gets through.
    for swallowed in range(0, 2_000, 7):
        proxy.faults = [Fault("down", swallowed, "reset")]
        answer = sink.send(Batch("second", lines(2, 12)))
        sink._drop()
        answers += answer == Accepted()
        assert database.values() in ([1.5], [n + 0.5 for n in range(1, 12)])
    assert answers
    assert database.values() == [n + 0.5 for n in range(1, 12)]


@pytest.mark.parametrize("table", ["", "a b", "x`; DROP TABLE y", "a.b.c", "a'", None])
def test_a_name_that_cannot_be_that_of_a_table_is_an_error(make_sink, database, table):
    with pytest.raises(ConfigurationError, match="table"):
        make_sink(database.port, table)
