from __future__ import annotations

import errno
import json
import os
import stat
import sys
import threading

import pytest

from multimeter.delivery.rejects import RejectsFile
from multimeter.sinks.base import Batch

BATCH = Batch("run-1", [b"a v=1 1", b"b v=2 2", 'ü v="\u2603\n" 3'.encode()], first=10)


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_reject_is_a_line_with_the_reason_and_the_record(tmp_path):
    path = tmp_path / "new" / "rejects.jsonl"
    RejectsFile(path).add("here", BATCH, {0: "no", 2: "never"})
    first, second = read(path)
    assert first.pop("time")
    assert first == {
        "place": "here",
        "batch": "run-1",
        "index": 10,
        "reason": "no",
        "line": "a v=1 1",
    }
    assert (second["index"], second["reason"]) == (12, "never")
    assert second["line"].encode() == BATCH.lines[2]


def test_rejects_are_added_to_those_that_are_there(tmp_path):
    rejects = RejectsFile(tmp_path / "rejects.jsonl", sync=True)
    rejects.add("here", BATCH, {0: "no"})
    RejectsFile(rejects.path).add("here", BATCH, {1: "no"})
    assert [each["index"] for each in read(rejects.path)] == [10, 11]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_can_read_them(tmp_path):
    path = tmp_path / "new" / "rejects.jsonl"
    umask = os.umask(0)
    try:
        RejectsFile(path).add("here", BATCH, {0: "no"})
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_disk_that_fills_up_leaves_no_half_line(tmp_path, monkeypatch):
    rejects = RejectsFile(tmp_path / "rejects.jsonl")
    rejects.add("here", BATCH, {0: "no"})
    before = rejects.path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    with pytest.raises(OSError, match="No space"):
        rejects.add("here", BATCH, {1: "no"})
    assert rejects.path.read_bytes() == before


def test_half_a_line_that_a_crash_has_left_swallows_no_other(tmp_path):
    rejects = RejectsFile(tmp_path / "rejects.jsonl")
    rejects.add("here", BATCH, {0: "no"})
    with rejects.path.open("ab") as stream:
        stream.write(b'{"time": "2026')
    rejects.add("here", BATCH, {1: "no"})
    first, half, last = rejects.path.read_text().splitlines()
    assert half == '{"time": "2026'
    assert [json.loads(each)["index"] for each in (first, last)] == [10, 11]


def test_a_program_whose_disk_is_full_cuts_off_no_line_of_another(tmp_path, monkeypatch):
    """The other one writes at the worst moment, after the half line."""
    ours, others = (RejectsFile(tmp_path / "rejects.jsonl") for _ in range(2))
    write, written = os.write, []
    other = threading.Thread(target=others.add, args=("there", BATCH, {1: "no"}))

    def write_half(descriptor, data):
        if threading.current_thread() is not other and not written:
            written.append(write(descriptor, data[:7]))
            other.start()
            other.join(0.1)
            return 7
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", write_half)
    with pytest.raises(OSError, match="No space"):
        ours.add("here", BATCH, {0: "no"})
    other.join(60)
    assert [each["index"] for each in read(ours.path)] == [11]


def test_a_sync_that_fails_leaves_no_line_and_the_next_one_is_whole(tmp_path, monkeypatch):
    rejects = RejectsFile(tmp_path / "rejects.jsonl", sync=True)
    rejects.add("here", BATCH, {0: "no"})

    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output"):
            rejects.add("here", BATCH, {1: "no"})
    rejects.add("here", BATCH, {1: "no"})
    assert [each["index"] for each in read(rejects.path)] == [10, 11]


def test_the_name_of_the_file_is_synced_before_its_first_line(tmp_path, monkeypatch):
    order = []
    fsync, write = os.fsync, os.write
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: (
            order.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"),
            fsync(fd),
        ),
    )
    monkeypatch.setattr(
        os, "write", lambda fd, data: (order.append("write"), write(fd, data))[1]
    )
    rejects = RejectsFile(tmp_path / "rejects.jsonl", sync=True)
    rejects.add("here", BATCH, {0: "no"})
    rejects.add("here", BATCH, {1: "no"})
    assert order == ["folder", "write", "file", "write", "file"]
