from __future__ import annotations

import math

import pytest

from multimeter import metric
from multimeter.metric import Metric

KEYS_AND_UNITS = {
    "METRIC_CPU_RATE_USER": ("cpu_rate_user", "", float),
    "METRIC_CPU_RATE_SYSTEM": ("cpu_rate_system", "", float),
    "METRIC_MEMORY_MAX": ("memory_rss_max", "kB", int),
    "METRIC_MEMORY_SHARED": ("memory_rss_shared", "kB", int),
    "METRIC_MEMORY_DATA": ("memory_rss_data", "kB", int),
    "METRIC_MEMORY_STACK": ("memory_rss_stack", "kB", int),
    "METRIC_MEMORY_PAGE_FAULTS_WITHOUT_IO": ("memory_page_faults_without_io", "", float),
    "METRIC_MEMORY_PAGE_FAULTS_WITH_IO": ("memory_page_faults_with_io", "", float),
    "METRIC_MEMORY_SWAP_OPS": ("memory_swap_ops", "", float),
    "METRIC_IO_BLOCK_IN": ("io_block_in", "", float),
    "METRIC_IO_BLOCK_OUT": ("io_block_out", "", float),
    "METRIC_CONTEXT_SWITCHES_VOL": ("context_switches_vol", "", float),
    "METRIC_CONTEXT_SWITCHES_INVOL": ("context_switches_invol", "", float),
}


@pytest.mark.parametrize("name", KEYS_AND_UNITS)
def test_a_metric_of_the_system_has_its_key_unit_and_type(name):
    each = getattr(metric, name)
    assert (each.key, each.unit, each.value_type) == KEYS_AND_UNITS[name]
    assert each.description


def test_the_module_exports_these_metrics_and_no_others():
    assert set(metric.__all__) == {*KEYS_AND_UNITS, "Metric"}


def test_a_metric_counts_floats_from_zero_by_default():
    each = Metric("speed")
    assert each == Metric("speed", "", "", float, 0.0, None)


@pytest.mark.parametrize(
    ("value", "limited"),
    [(-1, 0.0), (0.5, 0.5), (2.5, 2.0), (-math.inf, 0.0), (math.inf, 2.0)],
)
def test_a_value_outside_the_limits_becomes_the_limit(value, limited):
    assert Metric("m", max_value=2.0).limit_value(value) == limited


def test_a_limit_that_is_none_does_not_limit():
    assert Metric("m", min_value=None).limit_value(-1e300) == -1e300
    assert Metric("m").limit_value(1e300) == 1e300


def test_a_limit_has_the_type_of_the_values():
    limited = Metric("m", value_type=int).limit_value(-3)
    assert limited == 0
    assert type(limited) is int


@pytest.mark.parametrize("value", ["text", None, True, False])
def test_what_is_not_a_number_has_no_limits(value):
    assert Metric("m", min_value=5, max_value=6).limit_value(value) is value


def test_nan_has_no_limits():
    assert math.isnan(Metric("m", max_value=1.0).limit_value(math.nan))
