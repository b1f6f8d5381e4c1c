from __future__ import annotations

import json
import os
import stat
import sys
import time

import pytest

from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.lock import FileLock
from multimeter.delivery.spool import (
    FolderInfo,
    Spool,
    default_spool,
    folders_of,
    is_usable,
    new_folder_name,
)

HERE = {"kind": "memory", "name": "here"}
ELSEWHERE = {"kind": "memory", "name": "elsewhere"}


def make(root, place=HERE, *lines):
    folder = Spool(root, place, sync=False).create(
        new_folder_name(place), iter(range(1, 9))
    )
    for line in lines:
        folder.append(line)
    return folder


def taken_over(root, place=HERE):
    return Spool(root, place, sync=False).take_over(IncidentLog(time.monotonic))


def test_what_a_dead_program_left_is_taken_over(tmp_path):
    make(tmp_path, HERE, b"1").abandon()
    (found,) = taken_over(tmp_path)
    assert found.records == 1


def test_what_a_living_program_uses_is_left_alone(tmp_path):
    folder = make(tmp_path, HERE, b"1")
    assert taken_over(tmp_path) == []
    folder.abandon()
    assert len(taken_over(tmp_path)) == 1


def test_what_goes_elsewhere_is_left_alone(tmp_path):
    make(tmp_path, ELSEWHERE, b"1").abandon()
    assert taken_over(tmp_path, HERE) == []
    assert len(taken_over(tmp_path, ELSEWHERE)) == 1


def test_the_oldest_folder_comes_first(tmp_path):
    spool = Spool(tmp_path, HERE, sync=False)
    digest = new_folder_name(HERE)[-8:]
    for moment in ("20260102T000000", "20250102T000000"):
        folder = spool.create(f"{moment}-1-aa-{digest}", iter([1]))
        folder.append(moment.encode())
        folder.abandon()
    assert [f.path.name[:4] for f in spool.take_over(IncidentLog(time.monotonic))] == [
        "2025",
        "2026",
    ]


def test_a_damaged_target_hides_no_records_from_the_program_that_wrote_them(tmp_path):
    folder = make(tmp_path, HERE, b"1")
    folder.abandon()
    info = FolderInfo(folder.path)
    assert info.address == HERE
    for text in ("{", "[]", json.dumps(ELSEWHERE), "[" * 100_000):
        (folder.path / "target.json").write_text(text)
        assert info.address is None
    assert len(taken_over(tmp_path)) == 1


def test_a_folder_appears_locked_and_whole(tmp_path, monkeypatch):
    seen = []
    acquire = FileLock.acquire.__func__

    def look(cls, path, **more):
        found = acquire(cls, path, **more)
        seen.extend(folders_of(tmp_path))
        return found

    monkeypatch.setattr(FileLock, "acquire", classmethod(look))
    make(tmp_path)
    assert seen == []


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("full")

    monkeypatch.setattr(json, "dump", lambda *_, **__: fail())
    with pytest.raises(OSError, match="full"):
        make(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_vanishes_is_nobodys(tmp_path):
    folder = make(tmp_path, HERE)
    info = FolderInfo(folder.path)
    folder.close()
    assert info.own() is None


def test_a_spool_that_is_not_there_has_no_folders(tmp_path):
    assert folders_of(tmp_path / "nothing") == []


def test_other_files_are_passed_over(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "rejects.jsonl").touch()
    assert taken_over(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_can_look_into_it(tmp_path):
    umask = os.umask(0)
    try:
        folder = make(tmp_path / "spool", HERE, b"1")
    finally:
        os.umask(umask)
    for path in (tmp_path / "spool", folder.path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in folder.path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_spool_where_nothing_can_be_written_is_not_usable(tmp_path):
    (tmp_path / "file").touch()
    assert not is_usable(tmp_path / "file")
    assert is_usable(tmp_path / "new")


def test_the_default_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert default_spool() == tmp_path / ".multimeter" / "spool"


def test_a_lock_is_refused_to_everybody_else_until_it_is_released(tmp_path):
    path = tmp_path / "lock"
    lock = FileLock.acquire(path)
    assert FileLock.acquire(path) is None
    lock.release()
    lock.release()
    assert FileLock.acquire(path) is not None


def test_a_lock_is_not_made_where_it_should_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        FileLock.acquire(tmp_path / "lock", create=False)
