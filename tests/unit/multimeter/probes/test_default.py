from __future__ import annotations

import importlib.metadata
import os

import pytest

from multimeter import ProbeError, Schema, UnsupportedError
from multimeter.probes import (
    CgroupProbe,
    ProcessProbe,
    SystemProbe,
    default,
    default_probes,
)


class Entry:
    """An entry point of another package."""

    def __init__(self, name, make):
        self.name = name
        self._make = make

    def load(self):
        if isinstance(self._make, Exception):
            raise self._make
        return self._make


@pytest.fixture
def others(monkeypatch):
    entries = []

    def entry_points(*, group):
        assert group == "multimeter.probes"
        return entries

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return entries


def kinds(probes):
    return [type(each).__name__ for each in probes]


def test_this_machine_is_measured_by_what_it_serves(others):
    found = kinds(default_probes())
    assert found[:2] == ["ProcessProbe", "SystemProbe"]
    assert found[-2:] == ["PythonProbe", "SamplerProbe"]
    assert "ThreadProbe" not in found
    assert "ResourceProbe" not in found


def test_all_of_them_can_be_used_together(others):
    schema = Schema.of_probes(default_probes())
    by_key = {}
    for measure in schema.measures:
        assert by_key.setdefault(measure.metric.key, measure.metric) == measure.metric
    assert all(each.scope for each in schema.subjects)
    assert all(each.description for each in (*schema.metrics, *schema.subjects))


def test_from_outside_only_those_that_can_look_from_there(others):
    probes = default_probes(os.getppid())
    assert "PythonProbe" not in kinds(probes)
    assert probes[0].pid == os.getppid()
    assert all(each.for_process(os.getppid()) is each for each in probes)


def test_a_process_that_is_not_there_is_a_clear_error(others):
    with pytest.raises(ProbeError, match="There is no process"):
        default_probes(4194305)


def test_what_the_machine_cannot_serve_is_left_out_without_a_word(
    others, monkeypatch, caplog
):
    def refuse(*_arguments, **_more):
        raise UnsupportedError("Not here.")

    monkeypatch.setattr(CgroupProbe, "__init__", refuse)
    monkeypatch.setattr(SystemProbe, "__init__", refuse)
    found = kinds(default_probes())
    assert not {"CgroupProbe", "SystemProbe"} & set(found)
    assert not caplog.records


def test_a_gpu_is_looked_for_only_where_one_may_be(others, monkeypatch):
    asked = []
    monkeypatch.setattr("multimeter.probes.gpu.GpuProbe", asked.append)
    monkeypatch.setattr(default, "_may_have_gpu", lambda: False)
    default_probes()
    assert asked == []
    monkeypatch.setattr(default, "_may_have_gpu", lambda: True)
    default_probes()
    assert asked == [None]


@pytest.mark.parametrize(("system", "may"), [("win32", True), ("darwin", False)])
def test_other_systems_know_whether_there_may_be_a_gpu(monkeypatch, system, may):
    monkeypatch.setattr(default, "_SYSTEM", system)
    assert default._may_have_gpu() is may


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_have_no_control_groups(others, monkeypatch, system):
    monkeypatch.setattr(default, "_SYSTEM", system)
    found = kinds(default_probes())
    assert not {"CgroupProbe", "EnergyProbe"} & set(found)
    assert {"ProcessProbe", "SystemProbe"} <= set(found)


def test_other_packages_add_theirs(others, make_probe):
    others.append(Entry("rig", make_probe))
    assert kinds(default_probes())[-1] == "StubProbe"


def test_one_of_others_that_cannot_be_served_is_left_out_without_a_word(others, caplog):
    def refuse():
        raise UnsupportedError("No rig here.")

    others.append(Entry("rig", refuse))
    assert kinds(default_probes())[-1] == "SamplerProbe"
    assert not caplog.records


@pytest.mark.parametrize("fault", [ImportError("gone"), lambda: 1 / 0])
def test_one_of_others_that_is_broken_is_said_and_left_out(
    others, make_probe, caplog, fault
):
    others.append(Entry("broken", fault))
    others.append(Entry("rig", make_probe))
    assert kinds(default_probes())[-1] == "StubProbe"
    (record,) = caplog.records
    assert "The probe broken cannot be used" in record.getMessage()


def test_one_of_others_that_looks_from_inside_is_left_out_from_outside(others, make_probe):
    others.append(Entry("rig", make_probe))
    assert "StubProbe" not in kinds(default_probes(os.getpid()))


def test_the_process_is_seen_from_the_inside_by_default(others):
    inside, outside = default_probes()[0], default_probes(os.getpid())[0]
    assert isinstance(inside, ProcessProbe)
    assert inside.for_process(1) is not inside
    assert outside.for_process(1) is outside
