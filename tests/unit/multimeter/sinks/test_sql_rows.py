from __future__ import annotations

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql.converters import conversions

from multimeter.data.record import Record
from multimeter.lines.protocol import encode_record
from multimeter.sinks.base import Batch
from multimeter.sinks.sql_rows import (
    Ranges,
    RefusedRowError,
    Rows,
    literal_rows,
    parse_rows,
)
from multimeter.sinks.sql_statements import insert_all


def parse(*lines, ids=None, known=("a", "b c")):
    asked = []

    def find_id(codename):
        asked.append(codename)
        if codename not in known:
            raise RefusedRowError("unknown")
        return known.index(codename) + 1

    rows, refused = parse_rows(Batch("x", lines), {} if ids is None else ids, find_id)
    return rows, refused, asked


def test_a_codename_is_looked_up_once():
    lines = [b"log,codename=a value=%d.5 %d000" % (n, n) for n in range(5)]
    rows, refused, asked = parse(*lines)
    assert rows == [(1, n, n + 0.5) for n in range(5)]
    assert (refused, asked) == ({}, ["a"])


def test_a_codename_with_a_space_is_found_each_time():
    rows, refused, _ = parse(*[b"log,codename=b\\ c value=1 1000"] * 2)
    assert (rows, refused) == ([(2, 1, 1.0)] * 2, {})


def test_what_has_no_row_is_named_by_its_index():
    good, bad = b"log,codename=a value=1 1000", b"log,codename=x value=1 1000"
    rows, refused, _ = parse(good, bad, good, b"", b"\xff value=1 1")
    assert len(rows) == 2
    assert sorted(refused) == [1, 3, 4]


@pytest.mark.parametrize("text", [b"nan", b"inf", b"-inf", b"1e999"])
def test_what_is_no_finite_number_is_refused(text):
    line = b"log,codename=a value=%b 1000" % text
    rows, refused, _ = parse(line, ids={b"log,codename=a": 1})
    assert (rows, list(refused)) == ([], [0])


def test_another_field_of_a_known_series_is_refused():
    line = b"log,codename=a voltage=1 1000"
    rows, refused, _ = parse(line, ids={b"log,codename=a": 1})
    assert (rows, list(refused)) == ([], [0])


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 2**32 * 10**9 - 10**9),
    st.sampled_from(["a", "b c"]),
)
def test_every_value_and_time_of_a_logger_comes_back(value, time_ns, codename):
    line, _ = encode_record(
        Record("log", {"codename": codename}, {"value": value}, time_ns), 0
    )
    assert line
    ids: dict[bytes, int] = {}
    for _ in range(2):
        rows, refused, _ = parse(line.encode(), ids=ids)
        assert refused == {}
        ((type_id, time_us, number),) = rows
        assert type_id == ("a", "b c").index(codename) + 1
        assert repr(number) == repr(value)
        assert abs(time_us * 1_000 - time_ns) <= 500


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_ranges_hold_what_was_added_also_as_text(bounds):
    bounds = [(min(pair), max(pair)) for pair in bounds]
    ranges = Ranges()
    for start, stop in bounds:
        ranges = ranges.add(start, stop)
    for found in (ranges, Ranges.parse(str(ranges))):
        for index in range(52):
            assert (index in found) == any(start <= index < stop for start, stop in bounds)
    assert str(Ranges([(0, 5), (5, 9)])) == "0-9"


def test_rows_are_literals_of_numbers():
    rows = Rows([(1, 1_600_000_000_000_000, 0.5), (2, 0, 1e-300)])
    assert literal_rows(rows) == (
        "(1,FROM_UNIXTIME(1600000000000000*0.000001),0.5e0),"
        "(2,FROM_UNIXTIME(0*0.000001),1e-300)"
    )


@given(st.integers(0, 2**52), st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_comes_through_its_literal(time_us, value):
    text = literal_rows(Rows([(1, time_us, value)]))
    assert f"({time_us}*" in text
    assert float(text.rpartition(",")[2].rstrip(")")) == value


@pytest.mark.parametrize(
    "row", [("1); DROP", 0, 0.5), (1, "0", 0.5), (1, 0, "0"), (1, 0, 5), (1, 0.5, 0.5)]
)
def test_what_is_no_number_of_its_kind_becomes_no_sql(row):
    with pytest.raises((TypeError, ValueError)):
        literal_rows(Rows([row]))


def test_pymysql_writes_rows_as_they_are():
    connection = pymysql.Connection(
        defer_connect=True, conv={**conversions, Rows: literal_rows}
    )
    statement = insert_all("t").replace("?", "%s")
    text = connection.cursor().mogrify(statement, (Rows([(1, 2, 3.0)]),))
    assert text.endswith("VALUES (1,FROM_UNIXTIME(2*0.000001),3.0e0)")
