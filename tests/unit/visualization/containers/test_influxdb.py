from __future__ import annotations

import json
import pathlib

import pytest

from multimeter.visualization.containers.influxdb import _rows

EXCHANGES = pathlib.Path(__file__).parents[3] / "exchanges"


def recorded(name):
    (file,) = (EXCHANGES / "influxdb-2.9.1").glob(f"*-{name}.json")
    return json.loads(file.read_text())["response"]["body"]


def without_annotations(text):
    return "\r\n".join(line for line in text.split("\r\n") if not line.startswith("#"))


def test_the_rows_of_all_tables_are_read_each_by_its_own_header():
    rows = _rows(without_annotations(recorded("query")))
    assert [(row["_field"], row["_value"]) for row in rows[:3]] == [
        ("label", 'a "b"'),
        ("ok", "true"),
        ("process.cpu_rate_user", "0.6"),
    ]
    assert {row["_measurement"] for row in rows} == {"example"}


def test_an_empty_answer_has_no_rows():
    assert _rows(recorded("query-empty")) == []


@pytest.mark.parametrize("text", ["a\nb", 'a "b"', "a,b", "größe 😀"])
def test_text_in_a_cell_stays_what_it_is(text):
    cell = '"' + text.replace('"', '""') + '"'
    assert _rows(f",result,_value\r\n,,{cell}\r\n\r\n")[0]["_value"] == text
