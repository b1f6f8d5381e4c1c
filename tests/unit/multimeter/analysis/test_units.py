from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

import multimeter
from multimeter.analysis.gate import parse_limit
from multimeter.analysis.units import (
    METRIC_UNITS,
    UNITS,
    base_factor,
    format_value,
    limit_factors,
    shown_unit,
    total_unit,
    unit_named,
)

FORMAT_JS = (
    pathlib.Path(multimeter.__file__).parent / "visualization/embedded/page/base/format.js"
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 s"),
        (1.85e-6, "s", "1.85 µs"),
        (-90, "s", "-1 min 30 s"),
        (0.00185, "s", "1.85 ms"),
        (0.02, "s", "20 ms"),
        (1.5, "s", "1.50 s"),
        (59.94, "s", "59.9 s"),
        (59.96, "s", "1 min"),
        (61.4, "s", "1 min 1 s"),
        (3_725, "s", "1 h 2 min"),
        (3_600, "s", "1 h"),
        (86_401, "s", "1 d"),
        (-180_000, "s", "-2 d 2 h"),
        (0, "bytes", "0 B"),
        (1023, "bytes", "1,023 B"),
        (1024, "bytes", "1 KiB"),
        (10 * 1024**2, "bytes", "10 MiB"),
        (211.4 * 1024**2, "bytes", "211 MiB"),
        (2.5 * 1024**4, "bytes", "2.50 TiB"),
        (0.123, "share", "12.3 %"),
        (0.75, "cores", "75 %"),
        (2.3, "cores", "230 %"),
        (50, "%", "50 %"),
        (10, "kB", "10 KiB"),
        (1.5e6, "Bps", "1.50 MB/s"),
        (12_000, "1/s", "12k/s"),
        (21.5, "°C", "21.5 °C"),
        (1500, "J", "1.50 kJ"),
        (1_234_567, "", "1,234,567"),
        (2.5, "", "2.50"),
    ],
)
def test_three_digits_count(value, unit, text):
    assert format_value(value, unit) == text


@given(st.floats(min_value=0, max_value=1e15))
def test_a_text_of_bytes_tells_the_bytes_again(value):
    text = format_value(value, "bytes").replace(",", "")
    limit = parse_limit(text.replace("PiB", "TiB"), "bytes").value
    limit *= 1024 if "PiB" in text else 1
    assert limit == pytest.approx(value, rel=0.01, abs=0.01)


def test_a_base_unit_has_the_factor_1_and_every_unit_one_of_its_dimension():
    for each in UNITS:
        base, factor = shown_unit(each.name)
        assert factor == base_factor(each.name)
        assert unit_named(base).factor == 1.0
        assert unit_named(base).dimension in (each.dimension, "cpu", "share")


def test_the_kernels_kilobytes_have_1024_bytes_and_those_of_a_limit_1000():
    assert base_factor("kB") == 1024
    assert limit_factors("bytes")["kB"] == parse_limit("1kB", "bytes").value == 1000


def test_a_limit_of_cpu_may_be_typed_as_it_is_shown():
    assert parse_limit("150%", "cores").value == 1.5


@pytest.mark.parametrize(
    ("unit", "total"),
    [("cores", "s"), ("B/s", "bytes"), ("1/s", ""), ("W", "J"), ("bytes", None)],
)
def test_a_rate_adds_up_to_another_unit(unit, total):
    assert total_unit(unit) == total


def test_a_unit_that_is_not_known_stands_as_it_is():
    assert (unit_named("N").grafana, shown_unit("m")) == ("N", ("m", 1.0))
    assert total_unit("N") is None


def test_metrics_that_no_schema_describes_have_their_units():
    assert METRIC_UNITS["memory_rss_max"] == "kB"
    assert METRIC_UNITS["gpu_use"] == "%"


VALUES = (0, 1.23, 45.6, 789, 1_500, 0.0123, 123_000, 45_600_000)
NODE = """
import { formatted } from "FORMAT";
const cases = CASES;
console.log(JSON.stringify(cases.map(([value, unit]) => formatted(value, unit))));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_page_writes_quantities_as_the_terminal_does():
    names = dict.fromkeys(shown_unit(each.name)[0] for each in UNITS)
    # Of plain numbers, the page writes what fits into its panels.
    shown = [name for name in names if unit_named(name).dimension != "number"]
    cases = [(value, name) for name in shown for value in VALUES]
    cases += [
        (seconds, "s") for seconds in (59.96, 60, 61.4, 3_599.7, 3_600, 90_061, 864_000)
    ]
    source = NODE.replace("FORMAT", FORMAT_JS.as_uri()).replace("CASES", json.dumps(cases))
    done = subprocess.run(
        ["node", "--input-type=module", "-e", source],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    written = [_without_zeros(format_value(*case)) for case in cases]
    assert json.loads(done.stdout) == written


def _without_zeros(text: str) -> str:
    return re.sub(r"(\.\d*?)0+(?!\d)", r"\1", text).replace(". ", " ")
