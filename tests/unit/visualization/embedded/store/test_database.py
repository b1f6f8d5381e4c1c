from __future__ import annotations

import os
import pathlib
import stat
import threading
from collections.abc import Iterator

import duckdb
import pytest

from multimeter.visualization.embedded.store import catalog, database
from multimeter.visualization.embedded.store.database import Interrupt
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Store
from multimeter.visualization.errors import (
    QueryCancelledError,
    StoreError,
    StoreLockedError,
)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.duckdb")
    yield store
    store.close()


def write(store: Store, line: str) -> None:
    assert store.write(decode_columns(line.encode(), "ns", now_ns=0)) == []


def test_the_files_are_for_their_owner_only(tmp_path: pathlib.Path) -> None:
    store = Store(tmp_path / "store.duckdb")
    write(store, "m v=1 1")
    files = list(tmp_path.iterdir())
    assert {each.name for each in files} == {"store.duckdb", "store.duckdb.wal"}
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert store.size_bytes() == sum(each.stat().st_size for each in files)
    store.close()
    assert [each.name for each in tmp_path.iterdir()] == ["store.duckdb"]


def test_the_umask_opens_no_file_to_others_and_stays_as_it_is(
    tmp_path: pathlib.Path,
) -> None:
    before = os.umask(0)
    try:
        store = Store(tmp_path / "store.duckdb")
        for time in range(3):
            write(store, f"m v=1 {time}")
            modes = {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
            assert modes == {0o600}
            with store._database.reading() as cursor:
                cursor.execute("CHECKPOINT")  # the log is made anew by the next write
        store.close()
        assert os.umask(0) == 0
    finally:
        os.umask(before)


def test_the_names_of_new_files_are_synced(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[list[str]] = []

    def sync(folder: pathlib.Path) -> None:
        assert folder == tmp_path
        synced.append(
            sorted(each.name for each in folder.iterdir() if each.suffix != ".new")
        )

    monkeypatch.setattr(database, "sync_folder", sync)
    store = Store(tmp_path / "store.duckdb")
    assert synced == [["store.duckdb"]]
    for number in range(6):
        write(store, f"m v=1 {number}")
        if number == 2:
            with store._database.reading() as cursor:
                cursor.execute("CHECKPOINT")
            # It is seen by the next write that the log is gone.
            store._database._sync_log_entry()
    store.close()
    assert synced[1:] == [["store.duckdb", "store.duckdb.wal"]] * 2


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "store.duckdb"
    Store(path).close()
    path.chmod(0o644)
    Store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_store_is_open_once_only(store: Store, tmp_path: pathlib.Path) -> None:
    with pytest.raises(StoreLockedError):
        Store(tmp_path / "store.duckdb")


def test_what_is_not_a_store_is_refused_and_left_as_it_is(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database" * 1000)
    path.chmod(0o644)
    with pytest.raises(StoreError, match="not a store"):
        Store(path)
    assert path.read_text() == "not a database" * 1000
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_damaged_store_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "store.duckdb"
    Store(path).close()
    whole = path.read_bytes()
    for damaged in (whole[:6000], whole[:20] + b"\xff" + whole[21:]):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="not a store"):
            Store(path)


def test_another_programs_database_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE theirs (x INTEGER)")
    with pytest.raises(StoreError, match="not a store of Multimeter"):
        Store(path)


def test_a_store_of_a_newer_version_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.duckdb"
    with monkeypatch.context() as patch:
        patch.setattr(catalog, "VERSION", 99)
        Store(path).close()
    with pytest.raises(StoreError, match="newer"):
        Store(path)


def test_a_missing_folder_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        Store(tmp_path / "none" / "store.duckdb")


def test_a_database_that_duckdb_gave_up_is_opened_again(store: Store) -> None:
    write(store, "m v=1 1")
    with pytest.raises(StoreError, match="failed"), store._database.reading():
        raise duckdb.FatalException("database has been invalidated")
    assert len(list(store.rows("m"))) == 1
    write(store, "m v=1 2")
    assert store.measurement("m").points == 2  # type: ignore[union-attr]


def test_a_write_that_failed_has_left_nothing(store: Store) -> None:
    write(store, "m v=1 1")
    failing = (
        "INSERT INTO data_0 (series, time) VALUES (0, 2); "
        "CREATE TABLE data_1 (series INTEGER); "
        "SELECT error('stop')"
    )
    with pytest.raises(StoreError), store._database.writing() as cursor:
        cursor.execute(failing)
    write(store, "other w=1 1")
    assert [record.time_ns for record in store.rows("m")] == [1]


def test_sql_cannot_reach_other_files(store: Store, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret.csv").write_text("secret\n1\n")
    for sql in (
        f"FROM '{tmp_path / 'secret.csv'}'",
        f"ATTACH '{tmp_path / 'other.duckdb'}'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(StoreError), store._database.reading() as cursor:
            cursor.execute(sql)


# More rows than anybody could wait for.
ENDLESS = "SELECT count(*) FROM range(1_000_000_000_000) WHERE hash(range) = 7"


def test_a_query_that_runs_is_ended_from_another_thread() -> None:
    interrupt = Interrupt()
    with duckdb.connect() as connection:
        timer = threading.Timer(0.05, interrupt.set)
        timer.start()
        with pytest.raises(QueryCancelledError), interrupt.ending(connection):
            connection.execute(ENDLESS).fetchall()
        timer.join()
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_what_has_been_read_is_ended_by_nothing() -> None:
    interrupt = Interrupt()
    with duckdb.connect() as connection:
        with interrupt.ending(connection):
            connection.execute("SELECT 1").fetchall()
        interrupt.set()
        assert connection.execute("SELECT 2").fetchall() == [(2,)]
