from __future__ import annotations

import io
import math

import pytest

from multimeter import JsonFormat, LineFormat, Measure, Metric, Result, Schema, Subject
from multimeter.analysis.figures import FIGURES, figures_of
from multimeter.probe import ResourceProbe
from multimeter.probes import ProcessProbe

SECOND = 10**9
MIB = 1024**2


def result_of(measures, *points, start=0.0):
    """Return a result: a unit for each measure key, and points of (seconds, values)."""
    made = []
    for key, metric in measures.items():
        subject = key.removesuffix(f".{metric.key}")
        made.append(Measure(Subject(subject), metric))
    result = Result.of_schema(Schema.of_measures(made), identifier="run")
    for time, values in points:
        result.append(round((1_000 + time) * SECOND), values)
    if start is not None:
        time_ns = round((1_000 + start) * SECOND)
        result.add_meta_data(baseline={"time_ns": time_ns, "values": {}})
    return result


def measured(*measures):
    """Return measures from texts such as ``tree.cpu_time s``."""
    split = (each.partition(" ")[::2] for each in measures)
    return {key: Metric(key.rpartition(".")[2], unit=unit) for key, unit in split}


def values_of(result):
    return {each.id: each.value for each in figures_of(result)}


def test_keys_and_titles_of_figures_are_unique():
    assert len({each.id for each in FIGURES}) == len(FIGURES)
    assert len({each.title for each in FIGURES}) == len(FIGURES)


def test_a_run_without_points_has_no_figures():
    assert figures_of(result_of({})) == ()


def test_the_duration_counts_from_the_start_which_is_before_the_first_point():
    assert values_of(result_of({}, (2, {}), (5, {}))) == {"duration": 5}
    assert values_of(result_of({}, (2, {}), (5, {}), start=None)) == {"duration": 3}


def test_cpu_time_is_that_of_the_tree_and_mean_cpu_is_its_share_of_the_duration():
    key = "tree.cpu_time"
    result = result_of(
        measured("process.cpu_time s", f"{key} s"),
        (1, {"process.cpu_time": 1.0, key: 2.0}),
        (4, {"process.cpu_time": 1.0, key: 6.0}),
    )
    values = values_of(result)
    assert values["cpu_time"] == 6
    assert values["cpu"] == 1.5


def test_rates_of_process_and_children_add_up_to_cpu_time():
    keys = [
        f"{s}.{m}"
        for s in ("process", "children")
        for m in ("cpu_rate_user", "cpu_rate_system")
    ]
    points = [(2, dict.fromkeys(keys, 0.25)), (3, dict.fromkeys(keys, 1.0))]
    values = values_of(result_of(measured(*keys), *points))
    assert values["cpu_time"] == pytest.approx(2.0 + 4.0)
    assert values["cpu"] == pytest.approx(2.0)


def test_peak_memory_of_a_tree_is_the_larger_of_mark_and_sampled_sum():
    metrics = {
        "tree.memory_rss": Metric("memory_rss", unit="bytes"),
        "tree.memory_rss_peak": Metric(
            "memory_rss_peak", unit="bytes", peak_of="memory_rss"
        ),
    }
    sums = result_of(metrics, (1, {"tree.memory_rss": 300, "tree.memory_rss_peak": 200}))
    mark = result_of(metrics, (1, {"tree.memory_rss": 100, "tree.memory_rss_peak": 200}))
    assert values_of(sums)["peak_memory"] == 300
    assert values_of(mark)["peak_memory"] == 200


def test_a_mark_from_before_the_run_is_no_peak_of_the_run():
    metrics = {
        "tree.memory_rss": Metric("memory_rss", unit="bytes"),
        "tree.memory_rss_peak": Metric(
            "memory_rss_peak", unit="bytes", peak_of="memory_rss"
        ),
    }
    result = result_of(metrics, (1, {"tree.memory_rss": 50, "tree.memory_rss_peak": 200}))
    result.meta_data["baseline"]["values"]["tree.memory_rss_peak"] = 200
    assert values_of(result)["peak_memory"] == 50


def test_a_mark_of_the_process_tells_what_that_of_the_tree_hides():
    metrics = {
        f"{subject}.{key}": Metric(key, unit="bytes", peak_of=peak_of)
        for subject in ("process", "tree")
        for key, peak_of in (("memory_rss", ""), ("memory_rss_peak", "memory_rss"))
    }
    values = dict(zip(metrics, (50, 120, 50, 200)))
    result = result_of(metrics, (1, values))
    before = {"process.memory_rss_peak": 50, "tree.memory_rss_peak": 200}
    result.meta_data["baseline"]["values"].update(before)
    assert values_of(result)["peak_memory"] == 120


def test_kilobytes_of_getrusage_become_bytes_and_the_largest_child_counts():
    metric = Metric("memory_rss_max", unit="kB", peak_of="memory_rss")
    result = result_of(
        {"process.memory_rss_max": metric, "children.memory_rss_max": metric},
        (1, {"process.memory_rss_max": 10, "children.memory_rss_max": 30}),
    )
    assert values_of(result)["peak_memory"] == 30 * 1024


def test_bytes_of_disks_are_preferred_to_those_of_calls():
    values = {"tree.io_disk_read": 10.0, "tree.io_read": 99.0, "tree.io_write": 7.0}
    figures = values_of(result_of(measured(*values), (2, values)))
    assert figures["read"] == 20
    assert figures["written"] == 14


