from __future__ import annotations

import pytest

from multimeter import FormatError, Result
from multimeter.line_protocol import decode
from multimeter.result_from_lines import decode_result
from multimeter.result_lines import encode_batches, encode_result


def result_of(points):
    result = Result(identifier="run")
    for number in range(points):
        result.append(number, {"a.b": float(number)})
    result.add_mark(3, "x")
    return result


@pytest.mark.parametrize("size", [1, 5, 7, 100])
def test_batches_are_the_lines_in_pieces(size):
    result = result_of(12)
    batches = list(encode_batches(result, size))
    assert "".join(batches).splitlines() == list(encode_result(result))
    assert all(batch.endswith("\n") for batch in batches)
    assert {batch.count("\n") for batch in batches[:-1]} <= {size}


def test_points_come_first_then_marks_and_the_run():
    names = [
        record.measurement for record in decode("\n".join(encode_result(result_of(2))))
    ]
    assert names == ["run", "run", "multimeter_marks", "multimeter_runs"]


def test_a_result_comes_back_from_its_lines():
    result = result_of(3)
    assert decode_result(decode("\n".join(encode_result(result)))) == result


def test_a_result_without_an_identifier_is_refused():
    with pytest.raises(FormatError, match="no identifier"):
        encode_result(Result())
