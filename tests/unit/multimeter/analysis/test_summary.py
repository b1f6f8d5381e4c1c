from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from multimeter import Measure, Metric, Result, Schema, Subject
from multimeter.analysis.figures import PEAK_AT_MOST
from multimeter.analysis.summary import sparkline, summary_lines, summary_of

SECOND = 10**9
MIB = 1024**2
TREE = Subject("tree")
METRICS = (
    Metric("cpu_time", unit="s"),
    Metric("cpu_rate_user"),
    Metric("cpu_rate_system"),
    Metric("memory_rss", unit="bytes"),
    Metric("memory_rss_peak", unit="bytes", peak_of="memory_rss"),
    Metric("io_disk_read", unit="B/s"),
    Metric("io_disk_write", unit="B/s"),
    Metric("processes"),
)


def result_of(*points, peak=0):
    """Return a result with a point each second, of CPU rates and MiB."""
    measures = [Measure(TREE, metric) for metric in METRICS]
    result = Result.of_schema(
        Schema.of_measures(measures), identifier="run", tags={"a": "b"}
    )
    cpu_time = 0.0
    for second, (cpu, memory) in enumerate(points, 1):
        cpu_time += cpu
        values = (cpu_time, cpu, 0.0, memory * MIB, peak * MIB, 0.0, MIB, 1)
        keys = (measure.key for measure in measures)
        result.append(second * SECOND, dict(zip(keys, values)))
    result.add_meta_data(baseline={"time_ns": 0, "values": {}})
    return result


def test_lines_say_what_was_used_and_leave_out_what_was_not():
    assert summary_lines(result_of((0.5, 10), (1.0, 20))) == [
        "Duration     2 s",
        "CPU time     1.50 s, 75 % of one core",
        "Peak memory  20 MiB",
        "Written      2 MiB",
    ]


def test_curves_stand_beside_the_figures():
    lines = summary_lines(result_of((0.5, 10), (1.0, 20), (0.0, 5)), curves=True)
    assert lines[0] == "Duration     3 s"
    assert lines[1].split("  ")[-1][0] == "▅"
    assert len(lines[1].split("  ")[-1]) == 32


def test_two_points_make_no_curve():
    assert "█" not in "".join(summary_lines(result_of((1, 1), (1, 1)), curves=True))


def test_a_peak_between_two_samples_is_said():
    line = summary_lines(result_of((0.5, 10), peak=200))[2]
    assert line == "Peak memory  200 MiB  (reached between two samples)"


def test_a_run_that_was_too_short_to_see_its_peak_says_between_what_it_was():
    result = result_of((0.5, 10))
    result.add_meta_data(**{PEAK_AT_MOST: str(30 * MIB)})
    assert summary_lines(result)[2] == "Peak memory  10 MiB  (at least; at most 30 MiB)"


def test_a_run_without_points_has_no_lines():
    assert summary_lines(result_of(), curves=True) == []


def test_programs_get_figures_with_their_units():
    result = result_of((0.5, 10), (1.0, 20))
    result.add_meta_data(late_samples="2")
    summary = json.loads(json.dumps(summary_of(result), allow_nan=False))
    assert summary["identifier"] == "run"
    assert summary["tags"] == {"a": "b"}
    assert summary["start"] == "1970-01-01T00:00:00+00:00"
    assert summary["end"] == "1970-01-01T00:00:02+00:00"
    assert summary["points"] == 2
    assert summary["late_samples"] == 2
    assert summary["duration"] == 2.0
    assert summary["figures"]["peak_memory"] == {
        "value": 20 * MIB,
        "low": 20 * MIB,
        "high": 20 * MIB,
        "unit": "bytes",
        "source": "points",
        "flags": [],
    }


def test_the_layout_for_programs_moves_with_its_version_only():
    assert summary_of(result_of())["version"] == 2
    assert list(summary_of(result_of())) == [
        *("version", "identifier", "tags", "start", "end", "duration", "points"),
        *("late_samples", "missed_samples", "clock_steps", "figures"),
    ]


def test_a_curve_is_a_row_of_bars_from_zero_to_its_most():
    points = [(1, 0.0), (2, 1.0), (3, 4.0), (4, 2.0)]
    assert sparkline(points, 0, 4, width=4) == "▁▃█▅"


def test_a_bar_without_a_value_has_that_of_the_rate_that_covers_it():
    assert sparkline([(2, 4.0), (4, 1.0)], 0, 4, width=4) == "██▃▃"


def test_the_largest_value_of_a_time_counts():
    points = [(number, 9.0 if number == 5 else 1.0) for number in range(1, 101)]
    assert sparkline(points, 0, 100, width=10)[0] == "█"


def test_a_curve_of_zeros_is_flat_and_one_of_nothing_is_empty():
    assert sparkline([(1, 0.0)], 0, 1, width=3) == "▁▁▁"
    assert sparkline([], 0, 1) == ""
    assert sparkline([(1, math.nan), (1, math.inf)], 0, 1) == ""


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1e9))),
    st.integers(1, 50),
)
def test_a_curve_has_its_width_whatever_it_holds(points, width):
    assert len(sparkline(points, 0, 10, width)) in (0, width)
