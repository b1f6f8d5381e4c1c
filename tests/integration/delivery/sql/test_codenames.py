"""Codenames in columns of each character set: what is equal, and what cannot be there."""

from __future__ import annotations

import contextlib
import json

import pytest
from fakes.mariadb import DATABASE, TABLE, MariaDB

from multimeter.loggers import ContinuousLogger, StartupException
from multimeter.sinks.base import Accepted, Batch, Rejected

SECONDS = 300
SMALL = {"ascii": "ascii_general_ci", "latin1": "latin1_swedish_ci"}
LARGE = {
    "utf8mb3": "utf8mb3_general_ci",
    "utf8mb4": "utf8mb4_unicode_ci",
    "ucs2": "ucs2_general_ci",
    "utf16": "utf16_general_ci",
}
COLUMNS = {
    **{
        name: f"VARCHAR(80) CHARACTER SET {name} COLLATE {collation}"
        for name, collation in (SMALL | LARGE).items()
    },
    "latin1_bin": "VARCHAR(80) CHARACTER SET latin1 COLLATE latin1_bin",
    "utf8mb4_bin": "VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "nopad": "VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
    "bytes": "VARBINARY(80)",
}
STRANGE = ["Δp", "℃", "p😀", "日本", "z\u0301", "\ufffd"]


@pytest.fixture(params=COLUMNS)
def column(request, database):
    """The column of codenames; the table is as it was when the test is over."""
    database.run("CREATE OR REPLACE TABLE kept LIKE dateplots_descriptions")
    database.run("INSERT INTO kept SELECT * FROM dateplots_descriptions")
    kind = f"{COLUMNS[request.param]} NOT NULL"
    database.run(f"ALTER TABLE dateplots_descriptions MODIFY codename {kind}")
    yield request.param
    database.run("DROP TABLE dateplots_descriptions")
    database.run("RENAME TABLE kept TO dateplots_descriptions")


def add(database, *codenames):
    for codename in codenames:
        database.run("INSERT INTO dateplots_descriptions (codename) VALUES (%s)", codename)


def line(codename, value=1, time=1_000):
    return f"log,codename={codename} value={value} {time}".encode()


def start(database, codenames, **more):
    return ContinuousLogger(
        TABLE,
        MariaDB.username,
        MariaDB.password,
        codenames,
        host="127.0.0.1",
        port=database.port,
        database=DATABASE,
        reconnect_waittime=0.2,
        **more,
    )


def test_a_codename_that_is_not_there_stops_the_start_and_no_other_codename(
    database, make_sink, column
):
    with pytest.raises(StartupException, match="codename 'Δp' has no entries"):
        start(database, ["a", "Δp"])
    sink = make_sink(database.port)
    checked = sink.check(["a", *STRANGE])
    assert isinstance(checked, Rejected)
    assert set(checked.records) == set(range(1, len(STRANGE) + 1))
    # As it is when the database was down at the start.
    batch = Batch("id", [line("a"), *map(line, STRANGE), line("a", 2)])
    answer = sink.send(batch)
    assert isinstance(answer, Rejected)
    assert answer.records.keys() == checked.records.keys()
    assert all("no entries" in reason for reason in answer.records.values())
    assert sink.send(Batch("id", [batch.lines[0], batch.lines[-1]])) == Accepted()
    assert database.values() == [1.0, 2.0]


@pytest.mark.parametrize("column", ["latin1"], indirect=True)
def test_points_that_wait_are_stored_and_those_of_a_strange_codename_are_written_down(
    database, column, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "multimeter.loggers.continuous.checked_sink", lambda make, *_: make()
    )
    with start(database, ["a", "Δp"], spool=tmp_path / "spool") as logger:
        for number in range(6):
            logger.enqueue_point("Δp" if number == 3 else "a", (1_000 + number, number))
        assert logger.flush(SECONDS)
        assert (logger.stats().delivered, logger.stats().rejected) == (5, 1)
    assert database.values() == [0.0, 1.0, 2.0, 4.0, 5.0]
    (rejected,) = (tmp_path / "spool" / "rejects.jsonl").read_text().splitlines()
    assert "Δp" in json.loads(rejected)["line"]


def test_codenames_that_the_column_can_hold_are_found(database, make_sink, column):
    narrow = column in ("utf8mb3", "ucs2")
    strange = [each for each in STRANGE if not (narrow and max(each) > "\uffff")]
    if column in SMALL or column == "latin1_bin":
        strange = ["~"]
    add(database, *strange)
    sink = make_sink(database.port)
    assert sink.check(strange) == Accepted()
    assert sink.send(Batch("b", [line(each) for each in strange])) == Accepted()
    assert [database.values(each) for each in strange] == [[1.0]] * len(strange)


@pytest.mark.parametrize("strange", ["a\nb", "tab\tbed", "a\\", "nul\0", "\ud800"])
def test_a_codename_that_has_no_form_in_a_line_is_found_or_stops_the_start(
    database, tmp_path, strange
):
    (before,) = database.run("SELECT MAX(id) FROM dateplots_descriptions")
    if strange != "\ud800":
        add(database, strange)
    # It is the one or the other: what is taken is stored.
    with (
        contextlib.suppress(StartupException),
        start(database, [strange], spool=tmp_path / "spool") as logger,
    ):
        logger.enqueue_point(strange, (1_000, 1))
        assert logger.flush(SECONDS)
        assert logger.stats().delivered == 1
    database.run("DELETE FROM dateplots_descriptions WHERE id > %s", *before)


def test_equal_is_what_the_column_takes_for_equal(database, make_sink, column):
    sink = make_sink(database.port)
    exact = column in ("bytes", "nopad") or column.endswith("_bin")
    other_case = sink.check(["A"])
    assert isinstance(other_case, Rejected if exact else Accepted)
    blanks = sink.check(["a  "])
    assert isinstance(blanks, Rejected if column in ("bytes", "nopad") else Accepted)
    both = sink.check(["a", "A"])
    assert isinstance(both, Rejected)
    assert set(both.records) == {1}
    assert ("no entries" if exact else "are one entry") in both.reason


def test_the_entry_that_is_spelled_in_the_same_way_is_meant(database, make_sink, column):
    add(database, "A")
    ids = dict(database.run("SELECT codename, id FROM dateplots_descriptions"))
    sink = make_sink(database.port)
    assert sink.check(["a", "A"]) == Accepted()
    assert sink.send(Batch("b", [line("a", 1), line("A", 2), line("a", 3)])) == Accepted()
    found = database.run(f"SELECT type, value FROM {TABLE} ORDER BY id")
    small, large = (
        next(ids[key] for key in ids if key in (name, name.encode())) for name in "aA"
    )
    assert found == ((small, 1.0), (large, 2.0), (small, 3.0))


def test_two_entries_that_are_spelled_in_the_same_way_are_no_codename(
    database, make_sink, column
):
    answer = make_sink(database.port).check(["a", "twice"])
    assert isinstance(answer, Rejected)
    assert "has 2 entries" in answer.records[1]
