from __future__ import annotations

import os
import pickle
import time

import pytest

from multimeter import (
    ConfigurationError,
    ProbeError,
    Schema,
    StateError,
    UnsupportedError,
)
from multimeter.probes import ProcessProbe, default_probes
from multimeter.probes.portable import PortableProcesses
from multimeter.probes.usage import Memory


def sample(probe, seconds=1.0):
    values = {}
    probe.sample(values, seconds)
    return values


def of(subject, values):
    prefix = subject + "."
    return {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}


@pytest.fixture
def started(processes, make_usage):
    """A probe that has started on one process, and what it looks at."""
    processes.here = {1: make_usage(user=5, faults=10, rss=100, rss_peak=150)}
    probe = ProcessProbe(1, source=processes, clock=lambda: 0.0)
    probe.start()
    return probe, processes


def test_rates_are_the_growth_since_the_sample_before(started, make_usage):
    probe, processes = started
    processes.here = {
        1: make_usage(user=6, system=2, faults=14, disk_write=50, switches_vol=8)
    }
    values = of("process", sample(probe, 2.0))
    assert (values["cpu_rate_user"], values["cpu_rate_system"]) == (0.5, 1.0)
    assert values["memory_page_faults_without_io"] == 2.0
    assert (values["io_disk_write"], values["io_disk_read"]) == (25.0, 0.0)
    assert values["context_switches_vol"] == 4.0
    assert values["cpu_time"] == 3.0
    assert of("process", sample(probe))["cpu_rate_user"] == 0.0


def test_levels_are_those_of_now(started, make_usage):
    probe, processes = started
    processes.here = {1: make_usage(rss=120, rss_peak=180, threads=3, open_files=7)}
    values = of("process", sample(probe))
    assert (values["memory_rss"], values["memory_rss_peak"]) == (120, 180)
    assert (values["threads"], values["open_files"]) == (3, 7)
    assert (values["memory_uss"], values["memory_pss"]) == (10, 20)


def test_a_peak_is_never_below_what_is_held_now(started, make_usage):
    probe, processes = started
    processes.here = {1: make_usage(rss=170, rss_peak=160)}
    values = sample(probe)
    assert values["process.memory_rss_peak"] == values["tree.memory_rss_peak"] == 170


def test_a_peak_outlives_the_process_and_the_program_that_it_executes(started, make_usage):
    probe, processes = started
    processes.here = {1: make_usage(rss=20, rss_peak=30)}
    assert sample(probe)["process.memory_rss_peak"] == 150
    processes.here = {1: make_usage(ended=True)}
    assert sample(probe)["process.memory_rss_peak"] == 150


def test_the_tree_is_the_sum_of_all_that_live(started, make_usage):
    probe, processes = started
    processes.here = {
        1: make_usage(user=6, faults=10, rss=100, rss_peak=150, open_files=3),
        2: make_usage(1, 101, user=2, rss=50, rss_peak=70, threads=2, open_files=4),
        3: make_usage(1, 102, user=1, ended=True),
    }
    values = of("tree", sample(probe))
    assert values["cpu_rate_user"] == 4.0
    assert values["cpu_time"] == 4.0
    assert (values["memory_rss"], values["memory_rss_peak"]) == (150, 150)
    assert (values["threads"], values["processes"], values["open_files"]) == (3, 2, 7)
    assert (values["memory_uss"], values["memory_pss"]) == (20, 40)


def test_the_peak_of_a_tree_is_the_largest_of_any_one_also_when_it_is_gone(
    started, make_usage
):
    probe, processes = started
    root = make_usage(rss=100, rss_peak=150)
    processes.here = {1: root, 2: make_usage(1, 101, rss=50, rss_peak=900)}
    sample(probe)
    processes.here = {1: root}
    assert sample(probe)["tree.memory_rss_peak"] == 900
    processes.here = {1: make_usage(rss=100, rss_peak=150, reaped_peak=1_000)}
    values = sample(probe)
    assert values["tree.memory_rss_peak"] == 1_000
    assert values["process.memory_rss_peak"] == 150


def test_what_one_process_does_not_show_has_no_sum(started, make_usage):
    probe, processes = started
    processes.here = {1: make_usage(open_files=3), 2: make_usage(1, 101, open_files=None)}
    processes.shared = {2: Memory(None)}
    values = sample(probe)
    assert values["process.open_files"] == 3
    assert values["process.memory_uss"] == 10
    assert not {"tree.open_files", "tree.memory_uss", "tree.memory_pss"} & set(values)


