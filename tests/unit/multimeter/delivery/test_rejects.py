from __future__ import annotations

import json
import os
import stat
import sys

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
