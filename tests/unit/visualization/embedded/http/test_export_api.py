from __future__ import annotations

import csv
import html
import io
import json
import re

import pytest

from multimeter import LineFormat, Measure, Metric, Result, Schema, Subject
from multimeter.data.identifiers import LOGS
from multimeter.data.record import Record
from multimeter.exports.csv_format import plain_cell
from multimeter.lines.protocol import encode
from multimeter.lines.result_encoder import encode_result
from multimeter.reports.html import REPORT_POLICY
from multimeter.visualization.embedded.store import export

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


def test_the_start_of_a_run_is_a_line_without_values(served):
    result = run_of("rig")
    result.add_meta_data(baseline={"time_ns": -S // 2, "values": {}})
    served.write(b"\n".join(encode_result(result)).decode())
    whole = table(get(served, "/api/csv", run="rig", key="rig.voltage"))
    assert whole[1] == ["1969-12-31T23:59:59.500000+00:00", "", ""]
    assert len(whole) == len(result.times_ns) + 2
    part = table(get(served, "/api/csv", run="rig", key="rig.voltage", start=2 * S))
    assert all(row[2] for row in part)


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


LOAD = Subject("rig", "What is <measured>.")
METRICS = (
    Metric("load", "How much.", "N"),
    Metric("turns", "", "", int, None),
    Metric("state", "", "", str, None),
    Metric("is_on", "", "", bool, None),
)
SCHEMA = Schema.of_measures(Measure(LOAD, metric) for metric in METRICS)
STATES = ["", 'a "b"', "back\\slash", "two\nlines", "ä=,ö", None, "x"]


def write(served, result):
    served.write(b"\n".join(encode_result(result)).decode())
    return result


def run_with_points(points, identifier='my run, "1"'):
    result = Result.of_schema(SCHEMA, identifier=identifier, tags={"who": "a b,c=d"})
    for number in range(points):
        values = {"rig.load": number / 7, "rig.turns": -number, "rig.is_on": number % 2 > 0}
        values["rig.state"] = STATES[number % len(STATES)]
        if number % 3 == 0:
            values["rig.turns"] = None
        result.append(1_000_000_000 + number, values)
    result.add_mark(1_000_000_003, 'half "way"\nthere')
    result.add_meta_data(command="python train.py", nested={"a": [1, None]})
    return result


def get_lines(served, **params):
    answer = served.reader().get("/api/lines", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def loaded(text):
    return LineFormat().load(io.BytesIO(text.encode()))


@pytest.mark.parametrize("points", [0, 1, 50])
def test_a_run_comes_back_as_it_was_written(served, points):
    result = write(served, run_with_points(points))
    assert loaded(get_lines(served, run=result.identifier)) == result


def test_a_run_of_many_windows_comes_back_whole(served, monkeypatch):
    monkeypatch.setattr(export, "POINTS_AT_ONCE", 7)
    result = write(served, run_with_points(50))
    assert loaded(get_lines(served, run=result.identifier)) == result


def test_a_range_has_its_first_and_last_time(served):
    result = write(served, run_with_points(10))
    text = get_lines(served, run=result.identifier, start=1_000_000_004, stop=1_000_000_006)
    part = loaded(text)
    assert list(part.times_ns) == [1_000_000_004, 1_000_000_005, 1_000_000_006]
    assert part.marks == ()
    assert part.schema == result.schema
    assert loaded(get_lines(served, run=result.identifier, stop=1_000_000_003)).marks


def test_tag_sets_and_types_of_other_programs_come_as_they_were_sent(served):
    sent = ["m,host=a u=3u,v=1.5 5", "m,host=b u=4u 5", "m,host=b t=true 6"]
    served.write("\n".join(sent))
    assert sorted(get_lines(served, run="m").splitlines()) == sorted(sent)


def test_other_runs_and_their_marks_stay_out(served):
    result = write(served, run_with_points(3))
    write(served, run_with_points(3, "other"))
    assert "other" not in get_lines(served, run=result.identifier)


def test_a_run_that_is_not_there_is_404(served):
    answer = served.reader().get("/api/lines", params={"run": "none"})
    assert answer.status_code == 404
    assert answer.json()["message"] == 'run "none" not found'


def test_a_range_the_wrong_way_round_is_refused(served):
    write(served, run_with_points(3))
    params = {"run": 'my run, "1"', "start": 5, "stop": 4}
    assert served.reader().get("/api/lines", params=params).status_code == 400


def test_it_takes_the_read_token(served):
    assert served.client().get("/api/lines", params={"run": "x"}).status_code == 401
    assert served.writer().get("/api/lines", params={"run": "x"}).status_code == 403
    write(served, run_with_points(1, "mine"))
    assert served.browser().get("/api/lines", params={"run": "mine"}).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["win\\path", "tab\there", "del\x7f", "a\\\\,b", "\ufeffbom", "m\x01\x85", "\\ x"],
)
def test_names_are_given_as_others_wrote_them(served, name):
    written = name.replace(",", "\\,").replace(" ", "\\ ")
    label = f'multimeter_marks,measurement={written} label="x" 1000000001'
    point = f"{written},t\x01={written} x\\y=1.0,\tb=2i 1000000000"
    served.write(f"\n{point}\n{label}\n")
    assert get_lines(served, run=name).strip("\n").split("\n") == [label, point]
    assert get_lines(served, run=name).startswith("\n") == name.startswith("\ufeff")
