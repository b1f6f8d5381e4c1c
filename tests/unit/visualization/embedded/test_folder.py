from __future__ import annotations

import errno
import json
import os
import stat

import psutil
import pytest

from multimeter.errors import ConfigurationError
from multimeter.visualization.config import missing_folders
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.errors import StoreFullError, VisualizationError


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data")


def test_a_new_folder_belongs_to_its_owner_alone(folder):
    folder.create()
    assert folder.is_there()
    if os.name == "posix":
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


HEX = "0123456789abcdef" * 2

OURS = [
    "store.duckdb",
    "store.duckdb.wal",
    "store.duckdb.wal.checkpoint",
    "store.duckdb.wal.recovery",
    "store.duckdb.wal.damaged-20261126T010203Z-53099",
    f"store.duckdb.{HEX}.new",
    f"store.duckdb.{HEX}.new.wal",
    "server.log",
    "server.log.1",
    "server.pid",
]
THEIRS = [
    "store.duckdb.bak",
    "store.duckdb-2026-11-25",
    "store.duckdb.0123.new",
    f"store.duckdb.{HEX.upper()}.new",
    f"store.duckdb.{HEX}.new.bak",
    f"my-store.duckdb.{HEX}.new",
    "store.duckdb.wal.bak",
    "store.duckdb.wal.damaged-copy",
    "store.duckdb.wal.damaged-20261126T010203Z-53099.gz",
    "store.duckdb2",
    "store.duckdb.tmp",
    "storeXduckdb",
    "store.duckdb\n",
    "server.log.2",
    "server.pid.old",
    "thesis.tex",
]


def test_removing_takes_only_what_is_ours_and_names_the_rest(folder):
    folder.create()
    for name in (*OURS, *THEIRS):
        (folder.path / name).write_bytes(b"x")
    assert folder.left() == sorted(folder.path / name for name in THEIRS)
    assert folder.size_bytes() == 7
    folder.remove()
    assert {each.name for each in folder.path.iterdir()} == set(THEIRS)
    assert folder.left() == sorted(folder.path / name for name in THEIRS)
    assert not folder.is_there()


def test_folders_links_and_sockets_with_names_like_ours_stay(folder, tmp_path):
    folder.create()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "duckdb_temp_storage_DEFAULT-0.tmp").write_text("mine")
    for name in ("store.duckdb.d", "store.duckdb.wal", "server.pid"):
        (folder.path / name).mkdir()
        (folder.path / name / "file").write_text("mine")
    for name in ("store.duckdb", "server.log.1"):
        (folder.path / name).symlink_to(precious)
    for name in ("store.duckdb.tmp", f"store.duckdb.{HEX}.new"):
        (folder.path / name).symlink_to(elsewhere)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder.path / f"store.duckdb.{HEX}.new.wal")
    else:
        (folder.path / f"store.duckdb.{HEX}.new.wal").mkdir()
    folder.remove()
    assert len(folder.left()) == 8
    assert precious.read_text() == "mine"
    assert len(list(elsewhere.iterdir())) == 1
    assert (folder.path / "store.duckdb.d" / "file").read_text() == "mine"
    assert not folder.is_there()


def test_the_folders_of_duckdb_and_of_drafts_go_where_nothing_else_is_in_them(folder):
    folder.create()
    temporary = folder.path / "store.duckdb.tmp"
    temporary.mkdir()
    (temporary / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"x")
    draft = folder.path / f"store.duckdb.{HEX}.new"
    draft.mkdir()
    for name in ("store.duckdb", "store.duckdb.wal"):
        (draft / name).write_bytes(b"x")
    mixed = folder.path / f"store.duckdb.{HEX[::-1]}.new"
    mixed.mkdir()
    for name in ("store.duckdb", "notes"):
        (mixed / name).write_bytes(b"x")
    folder.remove()
    assert folder.left() == [mixed]
    assert [each.name for each in mixed.iterdir()] == ["notes"]


def test_folders_that_were_there_before_stay(tmp_path):
    path = tmp_path / "lab" / "data"
    path.mkdir(parents=True)
    folder = DataFolder(path, made=())
    folder.create()
    folder.remove()
    assert list(path.iterdir()) == []


def test_all_folders_that_were_made_go(tmp_path):
    path = tmp_path / "a" / "b" / "c"
    (tmp_path / "a").mkdir()
    folder = DataFolder(path, made=missing_folders(path))
    folder.create()
    folder.remove()
    assert list((tmp_path / "a").iterdir()) == []
    assert missing_folders(path) == [path, path.parent]


