from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.probes import procfs

STAT = (
    b"28573 (%s) Z 28572 28569 22195 0 -1 4227084 29471 64 3 4 5 10 6 7 20 0 9 0 1490481 "
    b"0 12 18446744073709551615 0 0 0 0 0 0 0 16781312 0 1 0 0 17 1 0 0 0 0 0\n"
)


def test_the_fields_of_stat_are_those_of_the_manual():
    stat = procfs.parse_stat(STAT % b"python")
    assert {each: getattr(stat, each) for each in stat.__slots__} == {
        "name": "python",
        "state": "Z",
        "parent": 28572,
        "faults": 29471,
        "reaped_faults": 64,
        "faults_with_io": 3,
        "reaped_faults_with_io": 4,
        "user": 5,
        "system": 10,
        "reaped_user": 6,
        "reaped_system": 7,
        "threads": 9,
        "started": 1490481,
        "rss_pages": 12,
    }


@given(st.binary(max_size=15).filter(lambda name: b"\0" not in name))
def test_a_name_may_hold_brackets_blanks_and_newlines(name):
    stat = procfs.parse_stat(STAT % name)
    assert stat.name == name.decode("utf-8", "replace")
    assert (stat.state, stat.parent, stat.rss_pages) == ("Z", 28572, 12)


def test_our_own_stat_is_understood():
    stat = procfs.parse_stat(procfs.read_bytes("/proc/self/stat"))
    assert stat.parent == os.getppid()
    assert stat.state == "R"


def test_status_gives_memory_in_bytes_and_counts():
    data = (
        b"Name:\tx\nVmPeak:\t 99 kB\nVmHWM:\t    1234 kB\nVmRSS:\t      12 kB\n"
        b"Threads:\t3\nvoluntary_ctxt_switches:\t8\nnonvoluntary_ctxt_switches:\t54\n"
    )
    assert procfs.parse_status(data) == (12 * 1024, 1234 * 1024, 3, 8, 54)


def test_a_status_without_memory_has_none():
    assert procfs.parse_status(b"Name:\tx\nState:\tZ (zombie)\n") == (0, 0, 0, 0, 0)


def test_what_was_written_counts_and_what_was_cancelled_is_apart():
    data = (
        b"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 60\n"
        b"cancelled_write_bytes: 90\n"
    )
    assert procfs.parse_io(data) == (5, 60, 90, 1, 2)


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 200_000])
def test_a_file_is_read_whole(tmp_path, size):
    (tmp_path / "file").write_bytes(b"x" * size)
    assert procfs.read_bytes(str(tmp_path / "file")) == b"x" * size


def test_a_file_that_is_not_there_is_none(tmp_path):
    assert procfs.read_bytes(str(tmp_path / "none")) is None
    assert procfs.read_bytes(str(tmp_path)) is None
