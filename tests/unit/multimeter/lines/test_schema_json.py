from __future__ import annotations

import json

import pytest

from multimeter import Measure, Metric, ResourceProbe, Result, Schema, Subject
from multimeter.lines.schema_json import schema_from_json, schema_to_json


def test_a_schema_comes_back_from_json():
    schema = Schema.of_probes([ResourceProbe()])
    assert schema_from_json(json.loads(json.dumps(schema_to_json(schema)))) == schema


@pytest.mark.parametrize("value_type", [float, int, str, bool])
def test_plain_value_types_come_back(value_type):
    metric = Metric("m", "d", "u", value_type, None, 3)
    schema = Schema((metric,), (Subject("s"),), (Measure(Subject("s"), metric),))
    assert schema_from_json(schema_to_json(schema)) == schema


def test_a_value_type_that_is_not_plain_comes_back_as_object():
    data = schema_to_json(Schema((Metric("m", value_type=complex),)))
    assert data["metrics"][0]["value_type"] == "complex"
    assert schema_from_json(data).metrics[0].value_type is object


def test_a_measure_of_an_unknown_metric_is_a_key_error():
    data = schema_to_json(Schema())
    data["measures"] = [{"key": "s.m", "subject": "s", "metric": "m"}]
    with pytest.raises(KeyError):
        schema_from_json(data)


@pytest.mark.parametrize("kind", [float | None, "float", list[int], None, object()])
def test_what_is_no_type_has_its_text_for_a_name(kind):
    measure = Measure(Subject("s"), Metric("m", value_type=kind))
    (metric,) = schema_to_json(Schema.of_measures([measure]))["metrics"]
    assert isinstance(metric["value_type"], str)
    assert Result.of_schema(Schema.of_measures([measure])).columns
