from __future__ import annotations

import json

import pytest

from multimeter.data.estimate import Estimate
from multimeter.processes.known_loads import LOADS, Load, truth_of
from multimeter.processes.selftest import LoadCheck

MIB = 2**20


def verdict(figure_id, truth, found, processes=1):
    return LoadCheck("a load", figure_id, truth, found, processes).verdict


@pytest.mark.parametrize(
    ("figure_id", "truth", "found", "expected"),
    [
        ("cpu_time", 1.0, Estimate.exact(1.019), "right"),
        ("cpu_time", 1.0, Estimate.exact(1.05), "WRONG"),
        ("cpu_time", 0.004, Estimate.exact(0.0), "right"),
        ("peak_memory", 100 * MIB, Estimate.exact(98.5 * MIB), "right"),
        ("peak_memory", 100 * MIB, Estimate.exact(90 * MIB), "WRONG"),
        ("peak_memory", 100 * MIB, Estimate.at_least(90 * MIB, None), "bounded"),
        ("peak_memory", 100 * MIB, Estimate.at_least(90 * MIB, 95 * MIB), "WRONG"),
        ("peak_memory", 100 * MIB, Estimate.at_least(None, 110 * MIB), "bounded"),
        ("peak_memory", 100 * MIB, Estimate.at_least(120 * MIB, None), "WRONG"),
        ("page_faults", 1000, Estimate.exact(1019), "right"),
        ("page_faults", 1000, Estimate.exact(2000), "WRONG"),
        ("page_faults", None, Estimate.exact(2000), "not known"),
        ("page_faults", 1000, None, "not known"),
    ],
)
def test_a_number_is_right_or_says_how_far_it_is(figure_id, truth, found, expected):
    assert verdict(figure_id, truth, found) == expected


def test_what_processes_cannot_report_of_their_own_end_is_allowed_for():
    assert verdict("cpu_time", 0.6, Estimate.exact(0.63), processes=30) == "right"
    assert verdict("cpu_time", 0.6, Estimate.exact(0.63), processes=1) == "WRONG"


def report(tmp_path, *lines):
    file = tmp_path / "truth"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    return file


def test_the_truth_is_what_all_processes_used_together(tmp_path):
    file = report(
        tmp_path,
        {"cpu_time": 0.5, "peak_memory": 10, "written": 4},
        {"cpu_time": 0.25, "peak_memory": 30, "written": 9},
    )
    figures = ("cpu_time", "peak_memory", "written")
    one_by_one, together = (Load("x", "", figures, each) for each in (False, True))
    truth = truth_of(one_by_one, file)
    assert truth.values == {"cpu_time": 0.75, "peak_memory": 30, "written": 9}
    assert truth.processes == 2
    assert truth_of(together, file).values["peak_memory"] == 40


def test_what_a_system_does_not_know_is_missing(tmp_path):
    file = report(tmp_path, {"written": None})
    assert truth_of(Load("x", "", ("written",)), file).values == {}


def test_loads_have_names_of_their_own_and_programs_that_can_be_read():
    assert len({each.name for each in LOADS}) == len(LOADS)
    for each in LOADS:
        compile(each.program, each.name, "exec")
