"""Flux as text, and annotated CSV as real servers wrote it: tests/exchanges."""

from __future__ import annotations

import io
import json
import pathlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import StorageError
from multimeter.data.record import Unsigned
from multimeter.runs.flux import quoted, read_records, run_query

TESTS = pathlib.Path(__file__).parents[3]
SERVERS = ("influxdb-2.9.1", "influxdb-2.7.12")
sys.path.append(str(TESTS / "fakes" / "influxdb"))


def recorded(server, name):
    (file,) = (TESTS / "exchanges" / server).glob(f"*-{name}.json")
    return json.loads(file.read_text())["response"]["body"]


def records_in(text):
    return list(read_records(io.StringIO(text, newline="")))


@pytest.mark.parametrize("server", SERVERS)
def test_points_of_a_real_server_come_back_whole(server):
    records = records_in(recorded(server, "query"))
    assert {record.measurement for record in records} == {"example"}
    assert all(record.tags == {"host": "a"} for record in records)
    first, *others = records
    assert first.time_ns == 1_700_000_000 * 10**9
    assert first.fields == {
        "label": 'a "b"',
        "ok": True,
        "process.cpu_rate_user": 0.6,
        "process.memory_rss_max": 1024,
    }
    assert [type(value) for value in first.fields.values()] == [str, bool, float, int]
    assert others[-1].fields == {"process.cpu_rate_user": 0.8}
    times = [record.time_ns for record in records]
    assert times == sorted(set(times))


@pytest.mark.parametrize("server", SERVERS)
def test_an_empty_answer_has_no_points(server):
    assert records_in(recorded(server, "query-empty")) == []


def test_an_empty_text_is_a_value():
    text = (
        "#datatype,string,long,dateTime:RFC3339,string,string,string\r\n"
        ",result,table,_time,_value,_field,_measurement\r\n"
        ",,0,2023-11-14T22:13:20.000000001Z,,state,m\r\n"
    )
    (record,) = records_in(text)
    assert record.fields == {"state": ""}
    assert record.time_ns == 1_700_000_000 * 10**9 + 1


def test_unsigned_integers_stay_what_they_are():
    text = (
        "#datatype,string,long,dateTime:RFC3339,unsignedLong,string,string\r\n"
        ",result,table,_time,_value,_field,_measurement\r\n"
        ",,0,2023-11-14T22:13:20Z,18446744073709551615,n,m\r\n"
    )
    (record,) = records_in(text)
    assert record.fields == {"n": 2**64 - 1}
    assert isinstance(record.fields["n"], Unsigned)


def test_an_error_half_way_is_an_error():
    text = "#datatype,string,string\r\n,error,reference\r\n,it broke,897\r\n"
    with pytest.raises(StorageError, match="it broke"):
        records_in(text)


@pytest.mark.parametrize(
    "text",
    ["<html>,a\r\n<b>,c\r\n", ",a,b\r\n,1,2\r\n", "#datatype,long\r\n,_time\r\n,x\r\n"],
)
def test_what_is_no_annotated_csv_is_refused(text):
    with pytest.raises(StorageError, match="annotated CSV"):
        records_in(text)


def test_an_expression_in_a_name_stays_text():
    assert quoted('a"b\\c${1+1}$x\n') == '"a\\"b\\\\c\\${1+1}$x\\n"'


@given(name=st.text())
def test_no_name_ends_its_literal(name):
    literal = quoted(name)
    inside, position = literal[1:-1], 0
    while position < len(inside):
        assert inside[position] not in '"\n'
        assert not inside.startswith("${", position)
        position += 2 if inside[position] == "\\" else 1
    assert position == len(inside)


@given(name=st.text(st.characters(exclude_characters="\n\r\t"), min_size=1))
def test_a_query_means_the_run_of_that_name_and_no_other(name):
    from flux import read_query
    from flux import run_query as answer

    rows = [
        {"_measurement": each, "_field": "v", "_time": 5, "_value": each, **tags}
        for each, tags in (
            (name, {}),
            (f"{name}x", {}),
            ("multimeter_marks", {"measurement": name}),
            ("multimeter_marks", {"measurement": f"{name}x"}),
        )
    ]
    tables = answer(read_query(run_query("multimeter", name), 0), rows)
    found = {
        (row["_measurement"], row.get("measurement")) for table in tables for row in table
    }
    assert found == {(name, None), ("multimeter_marks", name)}
