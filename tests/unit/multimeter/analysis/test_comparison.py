from __future__ import annotations

import pytest

from multimeter import ConfigurationError, Result
from multimeter.analysis.comparison import Row, compare_figures, compare_marks, zero_of
from multimeter.data.estimate import Estimate

S = 10**9


def run(name, start, seconds, marks=()):
    result = Result(identifier=name)
    for second in range(seconds + 1):
        result.append((start + second) * S, {"process.memory_rss_max": 100})
    for second, label in marks:
        result.add_mark(round((start + second) * S), label)
    return result


def estimates(*values):
    return tuple(() if each is None else (Estimate.exact(each),) for each in values)


def test_differences_are_to_the_first_run():
    row = Row("duration", "Duration", "s", estimates(2.0, 3.0, None, 1.0))
    assert row.differences == (0.0, 1.0, None, -1.0)
    assert row.percents == (0.0, 50.0, None, -50.0)


def test_of_zero_there_are_no_per_cent():
    assert Row("x", "x", "", estimates(0.0, 5.0)).percents == (None, None)


def test_figures_of_runs_stand_beside_each_other():
    both = [run("a", 5, 2), run("b", 90, 3)]
    rows = {row.id: row.values for row in compare_figures(both)}
    assert rows["duration"] == (2.0, 3.0)


def test_a_figure_that_one_run_lacks_is_none_there():
    rows = {row.id: row.values for row in compare_figures([run("a", 5, 2), Result()])}
    assert rows["duration"] == (2.0, None)


def test_marks_that_all_runs_have_are_compared_from_the_start():
    first = run("a", 10, 5, [(2, "epoch"), (3, "epoch"), (4, "only here")])
    second = run("b", 50, 5, [(1, "epoch")])
    (row,) = compare_marks([first, second])
    assert (row.title, row.values) == ("epoch", (2.0, 1.0))


def test_marks_are_compared_from_a_mark():
    first = run("a", 10, 5, [(2, "warm"), (4, "done")])
    second = run("b", 50, 5, [(1, "warm"), (2, "done")])
    rows = {row.id: row.values for row in compare_marks([first, second], "warm")}
    assert rows == {"warm": (0.0, 0.0), "done": (2.0, 1.0)}


def test_the_start_is_before_the_first_point_where_it_is_known():
    result = run("a", 10, 1)
    assert zero_of(result) == 10 * S
    result.add_meta_data(baseline={"time_ns": 9 * S, "values": {}})
    assert zero_of(result) == 9 * S


def test_a_mark_that_is_not_there_is_a_clear_error():
    with pytest.raises(ConfigurationError, match="has no mark 'wram'") as refused:
        zero_of(run("a", 10, 5, [(2, "warm")]), "wram")
    assert "warm" in refused.value.next_step


def test_of_several_runs_a_side_the_medians_are_compared():
    sides = [
        [run(f"a-{number}", 5, seconds) for number, seconds in enumerate(times)]
        for times in ((2, 3, 2, 2, 3), (8, 9, 8, 8, 9))
    ]
    rows = {row.id: row for row in compare_figures(sides)}
    duration = rows["duration"]
    assert duration.values == (2.0, 8.0)
    assert duration.differences == (0.0, 6.0)
    assert duration.changes[1].low > 4
    assert duration.changes[0].low <= 0 <= duration.changes[0].high
    assert duration.effects() == ("undecided", "differs")
    assert duration.effects(5.0) == ("same", "same")
    assert duration.effects(3.0) == ("same", "undecided")


def test_runs_of_which_only_one_has_a_figure_have_no_effect():
    rows = {row.id: row for row in compare_figures([run("a", 5, 2), Result()])}
    assert rows["duration"].effects() == ("same", None)
