"""Grafana's figures, asked of a real InfluxDB: Flux gives the numbers of the library.

The cases are those of ``tests/unit/visualization/embedded/http/test_same_figures.py``. The
stand-in knows too little Flux: this needs a real image.
"""

from __future__ import annotations

import json
import os

import pytest
from fakes.figure_cases import CASES, decoded
from fakes.flux import figure_queries, only_value

from multimeter.analysis.figures import figures_of

pytestmark = pytest.mark.skipif(
    not os.environ.get("MULTIMETER_TEST_INFLUXDB_IMAGE"),
    reason="needs a real image of InfluxDB",
)

QUERIES = figure_queries()


def ask(stack, query, run):
    """Return the one number that a query answers; None without one."""
    bucket = json.dumps(stack.config["bucket"])
    text = query.replace("${measurementId:regex}", run).replace("v.defaultBucket", bucket)
    answer = stack.influxdb(
        "POST",
        "/api/v2/query",
        stack.config["read_token"],
        json={"query": text, "dialect": {"annotations": []}},
    )
    assert answer.status_code == 200, answer.text
    return only_value(answer.text)


@pytest.fixture(scope="module")
def filled(shared_stack):
    for case in CASES:
        write = {"params": {"bucket": shared_stack.config["bucket"]}}
        lines = "\n".join(case.lines).encode()
        answer = shared_stack.influxdb("POST", "/api/v2/write", data=lines, **write)
        assert answer.status_code == 204, answer.text
    return shared_stack


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_grafana_has_the_figures_that_the_library_has(filled, case):
    found = {title: ask(filled, query, case.run) for title, query in QUERIES.items()}
    assert {title: value for title, value in found.items() if value is not None} == {
        each.title: pytest.approx(each.value, rel=1e-9)
        for each in figures_of(decoded(case.lines))
    }
