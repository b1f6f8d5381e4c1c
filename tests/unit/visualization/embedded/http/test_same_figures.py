"""The library and the page give the same figures: Python and SQL render one definition.

Grafana, which computes them in Flux, is asked the same in
``tests/integration/docker/test_figures.py``.
"""

from __future__ import annotations

import math

import pytest
from fakes.figure_cases import CASES, KEYS, MEASURES, decoded, lines_of, sampled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimeter.analysis.figures import FIGURES, figures_of
from multimeter.analysis.statistics import ColumnStatistics
from multimeter.analysis.units import grafana_name
from multimeter.data.baseline import Baseline

S = 10**9
ESTIMATE = ("value", "low", "high", "source", "flags")


def page_of(served, run):
    answer = served.reader().get("/api/run", params={"run": run})
    assert answer.status_code == 200, answer.text
    return {
        each["id"]: (*(each[key] for key in ESTIMATE), each["unit"])
        for each in answer.json()["figures"]
    }


def listed(served, run):
    answer = served.reader().get("/api/runs").json()
    (found,) = (each for each in answer if each["identifier"] == run)
    return {
        key: tuple(each[name] for name in ESTIMATE)
        for key, each in found["figures"].items()
    }


def expected(lines):
    figures = figures_of(decoded(lines))
    return {
        each.id: (*map(near, each.estimate.to_json().values()), grafana_name(each.unit))
        for each in figures
    }


def near(value):
    return pytest.approx(value, rel=1e-9) if isinstance(value, float) else value


def test_a_value_stands_for_the_time_since_the_one_before(served):
    # 1000 faults a second and one busy core for 0.1 s, then nothing for 9.9 s.
    served.write(
        "\n".join(
            f"m process.memory_page_faults_without_io={faults},process.cpu_rate_user={cpu} "
            f"{round(second * S)}"
            for second, faults, cpu in ((0, 0, 0), (0.1, 1000, 1), (10, 0, 0))
        )
    )
    page = page_of(served, "m")
    assert page["page_faults"] == (100, 100, 100, "points", [], "short")
    assert page["cpu_time"][0] == 0.1
    assert page["cpu"][0] == pytest.approx(0.01)
    statistics = served.reader().get("/api/statistics", params={"run": "m"}).json()
    by_key = {each["key"]: each for each in statistics}
    assert by_key["process.cpu_rate_user"]["total"] == pytest.approx(0.1)
    assert by_key["process.cpu_rate_user"]["mean"] == pytest.approx(0.01)
    faults = by_key["process.memory_page_faults_without_io"]
    assert (faults["total"], faults["mean"]) == (pytest.approx(100), pytest.approx(10))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_page_has_the_figures_that_the_library_has(served, case):
    served.clock.now_ns = case.now_ns
    served.write("\n".join(case.lines))
    figures = expected(case.lines)
    assert page_of(served, case.run) == figures
    assert len(figures) > 3
    in_list = ("duration", "peak_memory", "cpu", "cpu_time")
    assert listed(served, case.run) == {
        key: tuple(value) for key, (*value, _) in figures.items() if key in in_list
    }


STEPS = st.lists(
    st.tuples(
        st.integers(1, 20 * S),
        st.lists(
            st.none() | st.floats(0, 1e6), min_size=len(MEASURES), max_size=len(MEASURES)
        ),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, start=st.none() | st.integers(0, 5 * S))
def test_of_uneven_samples_with_gaps_they_are_the_same(shared, steps, start):
    run = f"run-{len(shared.store.measurements())}"
    result = sampled(run, steps, start)
    if not len(result.times_ns):
        return
    lines = lines_of(result, stored=False)
    shared.write("\n".join(lines))
    assert page_of(shared, run) == expected(lines)
    answer = shared.reader().get("/api/statistics", params={"run": run}).json()
    columns = ColumnStatistics(result, Baseline.of(result.meta_data).time_ns)
    for each in answer:
        found = columns.statistic(each["key"])
        assert found is not None
        scale = each["scale"]
        assert each["max"] == pytest.approx(found.max * scale)
        assert each["min"] == pytest.approx(found.min * scale)
        assert each["mean"] == pytest.approx(found.mean * scale, rel=1e-6, abs=1e-9)
        if each["total_unit"] and found.total is not None:
            assert each["total"] == pytest.approx(found.total * scale, rel=1e-6, abs=1e-9)
        else:
            assert each["total"] is None
    assert {each["key"] for each in answer} == {
        key for key in KEYS if columns.statistic(key) is not None
    }


def test_every_figure_is_in_a_case():
    ids = {each.id for case in CASES for each in figures_of(decoded(case.lines))}
    assert ids == {each.id for each in FIGURES}
    assert all(
        math.isfinite(each.value)
        for case in CASES
        for each in figures_of(decoded(case.lines))
    )
