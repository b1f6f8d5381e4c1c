from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from multimeter.data.record import FieldValue, Record, Unsigned
from multimeter.errors import LineProtocolError
from multimeter.lines.protocol import MAX_TIME_NS, PRECISIONS, decode, format_field
from multimeter.visualization.embedded.store.ingest import Block, FieldType, decode_columns

NOW_NS = 1_700_000_000_123_456_789


def records_of(blocks: list[Block]) -> list[Record]:
    """Take blocks apart into records, in the order of their lines."""
    rows = sorted(row for block in blocks for row in _rows(block))
    return [record for _, _, record in rows]


def _rows(block: Block) -> Iterator[tuple[int, int, Record]]:
    for row in range(len(block)):
        fields = {
            key: _value(kind, column[row])
            for (key, kind), column in zip(block.fields, block.columns, strict=True)
        }
        tags = dict(block.tag_sets[block.series[row]])
        time_ns = int(block.times[row])
        yield int(block.lines[row]), 0, Record(block.measurement, tags, fields, time_ns)


def _value(kind: FieldType, value: object) -> FieldValue:
    plain = value.item() if isinstance(value, np.generic) else value
    assert isinstance(plain, (float, int, str, bool))
    return Unsigned(plain) if kind == "unsigned" else plain


def outcome_of_decode(body: bytes, precision: str) -> object:
    now_ns = NOW_NS - NOW_NS % PRECISIONS[precision]
    try:
        records = list(decode(body.decode(), precision=precision))
    except LineProtocolError as error:
        return str(error)
    return [
        described(
            Record(
                r.measurement, r.tags, r.fields, now_ns if r.time_ns is None else r.time_ns
            )
        )
        for r in records
    ]


def outcome_of_decode_columns(body: bytes, precision: str) -> object:
    try:
        blocks = decode_columns(body, precision, NOW_NS)
    except LineProtocolError as error:
        return str(error)
    return [described(record) for record in records_of(blocks)]


def described(record: Record) -> object:
    """Return what tells 1 from 1.0 and True, and the order of fields."""
    fields = [(key, type(value), repr(value)) for key, value in record.fields.items()]
    return record.measurement, dict(record.tags), fields, record.time_ns


# Pieces of lines: mostly what is allowed, some that is not, and what separates them.
names = st.sampled_from(
    ["cpu", "a b", "a,b", "a=b", "é😀", "x\\y", "\\", "t\tb", "#n", '"q"']
)
values = st.one_of(
    st.floats(allow_nan=True).map(repr),
    st.integers(-(2**63), 2**63).map(lambda number: f"{number}i"),
    st.integers(0, 2**64).map(lambda number: f"{number}u"),
    st.sampled_from(
        ["t", "F", "true", "FALSE", "1", "1.", ".5", "-.5e+3", "+1", "1_0", ""]
    ),
    st.sampled_from(
        ["1e999", "-", ".", "e", "0x1", "\u0661", "1i2", "01", "-0", "-0i", "tru"]
    ),
    st.text(alphabet='ab\\" ,=\n😀', max_size=4).map(lambda text: f'"{text}"'),
)
times = st.one_of(
    st.integers(-MAX_TIME_NS - 3, MAX_TIME_NS + 3).map(str),
    st.integers(0, 10**12).map(str),
    st.sampled_from(["", "-", "1.5", "9" * 19, "9" * 20, "\u0663", " 7", "7 ", "x"]),
)
line_ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "", " \n", "\n# note\n"])


def escaped(name: str) -> str:
    return name.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")


@st.composite
def odd_lines(draw: st.DrawFn) -> str:
    """A line that may be wrong in any of its parts."""
    tags = draw(st.lists(st.sampled_from([",host=a", ",host=b", ",z=\\ ", ",", ",k"])))
    keys = draw(
        st.sampled_from([["v"], ["v", "w"], ["w", "v"], ["a b", "c=d"], ["v", "v"]])
    )
    fields = ",".join(f"{escaped(key)}={draw(values)}" for key in keys)
    time = draw(times)
    space = draw(st.sampled_from([" ", " ", " ", "  ", "\t", "\\ "]))
    head = escaped(draw(names)) + "".join(tags)
    return f"{head}{space}{fields}{' ' + time if time else ''}{draw(line_ends)}"


good_values = {
    "f": st.floats(allow_nan=False, allow_infinity=False).map(repr),
    "i": st.integers(-(2**63), 2**63 - 1).map(lambda number: f"{number}i"),
    "u": st.integers(0, 2**64 - 1).map(lambda number: f"{number}u"),
    "s": st.text(alphabet='ab ,=\né"\\', max_size=4).map(format_field),
    "b": st.sampled_from(["t", "true", "F", "FALSE"]),
    "a b,c=d": st.just("1"),
}


@st.composite
def good_bodies(draw: st.DrawFn) -> str:
    """Lines of few shapes, so that most are read without the decoder."""
    shapes = draw(
        st.lists(st.lists(st.sampled_from([*good_values]), min_size=1), min_size=1)
    )
    some = draw(st.lists(st.sampled_from(shapes[:2]), max_size=25))
    return "".join(
        "{} {} {}\n".format(
            draw(st.sampled_from(["run", "run,host=a", "\t#x", "#x", "other,host=a,z=1"])),
            ",".join(
                f"{escaped(key)}={draw(good_values[key])}" for key in dict.fromkeys(keys)
            ),
            draw(st.sampled_from(["1", "2", "-3", "1700000000", ""])),
        )
        for keys in some
    )


bodies = st.one_of(
    st.lists(odd_lines()).map("".join),
    good_bodies(),
    st.lists(st.one_of(good_bodies(), odd_lines()), max_size=5).map("".join),
    st.text(alphabet='ab ,=\\"#\n\r\t\x001ie.-é', max_size=60),
)


