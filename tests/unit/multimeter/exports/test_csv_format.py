from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import Result
from multimeter.exports.csv_format import CsvFormat, plain_cell

# The wide and the small forms stand behind the plain ones.
BEGINNINGS = [*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20", *"\ufe66\ufe62\ufe63\ufe6b"]
BEFORE = [
    "",
    " ",
    "   ",
    "\u00a0",
    "\u3000",
    "\ufeff",
    "\u200b",
    "\x00",
    "\u2028",
    " \ufeff ",
]
FORMULAS = st.builds(
    "".join, st.tuples(st.sampled_from(BEFORE), st.sampled_from(BEGINNINGS), st.text())
)


@given(FORMULAS)
def test_a_text_that_looks_like_a_formula_begins_with_a_quote(text):
    assert plain_cell(text) == "'" + text


@pytest.mark.parametrize(
    "value",
    [
        -1,
        1,
        -0.5,
        1e300,
        float("-inf"),
        True,
        None,
        "",
        " ",
        "a=1",
        "'=1",
        "5",
        "é",
        "(-1)",
    ],
)
def test_numbers_and_other_texts_stay_as_they_are(value):
    assert plain_cell(value) is value


@given(st.text())
def test_no_cell_begins_as_a_formula_does_once_spaces_are_gone(text):
    cell = str(plain_cell(text))
    assert cell in (text, "'" + text)
    folded = unicodedata.normalize("NFKC", cell.lstrip("\ufeff\u200b \t\r\n\x00\u3000"))
    assert not folded.startswith(("=", "+", "-", "@"))


@given(FORMULAS.filter(lambda text: "\x00" not in text))
def test_titles_and_values_of_an_exported_run_are_no_formulas(text):
    result = Result(identifier="run")
    result.append(1_000_000_000, {text: text, "number": -1.5})
    stream = io.BytesIO()
    CsvFormat().save_result_to_stream(result, stream)
    written = stream.getvalue().decode("utf-8", "surrogatepass")
    head, row = csv.reader(io.StringIO(written, newline=""))
    assert head == ["time", "'" + text, "number"]
    assert row[1:] == ["'" + text, "-1.5"]


def test_the_start_is_a_line_without_values():
    result = Result(identifier="run")
    result.append(3_000_000_000, {"a": 1.0})
    result.add_meta_data(baseline={"time_ns": 1_000_000_000, "values": {}})
    stream = io.BytesIO()
    CsvFormat().save_result_to_stream(result, stream)
    assert stream.getvalue().decode().splitlines() == [
        "time,a",
        "1970-01-01T00:00:01.000000+00:00,",
        "1970-01-01T00:00:03.000000+00:00,1.0",
    ]