def test_a_long_log_does_not_replace_what_is_not_ours(folder):
    folder.create()
    folder.log.write_text("x" * 1_000_001)
    old = folder.path / "server.log.1"
    old.mkdir()
    os.close(folder.open_log())
    assert old.is_dir()
    assert folder.log.stat().st_size == 1_000_001


def test_an_empty_folder_goes_too(folder):
    folder.create()
    folder.remove()
    assert not folder.path.exists()


def test_a_file_in_its_place_is_an_error(folder):
    folder.path.write_text("a file")
    with pytest.raises(VisualizationError, match="cannot be used"):
        folder.create()


def test_a_long_log_is_put_aside(folder):
    folder.create()
    folder.log.write_text("x" * 1_000_001)
    descriptor = folder.open_log()
    os.write(descriptor, b"first\nlast\n")
    os.close(descriptor)
    assert folder.last_log_lines(1) == "last"
    assert folder.log.stat().st_size == len("first\nlast\n")
    folder.remove()
    assert not folder.path.exists()


def test_the_server_is_found_as_long_as_it_runs(folder):
    folder.create()
    assert folder.server() is None
    with folder.running():
        found = folder.server()
        assert found is not None
        assert found.pid == os.getpid()
    assert folder.server() is None


def test_a_full_disk_is_named(folder, monkeypatch):
    folder.create()

    def fail(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(StoreFullError, match="is full") as raised, folder.running():
        raise AssertionError
    assert "df -h" in raised.value.next_step


def test_the_file_of_the_server_keeps_its_place_on_the_disk(folder):
    folder.create()
    file = folder.path / "server.pid"
    file.write_text("{" * 5000)
    with folder.running():
        inode = file.stat().st_ino
        folder.record_ready()
        assert folder.ready_server().pid == os.getpid()
    assert (file.stat().st_ino, file.stat().st_size) == (inode, 256)
    with folder.running():
        folder.path.joinpath("server.pid").unlink()
    assert not file.exists()


def test_a_pid_that_another_process_has_by_now_is_not_the_server(folder):
    folder.create()
    said = {"pid": os.getpid(), "created": psutil.Process().create_time() - 100}
    (folder.path / "server.pid").write_text(json.dumps(said))
    assert folder.server() is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "12",
        '{"pid": 2}',
        '{"pid": "x", "created": 1}',
        '{"pid": -1, "created": 1}',
        '{"pid": 1e999, "created": null}',
        "\x00",
    ],
)
def test_a_broken_pid_file_names_no_process(folder, text):
    folder.create()
    (folder.path / "server.pid").write_text(text)
    assert folder.server() is None


NAMES = ["server.log", "server.log.1", "server.pid", "store.duckdb", "store.duckdb.wal"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("name", [*NAMES, "store.duckdb.tmp"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_in_place_of_a_file_of_ours_is_refused(folder, tmp_path, name, is_there):
    precious = tmp_path / "precious"
    if is_there:
        precious.write_text("mine")
    folder.path.mkdir()
    (folder.path / name).symlink_to(precious)
    for act in (folder.create, folder.open_log, lambda: folder.running().__enter__()):
        with pytest.raises(ConfigurationError, match="is a link") as caught:
            act()
        assert str(folder.path / name) in str(caught.value)
    folder.remove()
    assert precious.exists() == is_there
    assert folder.left() == [folder.path / name], "a link is not ours: it stays"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(folder, mode):
    folder.path.mkdir()
    folder.path.chmod(mode)
    with pytest.raises(ConfigurationError, match="Other users may write"):
        folder.create()
    assert list(folder.path.iterdir()) == []


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can give files away"
)
@pytest.mark.parametrize("name", ["", *NAMES])
def test_what_belongs_to_another_user_is_refused(folder, name):
    folder.path.mkdir(mode=0o700)
    (folder.path / name).touch()
    os.chown(folder.path / name, 65534, 65534)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        folder.create()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_all_folders_and_files_are_the_owners_alone_whatever_the_umask(tmp_path, mask):
    folder = DataFolder(tmp_path / "a" / "b" / "data")
    before = os.umask(mask)
    try:
        folder.create()
        os.close(folder.open_log())
        with folder.running():
            pass
    finally:
        os.umask(before)
    if os.name == "posix":
        for each in (tmp_path / "a").rglob("*"):
            wanted = 0o700 if each.is_dir() else 0o600
            assert stat.S_IMODE(each.stat().st_mode) == wanted
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
