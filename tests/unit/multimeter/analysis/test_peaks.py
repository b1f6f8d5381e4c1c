from __future__ import annotations

import io

import pytest

from multimeter import JsonFormat, LineFormat, Measure, Metric, Result, Schema, Subject
from multimeter.analysis.peaks import peaks_of
from multimeter.metric import METRIC_MEMORY_MAX

PROCESS = Subject("process", scope="process")
CURVE = Measure(PROCESS, Metric("memory_rss", unit="MiB"))
MARK = Measure(PROCESS, Metric("memory_rss_peak", unit="MiB", peak_of="memory_rss"))
IN_KB = Measure(PROCESS, METRIC_MEMORY_MAX)


def result_of(*rows, measures=(CURVE, MARK), before=None):
    """Return a result with a point each second; before is the mark at the start."""
    result = Result.of_schema(Schema.of_measures(measures))
    if before is not None:
        values = {measures[-1].key: before}
        result.add_meta_data(baseline={"time_ns": 0, "values": values})
    for second, row in enumerate(rows, 1):
        values = {m.key: v for m, v in zip(measures, row) if v is not None}
        result.append(second * 10**9, values)
    return result


def only_peak(*rows, **more):
    (peak,) = result_of(*rows, **more).peaks
    return peak


def test_a_peak_between_two_samples_is_known_and_said():
    peak = only_peak((100, 100), (110, 900), (105, 900), before=90)
    assert peak.measure == MARK
    assert (peak.mark, peak.sampled, peak.value) == (900, 110, 900)
    assert peak.between_samples
    assert peak.in_run
    assert peak.rose == (1 * 10**9, 2 * 10**9)


def test_a_peak_before_the_first_sample_rose_after_the_start():
    peak = only_peak((100, 900), (100, 900), before=90)
    assert peak.between_samples
    assert peak.rose == (0, 1 * 10**9)


def test_a_peak_that_a_sample_has_seen_is_not_between_two():
    peak = only_peak((100, 100), (900, 900), (100, 900), before=90)
    assert not peak.between_samples
    assert (peak.value, peak.sampled) == (900, 900)


def test_counting_in_batches_is_no_peak_between_two_samples():
    assert not only_peak((1000, 1019), before=90).between_samples
    assert only_peak((1000, 1021), before=90).between_samples
    assert not only_peak((10, 11.9), before=9).between_samples
    assert only_peak((10, 12.1), before=9).between_samples
    peak = only_peak((1000, 995), before=90)
    assert peak.value == 1000


def test_a_peak_from_before_the_run_is_not_its_own():
    peak = only_peak((100, 900), (120, 900), before=900)
    assert peak.in_run is False
    assert not peak.between_samples
    assert peak.rose is None
    assert (peak.mark, peak.value) == (900, 120)


def test_without_a_baseline_nobody_can_tell_whose_peak_it_was():
    peak = only_peak((100, 900), (100, 900))
    assert peak.in_run is None
    assert peak.rose is None
    assert peak.value == 900
    assert only_peak((100, 200), (100, 900)).rose == (1 * 10**9, 2 * 10**9)


def test_a_mark_without_a_curve_stands_alone():
    peak = only_peak((900,), measures=(IN_KB,), before=90)
    assert (peak.mark, peak.sampled, peak.value) == (900, None, 900)
    assert not peak.between_samples
    assert only_peak((900,), measures=(IN_KB,), before=900).value == 900


def test_a_curve_in_another_unit_is_converted():
    peak = only_peak((10, 13 * 1024), measures=(CURVE, IN_KB), before=9)
    assert (peak.mark, peak.sampled) == (13 * 1024, 10 * 1024)
    assert peak.between_samples


def test_a_peak_of_something_else_than_memory_is_judged_by_its_share():
    level = Measure(PROCESS, Metric("tasks"))
    mark = Measure(PROCESS, Metric("tasks_peak", peak_of="tasks"))
    assert only_peak((10, 11), measures=(level, mark), before=1).between_samples
    assert not only_peak((100, 101), measures=(level, mark), before=1).between_samples


def test_samples_without_values_are_passed_over():
    peak = only_peak((None, None), (100, None), (100, 900), (None, None), before=90)
    assert (peak.mark, peak.sampled) == (900, 100)
    assert peak.rose == (0, 3 * 10**9)
    assert result_of((100, None)).peaks == ()
    assert result_of().peaks == ()
    assert only_peak((None, 900), before=90).sampled is None


@pytest.mark.parametrize(
    "baseline", [None, 3, "x", {}, {"values": 3}, {"values": {}, "time_ns": "x"}]
)
def test_a_baseline_that_is_not_understood_is_as_good_as_none(baseline):
    result = result_of((100, 900))
    result.add_meta_data(baseline=baseline)
    (peak,) = peaks_of(result)
    assert (peak.in_run, peak.rose) == (None, None)


@pytest.mark.parametrize("file_format", [JsonFormat(), LineFormat()])
def test_a_result_that_was_stored_still_has_its_peaks(file_format):
    result = result_of((100, 100), (110, 900), before=90)
    result.identifier = "run"
    stream = io.BytesIO()
    file_format.save_result_to_stream(result, stream)
    stream.seek(0)
    again = file_format.load(stream)
    assert again.peaks == result.peaks
    assert again.peaks[0].between_samples


def test_a_result_without_marks_has_no_peaks():
    assert result_of((100,), measures=(CURVE,)).peaks == ()
