from __future__ import annotations

import pytest

from multimeter.reports.charts import Chart, Curve
from multimeter.reports.html import html_chart


@pytest.mark.parametrize(
    ("measures", "colors"),
    [
        ([("first: level", "pump.a"), ("second: level", "pump.b")], [0, 1]),
        ([("A: level", "pump.a"), ("B: level", "pump.a")], [0, 0]),
    ],
)
def test_curves_share_a_colour_where_their_measures_are_the_same(measures, colors):
    curves = [Curve(label, 0, [0, 1], [1, 2], (key,)) for label, key in measures]
    drawn = html_chart(Chart("rig", "", tuple(curves)))
    assert [curve.color for curve in drawn.curves] == colors
