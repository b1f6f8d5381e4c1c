from __future__ import annotations

import io
import json
import math
from datetime import datetime, timezone
from decimal import Decimal

import numpy as np
import pytest

from multimeter import FileFormat, FormatError, JsonFormat, ResourceProbe, Result
from multimeter.data.timestamps import format_iso

NOON = datetime(2021, 11, 28, 12, 0, 0, 250_000, tzinfo=timezone.utc)


def saved(result):
    stream = io.BytesIO()
    JsonFormat().save_result_to_stream(result, stream)
    assert not stream.closed
    return json.loads(stream.getvalue())


def test_the_format_is_a_file_format_with_the_extension_json():
    assert isinstance(JsonFormat(), FileFormat)
    assert JsonFormat().extension == ".json"


def test_a_result_is_one_object_with_these_keys(make_probe):
    result = Result(make_probe("a"), identifier="run", tags={"stage": "test"})
    result.append(NOON, {"stub.a": 0.5})
    result.add_mark(NOON, "here")
    result.add_meta_data(host="x")
    moment = format_iso(result.start_ns)
    duration = {"value": 0.0, "low": 0.0, "high": 0.0, "source": "points", "flags": []}
    assert saved(result) == {
        "version": 2,
        "id": None,
        "start": moment,
        "end": moment,
        "figures": {"duration": duration},
        "identifier": "run",
        "tags": {"stage": "test"},
        "meta_data": {"host": "x"},
        "schema": {
            "metrics": [
                {
                    "key": "a",
                    "description": "",
                    "unit": "",
                    "value_type": "float",
                    "min_value": 0.0,
                    "max_value": None,
                }
            ],
            "subjects": [{"key": "stub", "description": ""}],
            "measures": [{"key": "stub.a", "subject": "stub", "metric": "a"}],
        },
        "points": [
            {"datetime": "2021-11-28T12:00:00.250000+00:00", "values": {"stub.a": 0.5}}
        ],
        "marks": [{"datetime": "2021-11-28T12:00:00.250000+00:00", "label": "here"}],
    }


def test_an_empty_result_is_saved_and_loaded():
    stream = io.BytesIO()
    JsonFormat().save_result_to_stream(Result(), stream)
    assert JsonFormat().load(io.BytesIO(stream.getvalue())) == Result()


def test_a_result_of_a_resource_probe_keeps_its_schema():
    result = Result(ResourceProbe(), identifier="run")
    stream = io.BytesIO()
    JsonFormat().save_result_to_stream(result, stream)
    assert JsonFormat().load(io.BytesIO(stream.getvalue())).schema == result.schema


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_become_null(value):
    result = Result()
    result.append(NOON, {"a": value, "b": 1})
    result.add_meta_data(best=value, all=[value, {"x": (value, 2)}])
    data = saved(result)
    assert data["points"][0]["values"] == {"a": None, "b": 1}
    assert data["meta_data"] == {"best": None, "all": [None, {"x": [None, 2]}]}


def test_what_json_has_no_type_for_becomes_text_or_a_number():
    result = Result()
    result.append(NOON, {"a": Decimal("1.5"), "b": np.float32(0.5)})
    result.add_meta_data(n=np.int64(3), shape=np.array([1, 2]))
    data = saved(result)
    assert data["points"][0]["values"] == {"a": 1.5, "b": 0.5}
    assert data["meta_data"] == {"n": 3, "shape": "[1 2]"}


def test_a_value_type_that_is_not_plain_comes_back_as_object():
    result = Result(ResourceProbe())
    stream = io.BytesIO()
    JsonFormat().save_result_to_stream(result, stream)
    text = stream.getvalue().replace(b'"value_type": "int"', b'"value_type": "Decimal"')
    loaded = JsonFormat().load(io.BytesIO(text))
    assert {m.value_type for m in loaded.schema.metrics} == {float, object}


GOOD = {
    "identifier": "run",
    "tags": {},
    "meta_data": {},
    "schema": {"metrics": [], "subjects": [], "measures": []},
    "points": [],
    "marks": [],
}
MEASURE = {"key": "a.b", "subject": "a", "metric": "b"}


def test_the_object_of_the_test_below_is_good_without_its_faults():
    assert JsonFormat().load(io.BytesIO(json.dumps(GOOD).encode())).identifier == "run"


@pytest.mark.parametrize(
    "fault",
    [
        {"points": [{"datetime": "now", "values": {}}]},
        {"points": [{"values": {}}]},
        {"points": [{"datetime": "2021-11-28T12:00:00Z", "values": [1]}]},
        {"points": 3},
        {"marks": [{"datetime": "2021-11-28T12:00:00Z"}]},
        {"tags": 3},
        {"meta_data": 3},
        {"schema": []},
        {"schema": {"metrics": [], "subjects": [], "measures": [MEASURE]}},
    ],
)
def test_an_object_of_another_form_is_refused(fault):
    with pytest.raises(FormatError):
        JsonFormat().load(io.BytesIO(json.dumps(GOOD | fault).encode()))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b"a v=1 1"]
)
def test_a_file_of_another_form_is_refused(data):
    with pytest.raises(FormatError):
        JsonFormat().load(io.BytesIO(data))


def test_a_long_result_is_written_in_pieces_and_loaded_whole():
    result = Result(identifier="run")
    for number in range(3_000):
        result.append(number, {"a.b": float(number), "text": "ä" * 20})
    stream = io.BytesIO()
    JsonFormat().save_result_to_stream(result, stream)
    loaded = JsonFormat().load(io.BytesIO(stream.getvalue()))
    assert list(loaded.values("a.b")) == list(result.values("a.b"))
    assert loaded.points == result.points


def test_points_are_read_in_the_order_of_time_each_time_once():
    result = Result(identifier="run")
    for time_ns in (9, 3, 5):
        result.append(time_ns, {"v": time_ns})
    data = saved(result)
    data["points"].append({**data["points"][0], "values": {"v": 1, "w": None}})
    loaded = JsonFormat().load(io.BytesIO(json.dumps(data).encode()))
    assert list(loaded.times_ns) == [3, 5, 9]
    assert list(loaded.values("v")) == [3, 5, 1]
