"""Grafana's figures: Flux gives the numbers of the library.

``MULTIMETER_TEST_FLUX`` names the command of github.com/influxdata/flux (``cmd/flux``),
which executes Flux without a server. A real InfluxDB is asked the same in
``tests/integration/docker/test_figures.py``.
"""

from __future__ import annotations

import os

import pytest
from fakes.figure_cases import CASES, decoded
from fakes.flux import annotated_csv, execute, figure_queries, only_value

from multimeter.analysis.figures import FIGURES, figures_of

FLUX = os.environ.get("MULTIMETER_TEST_FLUX", "")
QUERIES = figure_queries()


def test_every_figure_is_asked():
    assert set(QUERIES) == {each.title for each in FIGURES}


@pytest.mark.skipif(not FLUX, reason="needs the command flux")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_grafana_has_the_figures_that_the_library_has(case, tmp_path):
    points = tmp_path / "points.csv"
    points.write_text(annotated_csv(case.lines))
    found = {}
    for title, query in QUERIES.items():
        text = query.replace("${measurementId:regex}", case.run)
        value = only_value(execute(FLUX, text, points, tmp_path))
        if value is not None:
            found[title] = value
    assert found == {
        each.title: pytest.approx(each.value, rel=1e-9)
        for each in figures_of(decoded(case.lines))
    }