def test_shared_memory_is_asked_only_as_often_as_it_is_cheap(processes, make_usage):
    now = [0.0]

    class Slow(type(processes)):
        def memory(self, pid):
            end = time.thread_time() + 0.002
            while time.thread_time() < end:
                pass
            return super().memory(pid)

    slow = Slow()
    slow.here = {1: make_usage()}
    probe = ProcessProbe(1, source=slow, clock=lambda: now[0])
    probe.start()
    asked = []
    for tenth in range(10):
        now[0] = tenth / 10
        asked.append("process.memory_uss" in sample(probe))
    assert asked[0]
    assert not asked[1]
    assert sum(asked) in (3, 4, 5)


def test_after_its_end_a_process_holds_and_uses_nothing(started, make_usage):
    probe, processes = started
    assert probe.alive
    processes.here = {1: make_usage(user=6, ended=True)}
    assert of("process", sample(probe))["cpu_rate_user"] == 1.0
    assert not probe.alive
    processes.here = {}
    values = of("process", sample(probe))
    assert values["cpu_rate_user"] == values["memory_rss"] == values["threads"] == 0
    assert values["cpu_time"] == 1.0
    assert of("tree", sample(probe))["processes"] == 0


def test_a_stranger_with_the_id_of_the_process_is_not_it(started, make_usage):
    probe, processes = started
    processes.here = {1: make_usage(9, 999, user=1_000, rss=5)}
    values = of("process", sample(probe))
    assert (values["cpu_rate_user"], values["memory_rss"]) == (0, 0)
    assert not probe.alive


def test_the_baseline_is_what_the_peaks_were_at_the_start(started):
    probe, _ = started
    assert probe.baseline() == {
        "process.memory_rss_peak": 150,
        "tree.memory_rss_peak": 150,
    }


def test_a_child_that_ends_after_its_parent_was_looked_at_does_not_count_twice(
    started, make_usage
):
    probe, processes = started
    child = make_usage(1, 101, user=3, faults=40)
    processes.here = {1: make_usage(user=5, faults=10), 2: child}
    sample(probe)
    # It has ended when its turn comes; its parent only knows of it when asked again.
    stale = {1: make_usage(user=5, faults=10)}
    fresh = {1: make_usage(user=5, faults=10, reaped={"user": 4, "faults": 45})}
    looks = iter([stale, fresh])
    processes.snapshot = lambda _known=None, _again=(): next(looks)
    values = sample(probe)
    assert values["tree.cpu_time"] == 4.0
    assert values["tree.memory_page_faults_without_io"] == 5.0


def test_what_was_just_started_can_be_measured_whole(processes, make_usage):
    processes.here = {
        1: make_usage(user=3, rss_peak=150, reaped={"user": 2, "faults": 9}),
        2: make_usage(1, 60, user=4, faults=3),
    }
    probe = ProcessProbe(1, source=processes, since_start=True, separate_children=1)
    probe.start()
    assert probe.baseline() == {}
    values = sample(probe, 2.0)
    assert (values["process.cpu_time"], values["process.cpu_rate_user"]) == (3.0, 1.5)
    assert (values["tree.cpu_time"], values["tree.cpu_rate_user"]) == (9.0, 4.5)
    values = sample(probe, 2.0)
    assert (values["tree.cpu_time"], values["tree.cpu_rate_user"]) == (9.0, 0.0)
    assert probe.for_process(1)._since_start


def test_descendants_stand_apart_if_asked(processes, make_usage):
    processes.here = {1: make_usage(), 2: make_usage(1, 50, user=3, name="old")}
    probe = ProcessProbe(1, source=processes, separate_children=2)
    assert [each.key for each in probe.subjects] == ["process", "tree"]
    probe.start()
    processes.here = {
        1: make_usage(),
        2: make_usage(1, 50, user=4, name="old"),
        3: make_usage(2, 101, user=2, rss=9, name="new"),
        4: make_usage(2, 102, user=2, name="one too many"),
    }
    values = sample(probe)
    assert values["child:old-2.cpu_time"] == 1.0
    assert values["child:new-3.cpu_time"] == 2.0
    assert values["child:new-3.memory_rss"] == 9
    assert [each.key for each in probe.subjects][2:] == ["child:old-2", "child:new-3"]
    assert set(values) <= {each.key for each in probe.measures}
    assert [each.scope for each in probe.subjects] == ["process", "tree", *["process"] * 2]
    del processes.here[3]
    assert not of("child:new-3", sample(probe))


