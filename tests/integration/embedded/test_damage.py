"""A stack whose store is damaged, or whose disk is full, as a person meets it."""

from __future__ import annotations

import io
import pathlib
import shutil
from collections.abc import Iterator

import pytest
from fakes.disks import mount_disk, unmount_disk
from fakes.store_crash import crash_states, points_of, record, write

from multimeter.visualization.embedded.store.store import Store

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("seed", range(3))
def test_no_crash_in_a_write_loses_doubles_or_hides_an_acknowledged_point(
    tmp_path: pathlib.Path, seed: int, count_crash_states
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for state in crash_states(record(folder, seed, writes=6), seed, positions=0):
        store = Store(state.put(folder))
        found = points_of(store)
        assert found in (state.moment.acknowledged, state.moment.written), state.kind
        # The program that had no answer sends it again.
        write(store, state.moment.body)
        assert points_of(store) == state.moment.written, state.kind
        store.close()
        for each in folder.iterdir():
            each.unlink()
        count_crash_states("store")


def kill(stack) -> None:
    server = stack.server
    server.kill()
    server.wait(30)


def test_a_torn_write_never_keeps_a_stack_from_starting(stack) -> None:
    stack.write("first v=1 1000")
    stack.write("second v=2 2000")
    log = stack.folder / "store.duckdb.wal"
    before = log.stat().st_size
    stack.write(*(f"third v={row},w={row * 7} {row}" for row in range(500)))
    kill(stack)
    content = log.read_bytes()
    log.write_bytes(content[: before + 300] + bytes(len(content) - before - 300))
    doctor = stack.run("doctor").stdout
    assert "sets it aside" in doctor
    assert "multimeter-visu start" in doctor
    started = stack.run("start")
    assert started.returncode == 0, started.stderr
    assert {"first", "second"} <= stack.runs().keys()
    (kept,) = stack.folder.glob("store.duckdb.wal.damaged-*")
    assert kept.read_bytes() != content
    assert kept.name in (stack.folder / "server.log").read_text()
    assert "nothing is missing" in stack.json("status")["damage"]
    doctor = stack.run("doctor")
    assert kept.name in doctor.stdout.replace("\n", "")
    assert doctor.returncode == 0
    stack.write("third v=1 1")
    removed = stack.run("remove", "--yes")
    assert "nothing is left" in removed.stdout
    assert list(stack.home.iterdir()) == []


def test_lost_writes_are_said_loudly(stack) -> None:
    stack.write("first v=1 1000")
    log = stack.folder / "store.duckdb.wal"
    before = log.stat().st_size
    stack.write("second v=2 2000")
    stack.write("third v=2 2000")
    kill(stack)
    content = bytearray(log.read_bytes())
    content[before + 20] ^= 1
    log.write_bytes(content)
    assert stack.run("start").returncode == 0
    assert "first" in stack.runs()
    assert "third" not in stack.runs()
    doctor = stack.run("doctor")
    assert doctor.returncode == 252
    assert "up to 2 acknowledged writes may be missing" in " ".join(doctor.stdout.split())


def test_a_damaged_store_says_what_to_do_and_not_to_start(stack) -> None:
    stack.run("stop")
    store = stack.folder / "store.duckdb"
    good = store.read_bytes()
    store.write_bytes(bytes(8192) + good[8192:])
    started = stack.run("start")
    assert started.returncode == 252
    assert "Traceback" not in started.stdout + started.stderr
    doctor = " ".join(stack.run("doctor").stdout.split())
    assert "Restore a backup" in doctor
    assert "Remedy: multimeter-visu start" not in doctor
    store.write_bytes(good)
    assert stack.run("start").returncode == 0


def test_remove_leaves_backups_and_names_them(stack) -> None:
    stack.run("stop")
    store = stack.folder / "store.duckdb"
    backup = stack.folder / "store.duckdb.bak"
    shutil.copy(store, backup)
    folder = stack.folder / "store.duckdb.d"
    folder.mkdir()
    done = stack.run("remove", "--yes")
    assert done.returncode == 0, done.stderr
    assert "nothing is left" not in done.stdout
    shown = done.stdout.replace("\n", "")
    assert f"left: {backup}" in shown
    assert f"left: {folder}" in shown
    assert sorted(stack.folder.iterdir()) == [backup, folder]


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A disk of 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount_disk(folder, "size=24m")
    yield folder
    unmount_disk(folder)


def fill(path: pathlib.Path) -> None:
    def write_for_ever(stream: io.RawIOBase) -> None:
        while True:
            stream.write(bytes(4096))

    with (
        path.open("wb", buffering=0) as stream,
        pytest.raises(OSError, match="No space left"),
    ):
        write_for_ever(stream)


def test_on_a_full_disk_a_stack_can_still_be_started_and_read(tool, disk) -> None:
    folder = disk / "data"
    done = tool.run("install", "--port", "0", "--dir", str(folder))
    assert done.returncode == 0, done.stderr
    try:
        tool.write("first v=1 1000")
        assert tool.run("stop").returncode == 0
        fill(disk / "filler")
        started = tool.run("start")
        assert started.returncode == 0, started.stdout + started.stderr
        assert "first" in tool.runs()
        assert tool.run("stop").returncode == 0
        # Without its place on the disk the server says what is wrong.
        (folder / "server.pid").unlink()
        fill(disk / "more")
        started = tool.run("start")
        assert started.returncode == 252
        said = " ".join((started.stdout + started.stderr).split())
        assert "is full" in said
        assert "Free some space" in said
        assert "Traceback" not in said
        (disk / "filler").unlink()
        assert tool.run("start").returncode == 0
    finally:
        tool.run("remove", "--yes")
