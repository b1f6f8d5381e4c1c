from __future__ import annotations

import itertools
import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.delivery.frames import (
    FRAME_BYTES,
    end_mark,
    frame,
    records_at_end,
    salt_of,
    scan,
    scan_old,
)

lines = st.lists(st.binary(min_size=1, max_size=60), max_size=20)
SALT = salt_of("a batch")


def framed(some, first=0, salt=SALT):
    return b"".join(frame(line, index, salt) for index, line in enumerate(some, first))


def old_frame(line):
    """A frame of version 1.0."""
    return b"\xff" + struct.pack(">II", len(line), zlib.crc32(line, len(line))) + line


def by_index(found):
    return {
        index: line for first, part in found.parts for index, line in enumerate(part, first)
    }


@given(lines)
def test_what_was_framed_is_read_back(some):
    found = scan(framed(some), SALT)
    assert (found.lines, found.damaged, found.records) == (some, 0, len(some))
    assert len(found.parts) == bool(some)


@given(st.integers(1, 3), st.integers(1, 4000))
def test_what_a_kill_leaves_of_a_write_is_no_record(pages, size):
    # The kernel looks for signals between two pages of a write.
    before = frame(b"x" * (pages * 4096 - FRAME_BYTES - size), 0, SALT)
    whole = before + frame(b"y" * 9000, 1, SALT)
    found = scan(whole[: pages * 4096], SALT)
    assert (len(found.lines), found.damaged, found.records) == (1, 0, 1)
    assert scan(whole[: (pages + 1) * 4096], SALT).damaged == 0


@given(st.binary(min_size=1, max_size=40))
def test_what_no_write_leaves_at_the_end_of_a_page_is_damage(rest):
    whole = frame(b"x" * (4096 - FRAME_BYTES - len(rest)), 0, SALT)
    next_head = frame(b"y", 1, SALT)[:5]
    is_cut = next_head.startswith(rest[:5])
    assert scan(whole + rest, SALT).damaged == int(not is_cut)


@given(lines.filter(bool), st.data())
def test_a_flipped_bit_costs_the_record_that_it_hits_and_moves_no_other(some, data):
    whole = bytearray(framed(some))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= 1 << data.draw(st.integers(0, 7))
    ends = itertools.accumulate(FRAME_BYTES + len(line) for line in some)
    hit = sum(end <= position for end in ends)
    found = scan(bytes(whole), SALT)
    assert found.records == len(some)
    others = {index: line for index, line in enumerate(some) if index != hit}
    # A flipped marker does no harm at all.
    assert by_index(found) in (others, dict(enumerate(some)))


@given(lines, st.data())
def test_a_torn_file_gives_all_that_is_whole(some, data):
    whole = framed(some)
    cut = data.draw(st.integers(0, len(whole)))
    ends = list(itertools.accumulate(FRAME_BYTES + len(line) for line in some))
    intact = sum(end <= cut for end in ends)
    torn = int(cut not in (0, *ends))
    found = scan(whole[:cut], SALT)
    assert found.lines == some[:intact]
    assert (found.damaged, found.records) == (torn, intact + torn)


@given(lines, st.binary(max_size=50), lines)
def test_garbage_between_frames_is_passed_over(before, garbage, after):
    whole = framed(before) + garbage + framed(after, len(before))
    assert by_index(scan(whole, SALT)) == dict(enumerate(before + after))


@given(lines, st.data())
def test_the_end_mark_says_how_many_there_were(some, data):
    whole = framed(some) + end_mark(len(some), SALT)
    assert records_at_end(whole[-FRAME_BYTES:], SALT) == len(some)
    assert scan(whole, SALT).lines == some
    lost = data.draw(st.integers(0, len(whole) - FRAME_BYTES))
    found = scan(bytes(lost) + whole[lost:], SALT)
    assert found.records == len(some)


@given(lines)
def test_what_is_no_end_mark_says_nothing(some):
    assert records_at_end(framed(some)[-FRAME_BYTES:], SALT) is None
    assert records_at_end(end_mark(3, SALT), SALT + 1) is None


@given(st.binary(max_size=300))
def test_whatever_a_file_holds_it_can_be_read(data):
    scan(data)
    scan_old(data)
    records_at_end(data, SALT)


def test_zeros_that_a_loss_of_power_leaves_are_no_records():
    found = scan(framed([b"a"]) + bytes(4096), SALT)
    assert (found.lines, found.damaged, found.records) == ([b"a"], 1, 2)


def test_frames_of_another_file_are_none_of_this_one():
    other = framed([b"b", b"c"], 1, salt_of("another batch"))
    assert scan(framed([b"a"]) + other, SALT).lines == [b"a"]


def test_no_index_comes_twice():
    found = scan(framed([b"a", b"b"]) + framed([b"c"], 1), SALT)
    assert by_index(found) == {0: b"a", 1: b"b"}


@given(lines.filter(bool), st.data())
def test_files_of_earlier_versions_are_read(some, data):
    whole = bytearray(b"".join(map(old_frame, some)))
    assert scan_old(bytes(whole)).parts == [(0, some)]
    hit = data.draw(st.integers(0, len(some) - 1))
    start = sum(len(old_frame(line)) for line in some[:hit])
    whole[start + 9] ^= 1
    found = scan_old(bytes(whole))
    assert by_index(found) == {i: line for i, line in enumerate(some) if i != hit}
    assert found.records == len(some)


@pytest.mark.parametrize(
    ("read", "head"),
    [
        (lambda data: scan(data, SALT), b"\xff" + bytes(4)),
        (scan_old, b"\xff"),
    ],
    ids=["now", "old"],
)
def test_garbage_that_looks_like_many_frames_costs_time_in_proportion(read, head):
    def seconds(size):
        each = head + struct.pack(">I", size // 4)
        data = each * (size // len(each))
        began = time.process_time()
        assert read(data).lines == []
        return time.process_time() - began

    # Each looked at for itself it would be a thousand times as much.
    assert seconds(2**20) < 5.0
