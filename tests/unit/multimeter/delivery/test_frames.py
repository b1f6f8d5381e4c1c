from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from multimeter.delivery.frames import FRAME_BYTES, frame, scan

lines = st.lists(st.binary(min_size=1, max_size=60), max_size=20)


@given(lines)
def test_what_was_framed_is_read_back(some):
    assert scan(b"".join(map(frame, some))) == (some, 0)


@given(lines.filter(bool), st.data())
def test_a_flipped_bit_costs_the_record_that_it_hits_and_no_other(some, data):
    whole = bytearray(b"".join(map(frame, some)))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= 1 << data.draw(st.integers(0, 7))
    hit, end = 0, 0
    for index, line in enumerate(some):
        end += FRAME_BYTES + len(line)
        if position < end:
            hit = index
            break
    found = scan(bytes(whole))
    others = some[:hit] + some[hit + 1 :]
    # A flipped marker does no harm at all.
    assert found in ((others, 1), (some, 0))


@given(lines, st.data())
def test_a_torn_file_gives_all_that_is_whole(some, data):
    whole = b"".join(map(frame, some))
    cut = data.draw(st.integers(0, len(whole)))
    ends = list(itertools.accumulate(FRAME_BYTES + len(line) for line in some))
    intact = sum(end <= cut for end in ends)
    assert scan(whole[:cut]) == (some[:intact], int(cut not in (0, *ends)))


@given(lines, st.binary(max_size=50), lines)
def test_garbage_between_frames_is_passed_over(before, garbage, after):
    whole = b"".join(map(frame, before)) + garbage + b"".join(map(frame, after))
    found = scan(whole)
    assert found.lines[: len(before)] == before
    assert found.lines[len(found.lines) - len(after) :] == after


@given(st.binary(max_size=300))
def test_whatever_a_file_holds_it_can_be_read(data):
    scan(data)


def test_zeros_that_a_loss_of_power_leaves_are_no_records():
    assert scan(frame(b"a") + bytes(4096)) == ([b"a"], 1)
