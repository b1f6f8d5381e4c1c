from __future__ import annotations

import json

import pytest

from multimeter import FormatError, ResourceProbe, Result
from multimeter.analysis.figures import figures_of
from multimeter.lines.protocol import decode
from multimeter.lines.result_decoder import decode_result
from multimeter.lines.result_encoder import encode_batches, encode_result, run_record


def result_of(points):
    result = Result(identifier="run")
    for number in range(points):
        result.append(number, {"a.b": float(number)})
    result.add_mark(3, "x")
    return result


@pytest.mark.parametrize("points", [0, 1, 255, 256, 257, 600])
def test_batches_are_the_lines_in_pieces(points):
    result = result_of(points)
    result.append(points, {})  # without a value: no line
    batches = list(encode_batches(result))
    lines = list(encode_result(result))
    assert b"".join(batches) == b"".join(line + b"\n" for line in lines)
    assert len(lines) == points + 2


def test_points_come_first_then_marks_and_the_run():
    names = [
        record.measurement
        for record in decode(b"\n".join(encode_result(result_of(2))).decode())
    ]
    assert names == ["run", "run", "multimeter_marks", "multimeter_runs"]


def test_a_result_comes_back_from_its_lines():
    result = result_of(3)
    assert decode_result(decode(b"\n".join(encode_result(result)).decode())) == result


def test_the_entry_of_a_run_holds_its_figures():
    result = Result(ResourceProbe(), identifier="run")
    for second in range(3):
        rates = dict.fromkeys(("process.cpu_rate_user", "process.cpu_rate_system"), 0.25)
        result.append(second * 10**9, {**rates, "process.memory_rss_max": 100 + second})
    fields = run_record(result).fields
    figures = {each.key: each.value for each in figures_of(result)}
    assert {f"figure_{key}": value for key, value in figures.items()} == {
        key: value for key, value in fields.items() if key.startswith("figure_")
    }
    assert (figures["cpu"], figures["peak_memory"]) == (0.5, 102 * 1024)


def test_a_result_without_an_identifier_is_refused():
    with pytest.raises(FormatError, match="no identifier"):
        encode_result(Result())


def lines_of(name, times, *, start, counted):
    meta_data = json.dumps(json.dumps({"baseline": {"time_ns": start, "values": {}}}))
    entry = f"meta_data={meta_data},points={counted}i"
    return [
        *(f"{name} v=1 {time}" for time in times),
        f"multimeter_runs,measurement={name} {entry} {start}",
    ]


@pytest.mark.parametrize(
    ("times", "counted", "surplus"),
    [
        ([11, 12, 13], 3, 0),
        ([11, 12, 13, 14, 15], 3, 2),
        ([1, 2, 11, 12, 13], 3, 0),
        ([11, 12], 3, 0),
    ],
)
def test_points_that_a_program_has_not_counted_are_those_of_another_run(
    times, counted, surplus
):
    lines = "\n".join(lines_of("train", times, start=10, counted=counted))
    assert decode_result(decode(lines)).surplus == surplus
