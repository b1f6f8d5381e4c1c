from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from multimeter import StateError, UnsupportedError
from multimeter.probes import ThreadProbe
from multimeter.probes import thread as thread_module
from multimeter.probes.thread import thread_times


class Threads(dict):
    """Names and seconds that a test sets as it likes."""

    def __call__(self, pid):
        self.pid = pid
        return dict(self)


@pytest.fixture
def threads():
    return Threads({1: ("main", 5.0), 2: ("worker-1", 1.0), 3: ("worker-2", 2.0)})


def sample(probe, seconds=1.0):
    values = {}
    probe.sample(values, seconds)
    prefix, suffix = "thread:", ".cpu_rate"
    return {k.removeprefix(prefix).removesuffix(suffix): v for k, v in values.items()}


def test_each_name_has_the_cpu_time_of_its_threads(threads):
    probe = ThreadProbe(times=threads)
    probe.start()
    threads.update({1: ("main", 6.0), 2: ("worker-1", 1.5)})
    assert sample(probe, 2.0) == {"main": 0.5, "worker-1": 0.25, "worker-2": 0.0}
    assert [each.key for each in probe.subjects] == [
        "thread:main",
        "thread:worker-1",
        "thread:worker-2",
    ]


def test_threads_of_one_name_count_together(threads):
    threads[4] = ("main", 0.0)
    probe = ThreadProbe(times=threads)
    probe.start()
    threads.update({1: ("main", 6.0), 4: ("main", 2.0)})
    assert sample(probe)["main"] == 3.0


def test_a_new_thread_counts_from_its_start_and_one_that_ended_is_still(threads):
    probe = ThreadProbe(times=threads)
    probe.start()
    del threads[2]
    threads[9] = ("late", 0.5)
    values = sample(probe)
    assert (values["late"], values["worker-1"]) == (0.5, 0.0)
    assert "thread:late" in {each.key for each in probe.subjects}


def test_an_id_that_is_used_again_gives_no_negative_rate(threads):
    probe = ThreadProbe(times=threads)
    probe.start()
    threads[1] = ("main", 0.25)
    assert sample(probe)["main"] == 0.25


def test_patterns_gather_threads_and_the_rest_is_others(threads):
    probe = ThreadProbe("worker-*", "nobody", times=threads)
    probe.start()
    threads.update({1: ("main", 6.0), 2: ("worker-1", 2.0), 3: ("worker-2", 4.0)})
    assert sample(probe) == {"worker-*": 3.0, "nobody": 0.0, "others": 1.0}


def test_no_more_than_so_many_names_have_a_subject(threads):
    probe = ThreadProbe(times=threads, limit=3)
    probe.start()
    threads.update({10: ("a", 1.0), 11: ("b", 1.0)})
    assert sample(probe)["others"] == 2.0
    assert len(probe.subjects) == 4


def test_values_are_told_by_measures(threads):
    probe = ThreadProbe(times=threads)
    assert {each.key for each in probe.measures} == {
        "thread:main.cpu_rate",
        "thread:worker-1.cpu_rate",
        "thread:worker-2.cpu_rate",
    }
    assert {each.scope for each in probe.measures} == {"process"}
    assert [each.key for each in probe.metrics] == ["cpu_rate"]


def test_no_time_at_all_gives_zero(threads):
    probe = ThreadProbe(times=threads)
    probe.start()
    threads[1] = ("main", 9.0)
    assert set(sample(probe, 0.0).values()) == {0.0}


def test_a_sample_before_the_start_is_a_clear_error(threads):
    with pytest.raises(StateError, match="not started"):
        sample(ThreadProbe(times=threads))


def test_from_outside_names_are_found_while_sampling(threads):
    probe = ThreadProbe(times=threads).for_process(77)
    assert probe.measures == ()
    probe.start()
    assert set(sample(probe)) == {"main", "worker-1", "worker-2"}
    assert len(probe.measures) == 3


def test_from_outside_the_process_is_named_by_its_id(threads):
    probe = ThreadProbe("main", times=threads).for_process(77)
    probe.start()
    assert threads.pid == 77
    assert probe.for_process(1) is probe


@pytest.mark.parametrize(("system", "pid"), [("darwin", None), ("win32", 7)])
def test_a_system_that_does_not_tell_says_what_to_use(monkeypatch, system, pid):
    monkeypatch.setattr(thread_module, "_SYSTEM", system)
    with pytest.raises(UnsupportedError, match="CPU time of threads") as caught:
        ThreadProbe(pid=pid)
    assert "ProcessProbe" in str(caught.value)


def test_windows_tells_of_its_own_threads(monkeypatch):
    import psutil

    me = threading.get_native_id()
    rows = [
        SimpleNamespace(id=me, user_time=1.0, system_time=0.5),
        SimpleNamespace(id=-5, user_time=2.0, system_time=0.0),
    ]
    monkeypatch.setattr(thread_module, "_SYSTEM", "win32")
    monkeypatch.setattr(psutil.Process, "threads", lambda _process: rows)
    assert thread_times(os.getpid()) == {
        me: (threading.current_thread().name, 1.5),
        -5: ("unnamed", 2.0),
    }


def test_threads_of_python_have_the_names_that_python_gave_them():
    event, found = threading.Event(), {}
    thread = threading.Thread(target=event.wait, name="a name of more than 15 letters")
    thread.start()
    found = dict(thread_times(os.getpid()).values())
    event.set()
    thread.join()
    assert "a name of more than 15 letters" in found
    mine = found[threading.main_thread().name]
    assert 0 < mine <= time.process_time()


def test_threads_of_other_processes_have_the_names_of_the_system(tmp_path):
    folder = tmp_path / "77" / "task"
    for thread, name, schedstat in ((77, "main", "1500000000 5 6"), (78, "gc", "0 0 0")):
        (folder / str(thread)).mkdir(parents=True)
        (folder / str(thread) / "comm").write_text(name + "\n")
        (folder / str(thread) / "schedstat").write_text(schedstat + "\n")
    fields = ["78", "(gc)", "S", *["0"] * 10, "100", "50", *["0"] * 20]
    (folder / "78" / "stat").write_text(" ".join(fields))
    times = thread_module._linux_times(77, str(tmp_path))
    tick = os.sysconf("SC_CLK_TCK")
    assert times == {77: ("main", 1.5), 78: ("gc", 150 / tick)}
    assert thread_module._linux_times(78, str(tmp_path)) == {}


def test_a_thread_that_has_ended_has_no_time():
    assert thread_module._own_seconds(2**22 + 1) is None


def test_it_can_be_handed_to_another_process():
    probe = pickle.loads(pickle.dumps(ThreadProbe("x").for_process(os.getpid())))
    probe.start()
    assert set(sample(probe)) == {"x", "others"}
    assert sys.platform == "linux"
