from __future__ import annotations

import pytest

from multimeter import Measure, Metric, ResourceProbe, Subject
from multimeter.analysis.figures import FIGURES as SAID
from multimeter.analysis.units import shown_unit
from multimeter.probes import ThreadProbe, default_probes
from multimeter.schema import Schema
from multimeter.visualization.dashboards.definition import FIGURES, PANELS
from multimeter.visualization.dashboards.panels import (
    Statistic,
    figures_of,
    missed_peaks,
    panels_of,
    peak_keys,
)

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


def test_without_points_there_are_no_figures():
    assert figures_of({}, None) == []


def test_figures_say_duration_peak_memory_and_mean_cpu():
    statistics = {key: Statistic(max=0.0, mean=0.0) for key in KEYS}
    statistics["process.memory_rss_max"] = Statistic(max=2048, mean=1024)
    statistics["process.cpu_rate_user"] = Statistic(max=2.0, mean=0.5)
    statistics["process.cpu_rate_system"] = Statistic(max=1.0, mean=0.25)
    figures = figures_of(statistics, 1_500_000_000)
    assert [(f.title, f.unit, f.value) for f in figures] == [
        ("Duration", "s", 1.5),
        ("Peak memory", "bytes", 2048 * 1024),
        ("Mean CPU", "percentunit", 0.75),
    ]


def test_figures_of_a_process_and_its_tree_are_said_as_well():
    keys = ["process.memory_rss_peak", "tree.cpu_time"]
    statistics = {keys[0]: Statistic(2048, 1024), keys[1]: Statistic(12.5, 6.0)}
    figures = figures_of(statistics, 10**9)
    assert [(f.title, f.value) for f in figures] == [
        ("Duration", 1.0),
        ("Peak memory", 2048),
        ("CPU time, with children", 12.5),
    ]


def test_a_figure_whose_measures_are_missing_is_left_out():
    figures = figures_of({"voltage": Statistic(1.0, 1.0)}, 0)
    assert [figure.title for figure in figures] == ["Duration"]


def test_what_the_run_says_of_itself_counts():
    statistics = {key: Statistic(max=1.0, mean=1.0) for key in KEYS}
    said = {"duration": 1.1, "peak_memory": 5e6, "cpu": 0.5, "cpu_time": 3.0}
    figures = {each.title: each.value for each in figures_of(statistics, 10**9, said)}
    assert figures == {
        "Duration": 1.1,
        "Peak memory": 5e6,
        "Mean CPU": 0.5,
        "CPU time, with children": 3.0,
    }


def test_every_figure_that_a_run_can_say_is_one_of_the_library():
    assert {each.id for each in FIGURES if not each.rare} <= {each.id for each in SAID}


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
    statistics = {RSS.key: Statistic(200e6, 1), MARK.key: Statistic(mark_kb, 1)}
    meta = {"baseline": {"values": {MARK.key: before_kb}}} if before_kb else {}
    peaks = missed_peaks(schema(RSS, MARK), statistics, meta)
    assert [(peak.value, peak.sampled) for peak in peaks] == found
    assert peak_keys(schema(RSS, MARK)) == {RSS.key, MARK.key}


def test_without_a_schema_or_a_curve_no_peak_is_told():
    assert missed_peaks(None, {}, {}) == []
    assert missed_peaks(schema(MARK), {MARK.key: Statistic(1, 1)}, {}) == []
    assert missed_peaks(schema(RSS, MARK), {}, {"baseline": 7}) == []


@pytest.mark.parametrize(
    ("late", "titles"), [(0, ["Duration"]), (3, ["Duration", "Late samples"])]
)
def test_late_samples_are_a_figure_where_there_are_any(late, titles):
    statistics = {"sampler.samples_late": Statistic(late, 1)}
    figures = figures_of(statistics, 10**9)
    assert [figure.title for figure in figures] == titles
