from __future__ import annotations

import json
import os
import stat

import psutil
import pytest

from multimeter.errors import ConfigurationError
from multimeter.visualization.embedded.folder import DataFolder
from multimeter.visualization.errors import VisualizationError


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data")


def test_a_new_folder_belongs_to_its_owner_alone(folder):
    folder.create()
    assert folder.is_there()
    if os.name == "posix":
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_removing_takes_only_what_is_ours(folder):
    folder.create()
    for name in ("", ".wal", ".0123.new", ".0123.new.wal"):
        folder.store.with_name(f"store.duckdb{name}").write_bytes(b"store")
    (folder.path / "thesis.tex").write_text("mine")
    folder.remove()
    assert [each.name for each in folder.path.iterdir()] == ["thesis.tex"]
    assert not folder.is_there()


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
@pytest.mark.parametrize("name", NAMES)
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
    assert folder.is_there()
    folder.remove()
    assert precious.exists() == is_there
    assert not folder.path.exists()


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
