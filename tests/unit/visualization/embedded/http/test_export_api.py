from __future__ import annotations

import csv
import html
import io
import json
import re

import pytest

from multimeter import Measure, Metric, Result, Subject
from multimeter.data.identifiers import LOGS
from multimeter.data.record import Record
from multimeter.exports.csv_format import plain_cell
from multimeter.lines.protocol import encode
from multimeter.lines.result_encoder import encode_result
from multimeter.reports.html import REPORT_POLICY
from multimeter.schema import Schema

S = 1_000_000_000
HOSTILE = "</script><script>alert(1)</script>"


def run_of(identifier):
    measure = Measure(Subject("rig"), Metric("voltage", "At the pump.", "V"))
    schema = Schema((measure.metric,), (measure.subject,), (measure,))
    result = Result.of_schema(schema, identifier=identifier, tags={"host": "=1+1"})
    for second in range(3):
        result.append(second * S + 5, {measure.key: second + 0.5})
    result.add_mark(1 * S, HOSTILE)
    return result


@pytest.fixture(scope="module")
def stored(shared):
    shared.write(b"\n".join(encode_result(run_of("rig"))).decode())
    shared.write(b"\n".join(encode_result(run_of(HOSTILE))).decode())
    shared.write(
        "multimeter_logs,codename=p,unit=V value=1 1\nmultimeter_logs,codename=q value=2 2"
    )
    return shared


def get(stored, path, **params):
    answer = stored.reader().get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer


def table(answer):
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.text)))


def test_points_are_a_table_with_their_units(stored):
    answer = get(stored, "/api/csv", run="rig", key="rig.voltage", start=S)
    assert 'filename="rig.csv"' in answer.headers["Content-Disposition"]
    assert table(answer) == [
        ["time", "host", "rig.voltage (V)"],
        ["1970-01-01T00:00:01.000000005+00:00", "'=1+1", "1.5"],
        ["1970-01-01T00:00:02.000000005+00:00", "'=1+1", "2.5"],
    ]


def test_logged_values_are_a_table_with_their_codenames(stored):
    answer = get(stored, "/api/logs/csv", codename="p", start=0, stop=9)
    assert table(answer) == [
        ["time", "codename", "unit", "value"],
        ["1970-01-01T00:00:00.000000001+00:00", "p", "V", "1.0"],
    ]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/csv", {"run": "none"}),
        ("/api/csv", {"run": "rig", "key": "none"}),
        ("/api/logs/csv", {"codename": "none", "start": 0, "stop": 1}),
        ("/api/logs/csv", {"start": 0, "stop": 1}),
        ("/api/export", {"run": "none"}),
        ("/api/spans", {"run": "none"}),
    ],
)
def test_what_is_not_there_is_not_found(stored, path, asked):
    assert stored.reader().get(path, params=asked).status_code == 404


def test_spans_are_those_between_the_marks(stored):
    spans = get(stored, "/api/spans", run="rig").json()
    assert [(each["label"], each["start"], each["stop"]) for each in spans] == [
        ("", 5, S),
        (HOSTILE, S, 2 * S + 5),
    ]


def test_a_run_is_one_file_with_everything_in_it(stored):
    answer = get(stored, "/api/export", run=HOSTILE)
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert "<script>alert(1)" not in answer.text
    assert "plotly" in answer.text
    # Before anything that it could keep from being loaded, also from a disk.
    policy = re.search(r'-Policy" content="(.*?)">', answer.text)[1]
    assert html.unescape(policy) == REPORT_POLICY
    assert answer.text.index("-Policy") < answer.text.index("<title")
    assert 'src="' not in re.sub(
        r"<script>.*?</script>", "", answer.text, count=1, flags=re.DOTALL
    )
    (data,) = re.findall(r'id="data">(.*?)</script>', answer.text, flags=re.DOTALL)
    found = json.loads(data)
    assert f"<h1>{html.escape(HOSTILE)}</h1>" in answer.text
    assert found["marks"][0]["label"] == HOSTILE
    (chart,) = found["charts"]
    assert chart["curves"][0]["max"] == [0.5, 1.5, 2.5]
    assert chart["curves"][0]["texts"] == ["0.50 V", "1.50 V", "2.50 V"]
    assert "<td>(start)</td>" in answer.text
    assert f"<td>{html.escape(HOSTILE)}</td>" in answer.text


FORMULAS = [
    "=cmd|'/C calc'!A0",
    "+1",
    "-1",
    "@x",
    "\t=1",
    "\r=1",
    " =1",
    "\ufeff=1",
    "\uff1d1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_texts_in_titles_tags_and_values_are_no_formulas_but_numbers_are_numbers(
    shared, text
):
    name = f"formulas-{FORMULAS.index(text)}"
    record = Record(name, {"tag": text}, {text: text, "number": -2.5, "count": -3}, S)
    shared.write(encode(record))
    head, row = table(get(shared, "/api/csv", run=name))
    numbers = {"number": "-2.5", "count": "-3"}
    cells = dict(zip(head, row))
    assert {title: cells.pop(title) for title in numbers} == numbers
    assert "'" + text in cells.values()
    assert [
        each for pair in cells.items() for each in pair if plain_cell(each) != each
    ] == []


def test_codenames_and_tags_of_logged_values_are_no_formulas(shared):
    shared.write(
        encode(Record(LOGS, {"codename": "=1+1", "+unit": "@V"}, {"value": -1.0}, 7))
    )
    head, row = table(get(shared, "/api/logs/csv", codename="=1+1", start=0, stop=9))
    cells = dict(zip(head, row))
    assert (cells["codename"], cells["'+unit"], cells["value"]) == ("'=1+1", "'@V", "-1.0")
