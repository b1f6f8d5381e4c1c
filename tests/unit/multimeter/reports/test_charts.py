from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from multimeter.reports.charts import Chart, Curve, thinned
from multimeter.reports.terminal import draw
from multimeter.reports.texts import printable

VALUES = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=300)


@given(values=VALUES, buckets=st.integers(1, 50))
def test_thinning_loses_no_peak_and_no_order(values, buckets):
    curve = Curve("x", 0, list(range(len(values))), values)
    thin = thinned(curve, buckets)
    assert len(thin.values) <= 2 * buckets
    assert (min(thin.values), max(thin.values)) == (min(values), max(values))
    assert list(thin.seconds) == sorted(thin.seconds)
    assert all(values[second] == value for second, value in zip(thin.seconds, thin.values))


@given(
    runs=st.lists(VALUES, min_size=1, max_size=4),
    width=st.integers(0, 200),
    marks=st.lists(st.floats(-10, 400), max_size=3),
    unit=st.sampled_from(["percentunit", "bytes", "Bps", "s", "short", "N"]),
)
@example(runs=[[5e-324]], width=80, marks=[], unit="N")
def test_any_curves_are_drawn(runs, width, marks, unit):
    curves = tuple(
        Curve(f"r{number}", number, [second / 7 for second in range(len(values))], values)
        for number, values in enumerate(runs)
    )
    text = draw(Chart("Title", unit, curves), width, colors=False, marks=marks)
    assert text.startswith("Title")
    assert "\x1b" not in text


@given(text=st.text())
def test_what_is_printed_is_one_line_that_stays_in_its_place(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set(map(chr, [*range(32), 0x7F, 0x9B, 0x202E, 0x2066]))
    shown.encode()


def test_an_unthinkable_name_can_be_printed():
    assert printable("a\udc80\x1b\n") == "a\ufffd\u241b\u240a"
