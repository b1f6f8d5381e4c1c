from __future__ import annotations

import errno
import os
import pathlib
import stat
import sys

import pytest

from multimeter.system import durable
from multimeter.system.durable import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    make_folders,
    open_replacement,
    remove_drafts,
    replacement,
    sync_folder,
    write_file,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """What was synced, renamed and made, in order."""
    found = []
    names = {}
    real = {name: getattr(os, name) for name in ("open", "fsync", "replace", "mkdir")}

    def name_of(path):
        return os.path.relpath(path, tmp_path)

    def open_(path, *args, **kwargs):
        descriptor = real["open"](path, *args, **kwargs)
        names[descriptor] = "draft" if ".multimeter-" in str(path) else name_of(path)
        return descriptor

    def fsync(descriptor):
        found.append(("sync", names[descriptor]))
        real["fsync"](descriptor)

    def replace(source, target, **kwargs):
        found.append(("replace", name_of(target)))
        real["replace"](source, target, **kwargs)

    def mkdir(path, *args, **kwargs):
        real["mkdir"](path, *args, **kwargs)
        found.append(("mkdir", name_of(path)))

    for name, function in (
        ("open", open_),
        ("fsync", fsync),
        ("replace", replace),
        ("mkdir", mkdir),
    ):
        monkeypatch.setattr(os, name, function)
    return found


def fail(*_, **__):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_file_is_synced_before_it_gets_its_name_and_the_name_after_that(tmp_path, calls):
    write_file(tmp_path / "a", "text")
    assert calls == [("sync", "draft"), ("replace", "a"), ("sync", ".")]
    assert (tmp_path / "a").read_text() == "text"


def test_a_file_that_others_write_by_name_is_synced_too(tmp_path, calls):
    with replacement(tmp_path / "a") as draft:
        draft.write_bytes(b"data")
    assert calls == [("sync", "draft"), ("replace", "a"), ("sync", ".")]
    assert (tmp_path / "a").read_bytes() == b"data"


def test_the_name_of_each_folder_that_is_made_is_synced(tmp_path, calls):
    assert make_folders(tmp_path / "a" / "b")
    assert calls[1:] == [
        ("mkdir", "a"),
        ("sync", "."),
        ("mkdir", os.fspath(pathlib.Path("a", "b"))),
        ("sync", "a"),
    ]
    assert not make_folders(tmp_path / "a" / "b")


@posix
def test_each_folder_that_is_made_gets_the_mode(tmp_path):
    umask = os.umask(0)
    try:
        make_folders(tmp_path / "a" / "b" / "c", PRIVATE_FOLDER)
        write_file(tmp_path / "a" / "secret", "x", PRIVATE_FILE)
    finally:
        os.umask(umask)
    for path in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_fails_leaves_the_file_from_before(tmp_path, monkeypatch, call):
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="Input/output"):
        write_file(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_an_error_of_the_writer_leaves_the_file_from_before(tmp_path):
    (tmp_path / "a").write_text("old")

    def write_half():
        with open_replacement(tmp_path / "a") as stream:
            stream.write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_file_in_the_way_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(OSError):
        make_folders(tmp_path / "a" / "b")


def test_a_folder_that_cannot_be_synced_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            make_folders(tmp_path / "a")


def test_a_disk_that_cannot_sync_takes_files_all_the_same(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.EINVAL, "not here")

    monkeypatch.setattr(os, "fsync", refuse)
    sync_folder(tmp_path)
    write_file(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text() == "text"


def test_drafts_of_a_program_that_was_killed_can_be_removed(tmp_path):
    (tmp_path / ".multimeter-0123456789abcdef").touch()
    (tmp_path / "kept").touch()
    (tmp_path / ".multimeter-notes").touch()
    remove_drafts(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"kept", ".multimeter-notes"}


@posix
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a device or a pipe"):
        write_file(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


class FullSync:
    """The calls of macOS, which alone has the cache of a drive written."""

    F_FULLFSYNC = 51

    def __init__(self, *, works):
        self.works = works
        self.calls = []

    def fcntl(self, descriptor, call):
        self.calls.append(call)
        if not self.works:
            raise OSError(errno.ENOTSUP, "a network disk")


@pytest.mark.parametrize("works", [True, False])
def test_macos_is_asked_to_empty_the_cache_of_the_drive(
    tmp_path, monkeypatch, works, calls
):
    system = FullSync(works=works)
    monkeypatch.setattr(durable, "fcntl", system)
    write_file(tmp_path / "a", "text")
    assert system.calls == [51, 51]
    assert calls == (
        [("replace", "a")]
        if works
        else [("sync", "draft"), ("replace", "a"), ("sync", ".")]
    )
