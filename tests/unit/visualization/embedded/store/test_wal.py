from __future__ import annotations

import logging
import os
import pathlib
import random
import shutil

import duckdb
import pytest
from fakes.store_crash import Moment, crash_states, points_of, record, write

from multimeter.visualization.embedded.store import wal
from multimeter.visualization.embedded.store.database import require_readable
from multimeter.visualization.embedded.store.store import Store
from multimeter.visualization.embedded.store_files import draft_of, store_files
from multimeter.visualization.errors import StoreError, StoreFullError


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def lines(first: int, rows: int) -> str:
    chance = random.Random(first)
    return "\n".join(f"m v={chance.random()} {first + row}" for row in range(rows))


def log_of(folder: pathlib.Path) -> pathlib.Path:
    return folder / "store.duckdb.wal"


def damaged(folder: pathlib.Path) -> list[pathlib.Path]:
    return list(folder.glob("store.duckdb.wal.damaged-*"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A store with a log of 6 writes, as if it had been killed behind them."""
    folder = tmp_path_factory.mktemp("data")
    store = Store(folder / "store.duckdb")
    ends = []
    for batch in range(6):
        write(store, lines(batch * 1000, 40))
        ends.append(log_of(folder).stat().st_size)
    files = {each.name: each.read_bytes() for each in folder.iterdir()}
    store.close()
    # DuckDB has the layout that the module describes.
    assert wal.commit_ends(files[log_of(folder).name]) == ends
    return files


@pytest.fixture
def log(folder: pathlib.Path, files: dict[str, bytes]) -> bytearray:
    """A log of 6 writes, beside the store that they belong to; nobody has it open."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return bytearray(files[log_of(folder).name])


def open_with(folder: pathlib.Path, log: bytes) -> int:
    """Open a store with this log; return how many of the 6 writes it has."""
    log_of(folder).write_bytes(log)
    store = Store(folder / "store.duckdb")
    points = points_of(store)
    write(store, lines(9000, 2))
    assert len(points_of(store)) == len(points) + 2
    store.close()
    batches, rest = divmod(len(points), 40)
    assert rest == 0
    return batches


# --- a write that was not acknowledged


def test_whatever_is_left_of_a_write_never_hides_those_before_it(
    tmp_path: pathlib.Path, folder: pathlib.Path
) -> None:
    # Many more of them are tried in tests/integration/embedded/test_store_crash.py.
    moments = record(folder, seed=1, writes=2)
    tried = 0
    for state in crash_states(moments[-1:], seed=1, positions=0):
        here = tmp_path / "state"
        here.mkdir()
        store = Store(state.put(here))
        found = points_of(store)
        store.close()
        assert found in (state.moment.acknowledged, state.moment.written), state.kind
        shutil.rmtree(here)
        tried += 1
    assert tried > 20


def test_a_log_that_is_cut_short_is_no_damage(folder: pathlib.Path, log: bytearray) -> None:
    assert open_with(folder, log[:-1]) == 5
    assert damaged(folder) == []


def test_a_log_with_a_damaged_end_is_set_aside_and_said(
    folder: pathlib.Path, log: bytearray, caplog: pytest.LogCaptureFixture
) -> None:
    torn = log[:-100] + bytes(100)
    with caplog.at_level(logging.WARNING):
        assert open_with(folder, torn) == 5
    (kept,) = damaged(folder)
    assert kept.read_bytes() == torn
    assert kept.stat().st_mode & 0o077 == 0
    assert str(kept) in caplog.text
    assert "most likely nothing is missing" in caplog.text
    (unread,) = wal.unread_logs(folder / "store.duckdb")
    assert (unread.path, unread.commits) == (kept, 0)
    assert unread.size_bytes == len(log) - wal.commit_ends(log)[4]


def test_what_a_killed_process_has_left_of_a_trial_is_removed(
    folder: pathlib.Path, log: bytearray
) -> None:
    store = folder / "store.duckdb"
    left = draft_of(store)
    left.mkdir()
    os.link(store, left / "store.duckdb")
    draft_of(store).write_bytes(b"draft")
    assert open_with(folder, log) == 6
    assert [each.name for each in folder.iterdir()] == ["store.duckdb"]


# --- damage to writes that were acknowledged


@pytest.mark.parametrize("batch", [0, 1, 3, 4])
def test_damage_inside_costs_the_writes_from_there_on_and_is_said(
    folder: pathlib.Path,
    log: bytearray,
    caplog: pytest.LogCaptureFixture,
    batch: int,
) -> None:
    end = wal.commit_ends(log)[batch]
    log[end - 200] ^= 4
    with caplog.at_level(logging.WARNING):
        assert open_with(folder, log) == batch
    (kept,) = damaged(folder)
    assert kept.read_bytes() == log
    assert f"up to {6 - batch} acknowledged writes may be missing" in caplog.text


@pytest.mark.parametrize("place", [0, 3, 6, 9, "size", "size of the first"])
def test_what_duckdb_would_drop_without_a_word_is_set_aside_too(
    folder: pathlib.Path,
    log: bytearray,
    caplog: pytest.LogCaptureFixture,
    place: int | str,
) -> None:
    expected = 3 if place == "size" else 0
    if place == "size":
        place = wal.commit_ends(log)[2] + 4
    elif place == "size of the first":
        place = log.index(b"\xff\xff") + 2 + 4
    assert isinstance(place, int)
    log[place] ^= 0x10
    with caplog.at_level(logging.WARNING):
        assert open_with(folder, log) == expected
    (kept,) = damaged(folder)
    assert kept.read_bytes() == log
    assert f"up to {6 - expected} acknowledged writes may be missing" in caplog.text


@pytest.mark.parametrize("content", [bytes(5000), b"garbage" * 700])
def test_a_log_that_is_none_is_set_aside(
    folder: pathlib.Path, log: bytearray, content: bytes
) -> None:
    assert log
    assert open_with(folder, content) == 0
    (kept,) = damaged(folder)
    assert kept.read_bytes() == content
    store = Store(folder / "store.duckdb")
    assert len(points_of(store)) == 2
    store.close()


@pytest.mark.parametrize("length", [0, 1, 4, 7, 20])
def test_a_log_whose_header_is_cut_short_is_no_damage(
    folder: pathlib.Path, log: bytearray, length: int
) -> None:
    assert open_with(folder, log[:length]) == 0
    assert damaged(folder) == []


def test_the_same_damage_is_set_aside_once(folder: pathlib.Path, log: bytearray) -> None:
    log[3] ^= 0x10
    log_of(folder).write_bytes(log)
    for _ in range(2):
        store = Store(folder / "store.duckdb")
        store._database._disconnect()  # as if it had been killed before its first write
    assert len(damaged(folder)) == 1


def test_the_log_of_another_store_is_set_aside(
    folder: pathlib.Path, log: bytearray
) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    Store(folder / "store.duckdb").close()
    if b"\x66\x00\x10" not in log[:16]:
        pytest.skip("the logs of this version of DuckDB do not say whose they are")
    assert open_with(folder, log) == 0
    assert len(damaged(folder)) == 1


def test_damage_is_looked_for_from_the_end_in_few_steps() -> None:
    places = list(range(0, 50_000, 5))
    for good in (0, 1, 4_999, 9_990, 9_998, 9_999):
        tried = []

        def opens(end: int, good: int = good, tried: list[int] = tried) -> bool:
            tried.append(end)
            return end <= places[good]

        assert wal._last_that_opens(places, opens) == good
        assert len(tried) <= 30
    assert wal._last_that_opens([0], lambda _end: False) == 0


def test_lack_of_memory_or_room_is_not_taken_for_damage(
    folder: pathlib.Path, log: bytearray, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of(folder).write_bytes(log)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}

    def fail(*_arguments: object, **_more: object) -> None:
        raise duckdb.OutOfMemoryException(
            'Failure while replaying WAL file "store.duckdb.wal": Out of Memory Error'
        )

    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "connect", fail)
        with pytest.raises(StoreError):
            Store(folder / "store.duckdb")
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_without_room_for_the_copy_nothing_is_changed(
    folder: pathlib.Path, log: bytearray, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of(folder).write_bytes(log[:-100] + bytes(100))
    before = {each.name: each.read_bytes() for each in folder.iterdir()}

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StoreFullError):
            Store(folder / "store.duckdb")
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
    assert open_with(folder, log) == 6


# --- to look at a store, without changing anything


def test_a_store_is_looked_at_without_being_changed(
    folder: pathlib.Path, log: bytearray
) -> None:
    store = folder / "store.duckdb"
    assert require_readable(store) == ""
    log_of(folder).write_bytes(log[:-100] + bytes(100))
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert "sets it aside" in require_readable(store)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_a_damaged_store_says_what_to_do(folder: pathlib.Path, log: bytearray) -> None:
    store = folder / "store.duckdb"
    content = bytearray(store.read_bytes())
    content[:4096] = bytes(4096)
    store.write_bytes(content)
    log_of(folder).write_bytes(log)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    for open_ in (Store, require_readable):
        with pytest.raises(StoreError, match="not a store") as raised:
            open_(store)
        assert "backup" in raised.value.next_step
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
    assert len(store_files(store)) == 2


def test_a_moment_of_a_workload_holds_what_was_acknowledged(
    folder: pathlib.Path,
) -> None:
    moments: list[Moment] = record(folder, seed=3, writes=4)
    assert all(each.acknowledged != each.written for each in moments)
    assert all(each.after.startswith(each.before) for each in moments)
