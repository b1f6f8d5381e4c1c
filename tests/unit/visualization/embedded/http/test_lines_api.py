from __future__ import annotations

import io

import pytest

from multimeter import LineFormat, Measure, Metric, Result, Schema, Subject
from multimeter.lines.result_encoder import encode_result
from multimeter.visualization.embedded.store import lines

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


def run_of(points, identifier='my run, "1"'):
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


def get(served, **params):
    answer = served.reader().get("/api/lines", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def loaded(text):
    return LineFormat().load(io.BytesIO(text.encode()))


@pytest.mark.parametrize("points", [0, 1, 50])
def test_a_run_comes_back_as_it_was_written(served, points):
    result = write(served, run_of(points))
    assert loaded(get(served, run=result.identifier)) == result


def test_a_run_of_many_windows_comes_back_whole(served, monkeypatch):
    monkeypatch.setattr(lines, "POINTS_AT_ONCE", 7)
    result = write(served, run_of(50))
    assert loaded(get(served, run=result.identifier)) == result


def test_a_range_has_its_first_and_last_time(served):
    result = write(served, run_of(10))
    text = get(served, run=result.identifier, start=1_000_000_004, stop=1_000_000_006)
    part = loaded(text)
    assert list(part.times_ns) == [1_000_000_004, 1_000_000_005, 1_000_000_006]
    assert part.marks == ()
    assert part.schema == result.schema
    assert loaded(get(served, run=result.identifier, stop=1_000_000_003)).marks


def test_tag_sets_and_types_of_other_programs_come_as_they_were_sent(served):
    sent = ["m,host=a u=3u,v=1.5 5", "m,host=b u=4u 5", "m,host=b t=true 6"]
    served.write("\n".join(sent))
    assert sorted(get(served, run="m").splitlines()) == sorted(sent)


def test_other_runs_and_their_marks_stay_out(served):
    result = write(served, run_of(3))
    write(served, run_of(3, "other"))
    assert "other" not in get(served, run=result.identifier)


def test_a_run_that_is_not_there_is_404(served):
    answer = served.reader().get("/api/lines", params={"run": "none"})
    assert answer.status_code == 404
    assert answer.json()["message"] == 'run "none" not found'


def test_a_range_the_wrong_way_round_is_refused(served):
    write(served, run_of(3))
    params = {"run": 'my run, "1"', "start": 5, "stop": 4}
    assert served.reader().get("/api/lines", params=params).status_code == 400


def test_it_takes_the_read_token(served):
    assert served.client().get("/api/lines", params={"run": "x"}).status_code == 401
    assert served.writer().get("/api/lines", params={"run": "x"}).status_code == 403
    write(served, run_of(1, "mine"))
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
    assert get(served, run=name).strip("\n").split("\n") == [label, point]
    assert get(served, run=name).startswith("\n") == name.startswith("\ufeff")
