from __future__ import annotations

import gc
import math
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multimeter import LineProtocolError
from multimeter.lines.protocol import decode
from multimeter.lines.stream import _Shapes, decode_pieces

PIECES = st.lists(st.text(alphabet='ab=,"\\ \n\r#1.i', max_size=12), max_size=6)


def outcome(records):
    """Return what a decoder gives, and what it refuses."""
    found = []
    try:
        found.extend(records)
    except LineProtocolError as error:
        return found, error.reason
    return found, None


@given(pieces=PIECES)
@example(['m v="a', "\n", 'b" 1\n', "m v=2"])
@example(['m,t="a v="b\nc', '" 1\nm v=1 1\n'])
@example(["m v=1 1\r", "\n#x", "\nm v", "=2"])
def test_text_in_pieces_is_decoded_as_the_whole(pieces):
    assert outcome(decode_pieces(pieces)) == outcome(decode("".join(pieces)))


@given(cut=st.integers(0, 60), other=st.integers(0, 60))
def test_lines_may_be_cut_anywhere(cut, other):
    text = 'm,a=b v="x\\"\ny",w=3i 12\n# no\n\nm v=1.5,w=2i 13\r\nm v=2 14'
    first, second = sorted((cut, other))
    pieces = [text[:first], text[first:second], text[second:]]
    assert list(decode_pieces(pieces)) == list(decode(text))


NUMBERS = st.from_regex(
    r"-?[0-9]{1,4}(\.[0-9]{0,3})?([eE][+-]?[0-9]{1,4})?i?", fullmatch=True
)


@given(lines=st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(-(10**19), 10**19))))
@example([("1.5", "2i", 5), ("1e999", "3i", 6)])
@example([("1i", "2i", 5), ("99999999999999999999i", "3i", 6)])
@example([("1", "2", 5), ("1", "2", 9223372036854775807)])
@example([("1e308", "1e308", 5)] * 3)
def test_lines_like_the_one_before_are_decoded_as_strictly(lines):
    text = "".join(f"m\\ 1,a=b\\=c v.x={v},w={w} {time}\n" for v, w, time in lines)
    assert outcome(decode_pieces([text])) == outcome(decode(text))
    if outcome(decode(text))[1] is None:
        assert types(decode_pieces([text])) == types(decode(text))


def types(records):
    return [[type(value) for value in record.fields.values()] for record in records]


def test_lines_alike_are_read_in_one_step():
    shapes = _Shapes()
    text = "m,a=b v=1.5,w=-3i 1700000000000000000\nm,a=b v=2,w=4i 1700000000000000001\n"
    first, second = decode(text)
    assert shapes.match(text, 0) is None
    shapes.learn(first)
    assert shapes.match(text, text.index("\n") + 1) == (second, len(text))


@pytest.mark.parametrize("blank", ["\n", " ", "\r\n", " \t\0\r\n"])
def test_empty_lines_are_passed_over_in_one_step(blank):
    pieces = [blank * 1_000] * 10 + ["m v=1 1\n"] + [blank * 1_000] * 10
    calls = []
    gc.collect()
    gc.disable()  # the finalizers of other tests' objects would be counted, too
    sys.setprofile(lambda _frame, event, _of: calls.append(event))
    try:
        records = [*decode_pieces(pieces), *decode("".join(pieces))]
    finally:
        sys.setprofile(None)
        gc.enable()
    assert [record.time_ns for record in records] == [1, 1]
    assert len(calls) < 1_000


def test_the_sign_of_zero_is_kept():
    text = "".join(
        f"m v={value} {time}\n" for time, value in enumerate(["1", "-0", "-0.0"])
    )
    values = [record.fields["v"] for record in decode_pieces([text])]
    assert [math.copysign(1, value) for value in values] == [1, -1, -1]
