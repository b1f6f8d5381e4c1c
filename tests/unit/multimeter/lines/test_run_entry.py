from __future__ import annotations

from multimeter import Result
from multimeter.analysis.figures import figures_of
from multimeter.data.estimate import Estimate
from multimeter.data.record import Record
from multimeter.lines.protocol import decode
from multimeter.lines.result_decoder import decode_result
from multimeter.lines.result_encoder import encode_result
from multimeter.lines.run_entry import entry_fields, merged_entries, stored_figures

S = 10**9
START = 1_700_000_000 * S
PEAK = Estimate.at_least(None, 9 << 20, "wait4")
CPU = Estimate.exact(0.125, "wait4", "2 processes ended unseen")


def accounted():
    result = Result(identifier="run")
    result.add_meta_data(baseline={"time_ns": START, "values": {}})
    for second in (1, 3):
        result.append(START + second * S, {"process.cpu_rate_user": 1.0})
    result.known_figures = {"cpu_time": CPU, "peak_memory": PEAK}
    return result


def read_back(lines):
    return decode_result(list(decode(b"\n".join(lines).decode())))


def test_what_the_kernel_accounts_takes_the_place_of_what_the_points_tell():
    figures = {each.id: each.estimate for each in figures_of(accounted())}
    assert (figures["cpu_time"], figures["peak_memory"]) == (CPU, PEAK)
    assert figures["cpu"] == Estimate.exact(0.125 / 3, "wait4", "2 processes ended unseen")


def test_figures_come_back_with_bounds_source_and_flags():
    before = accounted()
    after = read_back(encode_result(before))
    assert figures_of(after) == figures_of(before)
    assert after.duration == before.duration


def test_the_entry_has_the_start_of_the_run_and_no_value_for_what_was_not_seen():
    fields = entry_fields(accounted())
    assert (fields["start"], fields["end"]) == (START, START + 3 * S)
    assert fields["duration"] == 3 * S
    assert "figure_peak_memory" not in fields


def test_an_entry_of_version_1_has_values_only():
    assert stored_figures({"figure_cpu_time": 2.0, "figure_cpu": "x"}) == {
        "cpu_time": Estimate.exact(2.0)
    }


def test_a_damaged_text_leaves_the_values():
    for text in ("{", "[]", '{"cpu_time": 5}', 7):
        fields = {"figures": text, "figure_cpu_time": 2.0}
        assert stored_figures(fields) == {"cpu_time": Estimate.exact(2.0)}


def test_figures_are_not_taken_for_points_that_came_later():
    lines = list(encode_result(accounted()))
    later = b"run process.cpu_rate_user=1.0 %d" % (START + 9 * S)
    figures = {each.id: each.value for each in figures_of(read_back([*lines, later]))}
    assert figures["cpu_time"] == 9.0


def test_the_rows_of_a_run_are_one_entry_in_whatever_order_they_come():
    def row(time_ns, run=None, **fields):
        tags = {"measurement": "run"} if run is None else {"measurement": "run", "run": run}
        return Record("multimeter_runs", tags, fields, time_ns)

    rows = [
        row(9, "b", state="finished", end=8),
        row(5, "b", state="running", points=3),
        row(2, "b", state="running", start=2),
        row(3, "a", state="running", start=3),
        row(1, state="finished", end=1),
        row(4, state="finished", end=4),
    ]
    merged = merged_entries(rows)
    assert [each.time_ns for each in merged] == [1, 2, 3, 4]
    assert merged[1].fields == {"state": "finished", "start": 2, "points": 3, "end": 8}
