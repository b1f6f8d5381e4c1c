from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from multimeter.data.record import Record
from multimeter.lines.protocol import decode, encode, encode_record

keys = st.text(min_size=1, max_size=8)
values = st.floats() | st.integers() | st.booleans() | st.text(max_size=8)


@given(
    st.text(max_size=8),
    st.dictionaries(keys, values, max_size=4),
    st.integers(-(10**18), 10**18),
)
def test_fields_that_cannot_be_expressed_are_counted(name, fields, time_ns):
    record = Record(name, {"a": "b"}, fields, time_ns)
    line, left_out = encode_record(record, 0)
    assert line == encode(record)
    lost = [
        value
        for value in fields.values()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    assert left_out == len(lost)


def test_nan_and_infinity_leave_their_field_out_and_nothing_else():
    fields = {"a": 1.5, "b": math.nan, "c": math.inf, "d": -math.inf, "e": 2}
    line, left_out = encode_record(Record("m", {}, fields, 7), 0)
    assert left_out == 3
    assert list(decode(line)) == [Record("m", {}, {"a": 1.5, "e": 2}, 7)]


def test_a_record_of_nan_only_has_no_line():
    assert encode_record(Record("m", {}, {"a": math.nan}, 7), 0) == (None, 1)


def test_a_record_without_a_time_gets_the_one_given():
    assert encode_record(Record("m", {}, {"a": True}, None), 12) == ("m a=true 12", 0)


def test_a_text_of_more_than_64_kilobytes_is_kept_whole():
    line, _ = encode_record(Record("m", {}, {"a": "x" * 70_000}, 7), 0)
    assert len(line) > 70_000