@settings(max_examples=300, deadline=None)
@given(bodies, st.sampled_from(list(PRECISIONS)))
@example("a v=1 1\na v=2 2\na v=3 3\n", "s")
@example("\t# a v=1\na v=1 1\na v=2 2\n# v=3 3\n\t# v=3 3\n", "ns")
@example('a s="x\ny" 1\na s="z\n' * 2, "ns")
@example('a s="x\\\\y" 1\n' * 3, "ns")
@example("a a\\ b=1 1\n" * 3, "ns")
@example("a v=1 1\na v=1 2\na v=1e999 3\n", "ns")
@example("a v=1 1\na v=1 2\na v=1 9223372036854775807\n", "ns")
def test_columns_hold_what_the_decoder_of_single_records_says(
    text: str, precision: str
) -> None:
    body = text.encode()
    expected = outcome_of_decode(body, precision)
    assert outcome_of_decode_columns(body, precision) == expected


@settings(deadline=None)
@given(good_bodies().filter(bool), st.data())
def test_a_line_with_one_character_changed_is_judged_as_the_decoder_does(
    text: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(list(' ,="\\\n\r\t#1eit\x00')))
    body = (text + text[:place] + other + text[place + 1 :]).encode()
    assert outcome_of_decode_columns(body, "ns") == outcome_of_decode(body, "ns")


def test_lines_alike_make_one_block() -> None:
    body = b"".join(b"run,host=a v=%d.5,n=%di %d\n" % (n, n, n) for n in range(2000))
    (block,) = decode_columns(body, "ns", NOW_NS)
    assert block.fields == (("v", "float"), ("n", "integer"))
    assert block.tag_sets == ((("host", "a"),),)
    assert block.times.tolist() == list(range(2000))
    assert block.lines.tolist() == list(range(2000))
    assert [column.dtype for column in block.columns] == [np.float64, np.int64]
    assert block.columns[0].sum() == sum(n + 0.5 for n in range(2000))


def test_blocks_come_in_the_order_of_their_first_lines() -> None:
    body = b"b v=1 1\na w=1i 1\nb v=2 2\na v=1 1\nb w=true 3\n"
    blocks = decode_columns(body, "ns", NOW_NS)
    assert [block.lines.tolist() for block in blocks] == [[0, 2], [1], [3], [4]]
    assert [block.measurement for block in blocks] == ["b", "a", "a", "b"]


def test_tags_written_in_another_order_are_the_same_series() -> None:
    (block,) = decode_columns(b"m,a=1,b=2 v=1 1\nm,b=2,a=1 v=1 2\n" * 2, "ns", NOW_NS)
    assert block.tag_sets == ((("a", "1"), ("b", "2")),)
    assert block.series.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("blank", [b"\n", b" ", b"\r\n", b" \t\0\r\n"])
def test_empty_lines_are_passed_over_in_one_step(blank: bytes) -> None:
    calls = []
    sys.setprofile(lambda _frame, event, _of: calls.append(event))
    try:
        blocks = decode_columns(blank * 5_000 + b"m v=1 1\n" + blank * 5_000, "ns", 0)
    finally:
        sys.setprofile(None)
    assert [block.times.tolist() for block in blocks] == [[1]]
    assert len(calls) < 2_000


def test_points_without_a_time_get_the_time_of_arrival_in_the_precision_asked() -> None:
    (block,) = decode_columns(b"m v=1\nm v=2\nm v=3\n", "s", NOW_NS)
    assert block.times.tolist() == [1_700_000_000_000_000_000] * 3


def test_nothing_makes_no_blocks() -> None:
    assert decode_columns(b"", "ns", NOW_NS) == []
    assert decode_columns(b"# note\n\n\r\n", "ns", NOW_NS) == []


@pytest.mark.parametrize("good_lines", [0, 1, 3, 1000])
def test_the_first_bad_line_is_named_and_nothing_is_returned(good_lines: int) -> None:
    body = b"m v=1 1\n" * good_lines + b"m v= 2\nm v=x 3\n"
    with pytest.raises(LineProtocolError) as caught:
        decode_columns(body, "ns", NOW_NS)
    assert caught.value.line == "m v= 2"
    assert caught.value.reason == "missing field value"


def test_a_line_that_is_not_utf8_is_named() -> None:
    with pytest.raises(LineProtocolError) as caught:
        decode_columns(b"m v=1 1\nm,t=\xff v=1 2\nm v=1 3\n", "ns", NOW_NS)
    assert caught.value.reason == "invalid UTF-8"
    assert caught.value.line == "m,t=\ufffd v=1 2"


def test_a_point_with_thousands_of_fields_is_read() -> None:
    line = b"m " + b",".join(b"f%d=%d" % (n, n) for n in range(5000)) + b" 1\n"
    (block,) = decode_columns(line * 3, "ns", NOW_NS)
    assert len(block) == 3
    assert [column[2] for column in block.columns] == list(range(5000))


def test_more_shapes_than_are_learnt_are_read_all_the_same() -> None:
    body = b"".join(b"m f%d=1 %d\n" % (n % 100, n) for n in range(400))
    blocks = decode_columns(body, "ns", NOW_NS)
    assert [len(block) for block in blocks] == [4] * 100


@pytest.mark.parametrize("form", ["-0", "-0.0", "-0e1", "-00"])
def test_the_sign_of_zero_is_kept(form: str) -> None:
    body = "".join(f"m v={value} {time}\n" for time, value in enumerate(["1", "2", form]))
    (block,) = decode_columns(body.encode(), "ns", 0)
    assert np.signbit(block.columns[0]).tolist() == [False, False, True]