def test_every_value_has_a_measure_with_a_unit_and_limits(started):
    probe, _ = started
    schema = Schema.of_probes([probe])
    assert set(sample(probe)) <= {each.key for each in schema.measures}
    assert set(probe.metrics) == set(schema.metrics)
    units = {each.key: each.unit for each in schema.metrics}
    assert units["memory_rss"] == units["memory_rss_peak"] == units["memory_pss"] == "bytes"
    assert units["io_disk_read"] == units["io_write"] == "B/s"
    assert units["cpu_time"] == "s"
    assert all(each.description and each.min_value == 0.0 for each in schema.metrics)


def test_scopes_and_upper_bounds_are_declared(started):
    measures = {each.key: each for each in started[0].measures}
    assert measures["process.memory_rss"].scope == "process"
    assert measures["tree.memory_rss"].scope == "tree"
    assert measures["tree.memory_rss"].upper_bound
    assert not measures["tree.memory_pss"].upper_bound
    assert measures["process.memory_rss_peak"].metric.peak_of == "memory_rss"


def test_what_a_source_does_not_serve_is_no_measure(processes, make_usage):
    processes.served = frozenset({"user", "system"})
    processes.here = {1: make_usage()}
    probe = ProcessProbe(1, source=processes)
    probe.start()
    metrics = {each.key.partition(".")[2] for each in probe.measures}
    assert metrics == {
        "cpu_rate_user",
        "cpu_rate_system",
        "cpu_time",
        "memory_rss",
        "processes",
    }
    assert set(sample(probe)) == {each.key for each in probe.measures}
    assert probe.baseline() == {}


def test_another_name_makes_other_subjects(processes, make_usage):
    processes.here = {1: make_usage(), 2: make_usage(1, name="c")}
    probe = ProcessProbe(1, name="db", separate_children=1, source=processes)
    probe.start()
    sample(probe)
    assert [each.key for each in probe.subjects] == ["db", "db:tree", "db:child:c-2"]


def test_no_time_at_all_gives_rates_of_zero(started, make_usage):
    probe, processes = started
    processes.here = {1: make_usage(user=50)}
    assert sample(probe, 0.0)["process.cpu_rate_user"] == 0.0


def test_a_sample_before_the_start_is_a_clear_error(processes, make_usage):
    processes.here = {1: make_usage()}
    probe = ProcessProbe(1, source=processes)
    for call in (lambda: sample(probe), probe.baseline, probe.reap):
        with pytest.raises(StateError, match="not started"):
            call()


@pytest.mark.parametrize("pid", [0, -1, "1", 1.5])
def test_a_process_id_is_a_positive_number(pid):
    with pytest.raises(ConfigurationError, match="positive number"):
        ProcessProbe(pid)


@pytest.mark.parametrize("pid", [4194305, 2**31, 2**62, 2**70])
def test_a_process_that_is_not_there_is_a_clear_error(pid):
    with pytest.raises(ProbeError, match=f"There is no process {pid}") as caught:
        ProcessProbe(pid)
    assert not isinstance(caught.value, UnsupportedError)


def test_a_process_that_is_hidden_is_a_clear_error(processes):
    processes.here = {}
    with pytest.raises(UnsupportedError, match="does not permit reading") as caught:
        ProcessProbe(os.getpid(), source=processes)
    assert "another user" in str(caught.value)


def test_a_process_that_ends_before_the_start_is_a_clear_error(processes, make_usage):
    processes.here = {4194305: make_usage()}
    probe = ProcessProbe(4194305, source=processes)
    processes.here = {}
    with pytest.raises(ProbeError, match="There is no process"):
        probe.start()


def test_from_outside_the_process_is_named_by_its_id():
    probe = ProcessProbe(name="me", separate_children=3)
    outside = probe.for_process(os.getpid())
    assert (probe.pid, outside.pid) == (os.getpid(), os.getpid())
    assert outside is not probe
    assert outside.for_process(1) is outside
    assert [each.key for each in outside.subjects] == ["me", "me:tree"]


@pytest.mark.parametrize("source", [None, PortableProcesses])
def test_a_probe_can_be_handed_to_another_process(source):
    more = {"source": source} if source else {}
    probe = pickle.loads(pickle.dumps(ProcessProbe(os.getpid(), **more)))
    probe.start()
    assert sample(probe)["process.memory_rss"] > 0


@pytest.mark.parametrize(
    ("old", "new"), [("apart", "separate_children"), ("whole", "since_start")]
)
def test_former_names_of_arguments_work_and_warn(old, new):
    with pytest.warns(DeprecationWarning, match=f"'{old}' .* called '{new}'") as caught:
        probe = ProcessProbe(**{old: True})
    assert caught[0].filename == __file__
    assert getattr(probe, f"_{new}") is True
    with pytest.warns(DeprecationWarning, match="'whole' .* called 'since_start'"):
        default_probes(whole=True)
