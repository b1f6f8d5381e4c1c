from __future__ import annotations

import pytest

from multimeter import Measure, Metric, ResourceProbe, Subject
from multimeter.analysis.figures import figure_named
from multimeter.analysis.panel_definitions import HEADLINES, PANELS
from multimeter.analysis.panels import panels_of
from multimeter.analysis.peaks import marked_curves, missed_peaks
from multimeter.analysis.units import shown_unit
from multimeter.probes import ThreadProbe, default_probes
from multimeter.schema import Schema

KEYS = [measure.key for measure in ResourceProbe().measures]


def schema(*measures: Measure) -> Schema:
    metrics = tuple({m.metric.key: m.metric for m in measures}.values())
    subjects = tuple({m.subject.key: m.subject for m in measures}.values())
    return Schema(metrics, subjects, measures)


def test_every_measure_of_the_resource_probe_stands_in_a_defined_panel():
    panels = panels_of(None, KEYS)
    assert [panel.id for panel in panels] == [
        "cpu",
        "memory",
        "page-faults",
        "block-io",
        "context-switches",
    ]
    assert sorted(s.key for panel in panels for s in panel.series) == sorted(KEYS)


def test_every_metric_is_defined_once():
    defined = [metric for panel in PANELS for metric in panel.metrics]
    assert len(set(defined)) == len(defined)
    assert len({panel.id for panel in PANELS}) == len(PANELS)
    probes = ResourceProbe(), *default_probes(), ThreadProbe()
    assert {metric.key for probe in probes for metric in probe.metrics} <= set(defined)


def test_panels_stand_in_their_groups_and_other_measures_in_none():
    keys = ["process.cpu_rate_user", "system.load_1", "rig.voltage"]
    pairs = [key.split(".") for key in keys]
    known = schema(*(Measure(Subject(of), Metric(what)) for of, what in pairs))
    groups = {panel.id: panel.group for panel in panels_of(known, keys)}
    assert groups == {"cpu": "", "load": "Machine", "measure:voltage": ""}


def test_metrics_of_a_panel_have_its_unit():
    metrics = {each.key: each for probe in default_probes() for each in probe.metrics}
    plain = {"percentunit", "cps", "ops", "short"}  # of numbers that have no unit
    for panel in PANELS:
        for key in panel.metrics.keys() & metrics.keys():
            unit = metrics[key].unit
            shown, _ = shown_unit(unit)
            assert shown == panel.unit or (not unit and panel.unit in plain), key


def test_a_series_says_how_far_it_reaches_and_whether_it_is_an_upper_bound():
    metric = Metric("memory_rss", "Resident.", "bytes", upper_bound=True)
    measures = [Measure(Subject(scope, "", scope), metric) for scope in ("tree", "host")]
    (panel,) = panels_of(schema(*measures), [each.key for each in measures])
    assert [series.description for series in panel.series] == [
        "Resident. Of a process and those that descend from it. An upper bound.",
        "Resident. Of the whole machine. An upper bound.",
    ]


def test_a_metric_that_needs_no_label_is_called_by_its_subject():
    metric = Metric("cpu_time", unit="s")
    measures = Measure(Subject("a"), metric), Measure(Subject("b"), metric)
    (panel,) = panels_of(schema(*measures), [each.key for each in measures])
    assert panel.title == "CPU time so far"
    assert [series.label for series in panel.series] == ["a", "b"]


def test_the_process_comes_before_its_children_and_both_are_named():
    cpu = panels_of(None, reversed(KEYS))[0]
    assert {series.label for series in cpu.series} == {
        "process user",
        "process system",
        "children user",
        "children system",
    }
    assert next(s.label for s in panels_of(None, KEYS)[0].series) == "process user"


def test_memory_in_kilobytes_is_shown_in_bytes():
    memory = panels_of(None, KEYS)[1]
    assert memory.unit == "bytes"
    assert {series.scale for series in memory.series} == {1024.0}


def test_measures_that_are_not_stored_are_not_shown():
    panels = panels_of(None, ["process.cpu_rate_user"])
    assert [[s.key for s in p.series] for p in panels] == [["process.cpu_rate_user"]]


def test_every_other_measure_has_a_panel_of_its_own():
    panels = panels_of(None, ["voltage", "current", "arm.position"])
    assert [panel.title for panel in panels] == ["voltage", "current", "arm.position"]
    assert len({panel.id for panel in panels}) == 3


def test_one_metric_on_several_subjects_shares_a_panel():
    metric = Metric("temperature", "How hot it is.", "°C", min_value=None)
    inside, outside = Measure(Subject("in"), metric), Measure(Subject("out"), metric)
    (panel,) = panels_of(schema(inside, outside), [inside.key, outside.key])
    assert (panel.title, panel.unit) == ("temperature", "°C")
    assert [series.label for series in panel.series] == ["in", "out"]
    assert panel.series[0].description == "How hot it is."


@pytest.mark.parametrize(
    ("unit", "shown", "scale"),
    [
        ("%", "percentunit", 0.01),
        ("ms", "s", 1e-3),
        ("", "short", 1.0),
        ("W", "watt", 1.0),
        ("N", "N", 1.0),
    ],
)
def test_units_are_shown_as_people_read_them(unit, shown, scale):
    measure = Measure(Subject("rig"), Metric("m", unit=unit))
    (panel,) = panels_of(schema(measure), [measure.key])
    assert (panel.unit, panel.series[0].scale) == (shown, scale)


def test_each_headline_is_the_curve_of_figures():
    ids = [figure for each in HEADLINES for figure in each.figures]
    assert len(set(ids)) == len(ids)
    assert all(figure_named(each) for each in ids)


RSS = Measure(Subject("process"), Metric("memory_rss", "", "bytes"))
MARK = Measure(
    Subject("process"), Metric("memory_rss_peak", "", "kB", peak_of="memory_rss")
)


@pytest.mark.parametrize(
    ("mark_kb", "before_kb", "found"),
    [
        (400_000, None, [(400_000 * 1024.0, 200e6)]),
        (400_000, 300_000, [(400_000 * 1024.0, 200e6)]),
        # The process held as much before the run.
        (400_000, 400_000, []),
        # Kernels count in batches: as much as a sample has seen.
        (196_000, None, []),
    ],
)
def test_a_peak_between_two_samples_is_told(mark_kb, before_kb, found):
    largest = {RSS.key: 200e6, MARK.key: mark_kb}
    before = {MARK.key: before_kb} if before_kb else {}
    peaks = missed_peaks(schema(RSS, MARK), largest.get, before)
    assert [(peak.value, peak.sampled) for peak in peaks] == found
    assert marked_curves(schema(RSS, MARK)) == [(MARK, RSS)]


def test_without_a_schema_or_a_curve_no_peak_is_told():
    assert missed_peaks(None, {}.get, {}) == []
    assert missed_peaks(schema(MARK), {MARK.key: 1}.get, {}) == []
    assert missed_peaks(schema(RSS, MARK), {}.get, {}) == []
