from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import FormatError, Measure, Metric, Result, Subject
from multimeter.lines.protocol import decode
from multimeter.lines.result_decoder import decode_result
from multimeter.lines.result_encoder import encode_result
from multimeter.schema import Schema
from multimeter.storages.live_run import LiveRun

START = 1_000 * 10**9
SECOND = 10**9


class Put:
    """Takes lines; ``records`` is what they say."""

    def __init__(self):
        self.lines = []
        self.left_out = 0

    def __call__(self, line, left_out):
        self.lines.append(line)
        self.left_out += left_out

    @property
    def records(self):
        return [next(decode(line.decode())) for line in self.lines if line is not None]

    @property
    def entries(self):
        return [r for r in self.records if r.measurement == "multimeter_runs"]

    @property
    def points(self):
        return [r for r in self.records if not r.measurement.startswith("multimeter_")]


@pytest.fixture
def put():
    return Put()


def schema(**types):
    subject = Subject("s")
    metrics = [Metric(name, value_type=kind) for name, kind in types.items()]
    return Schema(
        tuple(metrics), (subject,), tuple(Measure(subject, each) for each in metrics)
    )


def result_with(identifier="run", tags=None, **types):
    return Result.of_schema(schema(**types), identifier=identifier, tags=tags)


def append(live, time_ns, **values):
    values = {f"s.{key}": value for key, value in values.items()}
    live.result.append(time_ns, values)
    live.append(time_ns, values)


def test_the_entry_of_the_run_is_there_from_the_start(put):
    LiveRun(result_with(tags={"a": "b"}), put, lambda: START)
    (entry,) = put.entries
    run_id = entry.fields["id"]
    assert (entry.tags, entry.time_ns) == ({"measurement": "run", "run": run_id}, START)
    assert entry.fields["version"] == 2
    assert entry.fields["state"] == "running"
    assert entry.fields["start"] == START
    assert "end" not in entry.fields
    assert "points" not in entry.fields
    assert entry.fields["tags"] == '{"a": "b"}'
    assert entry.fields["alive_until"] > START


def test_each_point_is_a_line_of_the_run(put):
    live = LiveRun(result_with(tags={"t": "x y"}, a=float, b=int), put, lambda: START)
    append(live, START + 1, a=1.5, b=2)
    (point,) = put.points
    assert point.measurement == "run"
    assert point.tags == {"t": "x y", "run": live.result.id}
    assert point.time_ns == START + 1
    assert point.fields == {"s.a": 1.5, "s.b": 2}


def test_its_end_is_a_row_of_its_own_after_the_last_point(put):
    live = LiveRun(result_with(a=float), put, lambda: START)
    append(live, START + 1, a=1.0)
    append(live, START + 9, a=2.0)
    live.close()
    first, last = put.entries
    assert first.tags == last.tags
    assert (first.time_ns, last.time_ns) == (START, START + 9 + 1_000)
    assert last.fields["state"] == "finished"
    assert last.fields["end"] == START + 9
    assert last.fields["duration"] == 8
    assert last.fields["points"] == 2


def test_a_field_that_began_as_a_float_stays_one(put):
    live = LiveRun(result_with(a=int), put, lambda: START)
    for number, value in enumerate((2**63, 5)):
        append(live, START + number, a=value)
    assert [type(point.fields["s.a"]) for point in put.points] == [float, float]


def test_a_run_that_goes_on_says_so_now_and_then(put):
    clock = [START]
    live = LiveRun(result_with(a=float), put, lambda: clock[0])
    for second in range(61):
        clock[0] = START + second * SECOND
        append(live, START + second * SECOND, a=1.0)
    signs = put.entries[1:]
    assert 5 <= len(signs) <= 13
    times = [entry.time_ns for entry in put.entries]
    assert times == sorted(set(times))
    assert {entry.fields["identifier"] for entry in signs} == {"run"}
    until = [entry.fields["alive_until"] for entry in put.entries]
    assert until == sorted(until)
    assert until[-1] > START + 61 * SECOND
    assert signs[-1].fields["points"] > 50
    assert {entry.fields["state"] for entry in put.entries if "state" in entry.fields} == {
        "running"
    }


