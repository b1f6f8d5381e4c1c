"""The store when its process is killed, its disk is full, or another process has it."""

from __future__ import annotations

import itertools
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import duckdb
import pytest
from fakes.disks import mount_disk, unmount_disk

from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Store
from multimeter.visualization.errors import StoreError, StoreFullError, StoreLockedError

# Writes batches for ever, and says the number of each one when it is acknowledged. Each
# sends the begin of the one before again, and a new value for the first point of all.
WRITER = """
import pathlib, sys
import numpy as np
from multimeter.visualization.embedded.store.ingest import Block
from multimeter.visualization.embedded.store.store import Store

def block(fields, times, value):
    tag_sets = ((("half", "0"),), (("half", "1"),))
    columns = tuple(np.full(len(times), float(value)) for _ in fields)
    lines = np.arange(len(times)) + lines_before
    names = tuple((field, "float") for field in fields)
    return Block("run", names, tag_sets, times % 2, times, lines, columns)

store = Store(pathlib.Path(sys.argv[1]))
print("open", flush=True)
fields = ["f%d" % n for n in range(26)]
for batch in range(int(sys.argv[2]), 10**6):
    blocks, lines_before = [], 0
    for number, rows in ((batch, 100 + batch * 7919 % 9973), (batch - 1, 100)):
        if number >= 0:
            times = np.arange(rows) + number * 20_000
            blocks.append(block(fields, times, number))
            lines_before += rows
    store.write([*blocks, block(["last"], np.array([-2]), batch)])
    print(batch, flush=True)
"""


def size_of(batch: int) -> int:
    return 100 + batch * 7919 % 9973


