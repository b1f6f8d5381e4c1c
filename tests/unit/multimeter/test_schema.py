from __future__ import annotations

import pytest

from multimeter import ConfigurationError, ResourceProbe, Schema


def test_an_empty_schema_has_no_measures():
    assert Schema() == Schema.of_probes([])
    assert Schema().measures == ()


def test_a_schema_names_each_metric_and_subject_once():
    schema = Schema.of_probes([ResourceProbe()])
    assert (len(schema.metrics), len(schema.subjects), len(schema.measures)) == (13, 2, 26)


def test_a_schema_joins_the_measures_of_all_probes_in_their_order(make_probe):
    schema = Schema.of_probes([make_probe("b"), make_probe("a")])
    assert [each.key for each in schema.measures] == ["stub.b", "stub.a"]
    assert [each.key for each in schema.subjects] == ["stub"]


def test_two_probes_that_give_the_same_measure_are_refused(make_probe):
    with pytest.raises(ConfigurationError, match=r"'stub\.a'") as caught:
        Schema.of_probes([make_probe("a"), make_probe("a", "b")])
    assert "Add each probe once" in str(caught.value)