def test_blocks_of_getrusage_are_512_bytes():
    values = {"process.io_block_in": 2.0, "children.io_block_in": 1.0}
    assert values_of(result_of(measured(*values), (1, values)))["read"] == 3 * 512


def test_counts_are_totals():
    values = {
        "tree.memory_page_faults_without_io": 10.0,
        "tree.memory_page_faults_with_io": 1.0,
        "tree.context_switches_vol": 2.0,
        "tree.context_switches_invol": 3.0,
    }
    figures = values_of(result_of(measured(*values), (2, values)))
    assert figures["page_faults"] == 22
    assert figures["context_switches"] == 10


def test_gpu_use_is_a_mean_over_time_and_gpus():
    use = measured("gpu0.gpu_use %", "gpu1.gpu_use %")
    points = (
        (1, {"gpu0.gpu_use": 100.0, "gpu1.gpu_use": 0.0}),
        (4, {"gpu0.gpu_use": 20.0, "gpu1.gpu_use": 0.0}),
    )
    assert values_of(result_of(use, *points))["gpu"] == pytest.approx(0.2)


def test_gpu_memory_is_the_largest_sum_at_one_moment_of_whole_gpus():
    keys = ("gpu0.gpu_memory_used", "gpu1.gpu_memory_used", "gpu0:tree.gpu_memory_used")
    result = result_of(
        measured(*(f"{key} bytes" for key in keys)),
        (1, dict(zip(keys, (100, 1, 50)))),
        (2, dict(zip(keys, (10, 95, 50)))),
    )
    assert values_of(result)["gpu_memory"] == 105


def test_energy_adds_packages_and_their_memory_but_no_parts_of_them():
    domains = ("package-0", "package-0:core", "package-0:dram", "package-1", "psys")
    keys = [f"energy:{each}.energy" for each in domains]
    result = result_of(
        measured(*(f"{key} J" for key in keys)),
        (1, dict.fromkeys(keys, 1.0)),
        (2, dict(zip(keys, (10.0, 9.0, 3.0, 20.0, 90.0)))),
    )
    assert values_of(result)["energy"] == 33


def test_a_tree_with_a_name_of_its_own_counts_as_well():
    result = result_of(measured("server:tree.cpu_time s"), (1, {"server:tree.cpu_time": 3}))
    assert values_of(result)["cpu_time"] == 3


def test_what_is_no_number_counts_for_nothing():
    points = [
        (1, {"gpu0.gpu_use": math.nan, "tree.memory_rss": None, "tree.cpu_time": "x"}),
        (2, {"gpu0.gpu_use": 50.0, "tree.memory_rss": 3, "tree.cpu_time": True}),
    ]
    figures = values_of(
        result_of(
            measured("gpu0.gpu_use %", "tree.memory_rss bytes", "tree.cpu_time s"), *points
        )
    )
    assert figures == {"duration": 2, "peak_memory": 3, "gpu": 0.5}


def test_a_total_that_is_no_number_is_no_figure():
    values = {"tree.io_disk_read": math.nan}
    assert values_of(result_of(measured(*values), (1, values))) == {"duration": 1}


def test_units_that_nobody_says_are_those_of_the_probes():
    result = Result()
    result.append(1 * SECOND, {"process.memory_rss_max": 2, "gpu0.gpu_use": 50.0})
    assert values_of(result) == {"duration": 0, "peak_memory": 2048, "gpu": 0.5}


@pytest.mark.parametrize("probe", [ResourceProbe, ProcessProbe])
@pytest.mark.parametrize("file_format", [JsonFormat(), LineFormat()])
def test_figures_of_a_result_that_was_read_back_are_the_same(probe, file_format):
    used = probe()
    result = Result(used, identifier="run")
    used.start()
    result.add_meta_data(baseline={"time_ns": SECOND, "values": dict(used.baseline())})
    for second in (2, 3):
        values = {}
        used.sample(values, 1.0)
        result.append(second * SECOND, values)
    used.end()
    stream = io.BytesIO()
    file_format.save_result_to_stream(result, stream)
    stream.seek(0)
    figures = figures_of(result)
    assert figures_of(file_format.load(stream)) == figures
    assert {"duration", "cpu_time", "cpu", "peak_memory"} <= {each.id for each in figures}
    assert all(each.value > MIB for each in figures if each.id == "peak_memory")


def test_a_number_that_no_float_can_hold_is_left_out():
    result = Result(identifier="run")
    for second, threads in enumerate((3, 10**400, 4)):
        result.append(second * 10**9, {"tree.threads": threads})
    assert {each.id: each.value for each in figures_of(result)}["threads"] == 4


def test_cpu_time_says_what_part_of_it_is_sampling():
    result = Result(identifier="run")
    result.add_meta_data(baseline={"time_ns": 0, "values": {}})
    result.append(10**9, {"process.cpu_rate_user": 0.5})
    for overhead, flags in (
        ({"cpu_time": 0.1, "inside": True}, ("100 ms of it are sampling",)),
        ({"cpu_time": 0.1, "inside": False}, ()),
        ({"cpu_time": 0.001, "inside": True}, ()),
        ("odd", ()),
    ):
        result.add_meta_data(overhead=overhead)
        (cpu_time,) = (each for each in figures_of(result) if each.id == "cpu_time")
        assert (cpu_time.value, cpu_time.estimate.flags) == (0.5, flags)