def start(path: pathlib.Path, code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(path), *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def kill_after(process: subprocess.Popen[str], lines: int, seconds: float) -> list[str]:
    """Kill a process some time after it has said some lines; return all of its words."""
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    time.sleep(seconds)
    process.kill()
    return " ".join([*said, process.communicate()[0]]).split()


def query(path: pathlib.Path, sql: str) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def check_catalog(path: pathlib.Path) -> None:
    """Check that the catalog of a closed store says what its one data table holds."""
    said = query(path, "SELECT number, start_ns, end_ns, points FROM series ORDER BY 1")
    counted = query(
        path,
        "SELECT series, min(time), max(time), count(*) FROM data_0 GROUP BY 1 ORDER BY 1",
    )
    assert said == counted
    distinct = query(path, "SELECT count(DISTINCT (series, time)), count(*) FROM data_0")
    assert distinct[0][0] == distinct[0][1]


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_process_loses_nothing_it_acknowledged_and_doubles_nothing(
    tmp_path: pathlib.Path, seed: int
) -> None:
    chance = random.Random(seed)
    path = tmp_path / "store.duckdb"
    stored = -1
    for _ in range(5):
        process = start(path, WRITER, stored + 1)
        said = kill_after(process, chance.randrange(1, 40), chance.uniform(0, 0.05))
        acknowledged = int(said[-1]) if said else None
        Store(path).close()
        check_catalog(path)
        sizes = query(path, "SELECT c0, count(*) FROM data_0 WHERE c0 >= 0 GROUP BY 1")
        stored = len(sizes) - 1
        if acknowledged is not None:
            # What was under way is there whole or not at all.
            assert stored in (acknowledged, acknowledged + 1)
        assert dict(sizes) == {batch: size_of(batch) for batch in range(stored + 1)}
        assert query(path, "SELECT c26 FROM data_0 WHERE time = -2") == [(stored,)]


# Writes one run after the other, and removes the one before the last, entry and all.
REMOVER = """
import pathlib, sys
from multimeter.visualization.embedded.store.ingest import decode_columns
from multimeter.visualization.embedded.store.store import Selection, Store

EVER = (-(2**63), 2**63 - 1)
store = Store(pathlib.Path(sys.argv[1]))
print("open", flush=True)
for number in range(int(sys.argv[2]), 10**6):
    lines = ["r%d,k=%d v=%d %d" % (number, n % 2, n, n) for n in range(2_000)]
    lines.append("multimeter_runs,measurement=r%d points=2000i 1" % number)
    store.write(decode_columns("\\n".join(lines).encode(), "ns", 0))
    print("written", number, flush=True)
    gone = "r%d" % (number - 2)
    entry = Selection(*EVER, "multimeter_runs", {"measurement": gone})
    store.remove([Selection(*EVER, gone, {}), entry])
    print("removed", number, flush=True)
"""


@pytest.mark.parametrize("seed", range(2))
def test_what_a_killed_process_was_removing_is_gone_or_whole(
    tmp_path: pathlib.Path, seed: int
) -> None:
    chance = random.Random(seed)
    path = tmp_path / "store.duckdb"
    begin = 0
    for _ in range(5):
        process = start(path, REMOVER, begin)
        said = kill_after(process, chance.randrange(2, 20), chance.uniform(0, 0.03))
        done, last = said[-2], int(said[-1])
        store = Store(path)
        points = {each.name: each.points for each in store.measurements()}
        entries = points.pop("multimeter_runs")
        assert set(points.values()) == {2_000}
        assert entries == len(points)
        # The acknowledged step, or the one after it.
        newest = max(int(name[1:]) for name in points)
        assert newest in ((last,) if done == "written" else (last, last + 1))
        for name in points:
            assert len(list(store.rows(name))) == 2_000
        if done == "removed":
            assert f"r{last - 2}" not in points
        store.close()
        begin = newest + 1


def test_a_store_that_another_process_has_open_is_locked(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "store.duckdb"
    process = start(path, WRITER, 0)
    try:
        with pytest.raises(StoreLockedError, match="in use"):
            Store(path)
    finally:
        process.kill()
        process.communicate()
    Store(path).close()


def test_the_log_of_a_store_that_is_always_killed_does_not_grow_for_ever(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "store.duckdb"
    log = tmp_path / "store.duckdb.wal"
    sizes = []
    for life in range(12):
        store = Store(path)
        write(store, life * 60_000, 60_000)
        store._database._disconnect()  # as when it is killed: nothing goes into the file
        sizes.append(log.stat().st_size if log.exists() else 0)
    assert max(sizes) < 20 * 2**20
    assert min(sizes[1:]) < sizes[0] * 2, "the log has never been put into the file"
    store = Store(path)
    info = store.measurement("run")
    assert info is not None
    assert info.points == 12 * 60_000
    store.close()
    assert not log.exists()


# --- disks


Remount = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Iterator[tuple[pathlib.Path, Remount]]:
    """A disk of 8 MiB, and a function that mounts it anew with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount_disk(folder, "size=8m")
    yield folder, lambda options: mount_disk(folder, f"remount,{options}")
    unmount_disk(folder)


def write(store: Store, first: int, rows: int) -> None:
    # Random numbers: what is on the disk is no smaller than what was written.
    chance = random.Random(first)
    lines = (
        f"run a={chance.random()},b={chance.random()},c={chance.random()} {first + row}"
        for row in range(rows)
    )
    store.write(decode_columns("\n".join(lines).encode(), "ns", 0))


def fill(store: Store) -> None:
    for batch in itertools.count(1):
        write(store, batch * 60_000, 60_000)


@pytest.mark.parametrize("rows", [500, 60_000, 150_000])
def test_a_full_disk_refuses_writes_until_there_is_room(
    disk: tuple[pathlib.Path, Remount], rows: int
) -> None:
    folder, remount = disk
    path = folder / "store.duckdb"
    store = Store(path)
    write(store, 0, 10)
    written = 10
    refused = 0
    while refused < 3:
        try:
            write(store, written, rows)
            written += rows
        except StoreFullError:
            refused += 1
        assert written < 10_000_000
    remount("size=64m")
    assert [r.time_ns for r in store.rows("run", keys=())] == list(range(written))
    write(store, written, 1_000)
    info = store.measurement("run")
    assert info is not None
    assert info.points == written + 1_000
    store.close()
    check_catalog(path)


def test_a_reader_at_work_when_a_write_fails_holds_up_the_others_only_so_long(
    disk: tuple[pathlib.Path, Remount],
) -> None:
    folder, remount = disk
    store = Store(folder / "store.duckdb")
    write(store, 0, 10)
    waiting = threading.Thread(target=store.rows, args=("run",))
    # What it reads may fail, as the database may have been given up under it.
    with suppress(StoreError), store._database.reading() as cursor:
        with pytest.raises(StoreFullError):
            fill(store)
        remount("size=64m")
        waiting.start()
        cursor.execute("SELECT count(*) FROM data_0").fetchall()
    waiting.join(timeout=60)
    assert not waiting.is_alive()
    write(store, 10, 10)
    assert len(list(store.rows("run"))) % 60_000 == 20
    store.close()
    check_catalog(folder / "store.duckdb")


def test_a_store_that_cannot_be_opened_on_a_full_disk_opens_when_there_is_room(
    disk: tuple[pathlib.Path, Remount],
) -> None:
    folder, remount = disk
    path = folder / "store.duckdb"
    process = start(path, WRITER, 0)
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    process.communicate()
    free = shutil.disk_usage(folder).free
    (folder / "filler").write_bytes(bytes(free))
    try:
        store = Store(path)
    except StoreFullError:
        remount("size=64m")
        store = Store(path)
    last = store.last("run", ["last"])["last"]
    assert isinstance(last, float)
    assert last >= 4
    with pytest.raises(StoreFullError):
        write(store, 10**9, 100_000)
    remount("size=64m")
    write(store, 10**9, 100_000)
    store.close()
    check_catalog(path)


def test_there_is_no_room_for_a_new_store(disk: tuple[pathlib.Path, Remount]) -> None:
    folder, remount = disk
    (folder / "filler").write_bytes(bytes(8 * 2**20 - 8192))
    with pytest.raises(StoreFullError):
        Store(folder / "store.duckdb")
    assert [each.name for each in folder.iterdir()] == ["filler"]
    remount("size=16m")
    Store(folder / "store.duckdb").close()


def test_a_disk_that_cannot_be_written_to_is_said(
    disk: tuple[pathlib.Path, Remount],
) -> None:
    folder, remount = disk
    Store(folder / "store.duckdb").close()
    remount("ro")
    for name in ("store.duckdb", "new.duckdb"):
        with pytest.raises(StoreError, match="No permission"):
            Store(folder / name)
