from __future__ import annotations

from multimeter import Measure, Metric, Subject


def test_the_key_of_a_measure_is_that_of_its_subject_a_dot_and_that_of_its_metric():
    measure = Measure(Subject("gpu"), Metric("temperature"))
    assert measure.key == "gpu.temperature"
    assert measure.subject == Subject("gpu")
    assert measure.metric == Metric("temperature")


def test_measures_are_values():
    one, two = (Measure(Subject("gpu"), Metric("temperature")) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert one != Measure(Subject("cpu"), Metric("temperature"))