def test_the_rows_of_a_long_run_get_rarer(put):
    clock = [START]
    live = LiveRun(result_with(a=float), put, lambda: clock[0])
    for second in range(0, 7200, 2):
        clock[0] = START + second * SECOND
        append(live, clock[0], a=1.0)
    rows = put.entries
    assert 120 <= len(rows) <= 300
    for row, later in itertools.pairwise(rows):
        assert row.fields["alive_until"] > later.time_ns


def test_the_clock_of_other_machines_says_whether_a_run_is_alive(put):
    day = 86_400 * SECOND
    live = LiveRun(result_with(a=float), put, lambda: START + day)
    append(live, START + 6 * SECOND, a=1.0)
    assert all(entry.fields["alive_until"] > START + day for entry in put.entries)


def test_a_run_gets_rows_that_never_share_a_time(put):
    live = LiveRun(result_with(a=float), put, lambda: START)
    append(live, START + 5 * SECOND, a=1.0)
    live.close()
    assert len({entry.time_ns for entry in put.entries}) == len(put.entries) == 3


def test_a_run_with_rare_points_is_not_taken_for_dead_between_them(put):
    clock = [START]
    live = LiveRun(result_with(a=float), put, lambda: clock[0])
    for minute in range(1, 20):
        clock[0] = START + minute * 300 * SECOND
        append(live, START + minute * 300 * SECOND, a=1.0)
        assert put.entries[-1].fields["alive_until"] > START + (minute + 1) * 300 * SECOND


def test_a_mark_is_sent_at_once_and_again_at_the_end(put):
    live = LiveRun(result_with(), put, lambda: START)
    live.result.add_mark(START + 5, "x")
    live.mark(START + 5, "x")
    live.close()
    marks = [r for r in put.records if r.measurement == "multimeter_marks"]
    assert len(marks) == 2
    assert marks[0] == marks[1]
    assert marks[0].fields == {"label": "x"}


def test_nan_and_none_leave_their_field_out(put):
    live = LiveRun(result_with(a=float, b=float, c=float), put, lambda: START)
    append(live, START + 1, a=math.nan, b=None, c=3.0)
    assert put.points[0].fields == {"s.c": 3.0}
    assert put.left_out == 1


def test_a_point_without_any_value_is_no_line(put):
    live = LiveRun(result_with(a=float), put, lambda: START)
    append(live, START + 1, a=math.inf)
    assert put.lines[-1] is None
    assert put.left_out == 1


def test_a_field_keeps_the_type_that_it_was_declared_with(put):
    live = LiveRun(result_with(a=float), put, lambda: START)
    append(live, START + 1, a=3)
    assert isinstance(put.points[0].fields["s.a"], float)


def test_a_field_that_is_not_declared_keeps_the_type_of_its_first_value(put):
    live = LiveRun(result_with(), put, lambda: START)
    append(live, START + 1, x=1.5)
    append(live, START + 2, x=2)
    append(live, START + 3, x=True)
    values = [point.fields["s.x"] for point in put.points]
    assert values == [1.5, 2.0, True]
    assert isinstance(values[1], float)


def test_measures_that_cannot_be_told_apart_are_refused(put):
    live = LiveRun(result_with(), put, lambda: START)
    append(live, START + 1, **{"a\n": 1.0})
    with pytest.raises(FormatError, match="same name"):
        append(live, START + 2, **{"a\u240a": 1.0})


def test_a_result_without_an_identifier_is_refused(put):
    with pytest.raises(FormatError, match="no identifier"):
        LiveRun(Result(), put, lambda: START)


@given(
    st.text(min_size=1, max_size=8),
    st.lists(
        st.dictionaries(st.sampled_from(["s.a", "s.b"]), st.floats() | st.none()),
        max_size=8,
    ),
    st.lists(st.text(max_size=5), max_size=3),
)
def test_what_was_sent_live_is_the_result_that_would_be_stored_at_the_end(
    identifier, points, labels
):
    result = result_with(identifier, a=float, b=float)
    put = Put()
    live = LiveRun(result, put, lambda: START)
    for number, each in enumerate(points):
        result.append(START + number, each)
        live.append(START + number, each)
    for number, label in enumerate(labels):
        result.add_mark(START + number, label)
    live.close()
    stored = decode_result(decode(b"\n".join(encode_result(result)).decode()))
    sent = {(r.measurement, tuple(r.tags.items()), r.time_ns): r for r in put.records}
    assert decode_result(sent.values()) == stored
