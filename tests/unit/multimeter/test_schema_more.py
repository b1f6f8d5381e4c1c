"""What schemas say beyond those of multimeter 0.1: scopes, bounds and peaks."""

from __future__ import annotations

import json

import pytest

from multimeter import ConfigurationError, Measure, Metric, ResourceProbe, Schema, Subject
from multimeter.lines.schema_json import schema_from_json, schema_to_json

TREE = Subject("tree", "All of them.", "tree")
RSS = Metric("rss", "Now.", "bytes", int, upper_bound=True)
PEAK = Metric("peak", "So far.", "bytes", int, peak_of="rss")


def test_scopes_bounds_and_peaks_come_back_from_json():
    schema = Schema.of_measures([Measure(TREE, RSS), Measure(TREE, PEAK)])
    again = schema_from_json(json.loads(json.dumps(schema_to_json(schema))))
    assert again == schema
    assert [each.scope for each in again.measures] == ["tree", "tree"]
    assert [each.upper_bound for each in again.measures] == [True, False]


def test_what_multimeter_0_1_wrote_has_none_of_them():
    data = schema_to_json(Schema.of_measures([Measure(TREE, RSS)]))
    del data["metrics"][0]["upper_bound"]
    del data["subjects"][0]["scope"]
    (measure,) = schema_from_json(data).measures
    assert (measure.scope, measure.upper_bound, measure.metric.peak_of) == ("", False, "")


def test_plain_metrics_and_subjects_look_as_in_0_1():
    data = schema_to_json(Schema.of_measures([Measure(Subject("s"), Metric("m"))]))
    assert set(data["subjects"][0]) == {"key", "description"}
    assert "upper_bound" not in data["metrics"][0]


def test_the_measures_of_getrusage_say_how_far_they_reach():
    scopes = {each.key: each.scope for each in ResourceProbe().subjects}
    assert scopes == {"process": "process", "children": "tree"}


def test_two_probes_of_one_process_are_told_apart_by_a_clear_error():
    with pytest.raises(ConfigurationError, match="More than one probe") as caught:
        Schema.of_probes([ResourceProbe(), ResourceProbe()])
    assert "ProcessProbe" in str(caught.value)
