from __future__ import annotations

import os
import resource
import subprocess
import time

import pytest

from multimeter.probes import linux_processes
from multimeter.probes.linux_processes import LinuxProcesses, process_cpu_seconds
from multimeter.probes.usage import COUNTERS, Memory

TICK = 1.0 / os.sysconf("SC_CLK_TCK")


def source(proc, root=10, cpu_seconds=lambda pid: None):
    return LinuxProcesses(root, str(proc), cpu_seconds)


def counters(values):
    return {name: value for name, value in zip(COUNTERS, values) if value}


def once_after(monkeypatch, ending, act):
    """Act once, after a file whose path has this ending was read."""
    read, acts = linux_processes.procfs.read_bytes, [act]

    def read_and_act(path):
        data = read(path)
        if path.endswith(ending) and acts:
            acts.pop()()
        return data

    monkeypatch.setattr(linux_processes.procfs, "read_bytes", read_and_act)


def test_a_process_is_read_from_its_files(proc):
    proc.put(
        10,
        name="a (b) c",
        parent=7,
        user=150,
        system=50,
        reaped_user=30,
        reaped_faults=9,
        faults=100,
        faults_with_io=2,
        disk_write=4096,
        cancelled=96,
        read=11,
        write=12,
        vol=5,
        invol=2,
        started=777,
        threads=1,
        rss_pages=25,
        peak_kb=400,
    )
    (usage,) = source(proc).snapshot().values()
    assert (usage.parent, usage.name, usage.ended) == (7, "a (b) c", False)
    assert usage.started == pytest.approx(777 * TICK)
    assert counters(usage.own) == pytest.approx(
        {
            "user": 150 * TICK,
            "system": 50 * TICK,
            "faults": 100,
            "faults_with_io": 2,
            "disk_write": 4096,
            "disk_write_cancelled": 96,
            "read": 11,
            "write": 12,
            "switches_vol": 5,
            "switches_invol": 2,
        }
    )
    assert counters(usage.reaped) == pytest.approx({"user": 30 * TICK, "faults": 9})
    assert (usage.rss, usage.rss_peak) == (100 * 1024, 400 * 1024)
    assert (usage.threads, usage.open_files) == (1, 2)


def test_descendants_are_found_parents_first(proc):
    for pid, parent in ((10, 1), (40, 10), (30, 10), (20, 30), (99, 1)):
        proc.put(pid, parent=parent)
    found = list(source(proc).snapshot())
    assert set(found) == {10, 20, 30, 40}
    assert found[0] == 10
    assert found.index(30) < found.index(20)


def test_children_of_other_threads_are_found(proc):
    proc.put(10, threads=2)
    proc.put(20, parent=5)
    proc.put_thread(10, 11, children=[20])
    assert set(source(proc).snapshot()) == {10, 20}


def test_without_lists_of_children_all_processes_are_looked_through(proc):
    for pid, parent in ((10, 1), (20, 10), (30, 20), (99, 1)):
        proc.put(pid, parent=parent)
        (proc.folder / f"{pid}/task/{pid}/children").unlink()
    assert set(source(proc).snapshot()) == {10, 20, 30}


def test_orphans_are_followed(proc):
    for pid, parent in ((10, 1), (20, 10), (30, 20)):
        proc.put(pid, parent=parent)
    look = source(proc)
    known = look.snapshot()
    proc.remove(20)
    proc.put(30, parent=1)
    assert set(look.snapshot(known)) == {10, 30}


def test_an_id_that_was_used_again_by_a_stranger_is_not_followed(proc):
    proc.put(10)
    proc.put(20, parent=10, started=1000)
    look = source(proc)
    known = look.snapshot()
    proc.put(20, parent=1, started=2000)
    assert set(look.snapshot(known)) == {10}


def test_an_id_that_was_used_again_by_a_child_is_found_the_next_time(proc):
    proc.put(10)
    proc.put(20, parent=10, started=1000)
    look = source(proc)
    known = look.snapshot()
    proc.put(20, started=2000)
    known = look.snapshot(known)
    assert look.snapshot(known)[20].started == pytest.approx(2000 * TICK)


def test_when_all_have_ended_nothing_is_found_even_if_the_id_is_used_again(proc):
    proc.put(10)
    look = source(proc)
    known = look.snapshot()
    proc.remove(10)
    known = look.snapshot(known)
    proc.put(10, started=5000)
    assert look.snapshot(known) == {}


def test_the_process_that_measures_is_no_descendant(proc):
    proc.put(10)
    proc.put(os.getpid(), parent=10)
    proc.put(20, parent=os.getpid())
    assert set(source(proc).snapshot()) == {10}


def test_a_zombie_has_ended_and_still_has_its_counters(proc):
    proc.put(10, state="Z", user=5, rss_pages=0)
    usage = source(proc).snapshot()[10]
    assert usage.ended
    assert usage.own[0] == pytest.approx(5 * TICK)
    assert (usage.rss, usage.rss_peak) == (0, 0)


def test_what_may_not_be_read_is_left_out(proc):
    proc.put(10)
    for name in ("io", "status", "smaps_rollup"):
        (proc.folder / "10" / name).unlink()
    for file in (proc.folder / "10/fd").iterdir():
        file.unlink()
    (proc.folder / "10/fd").rmdir()
    look = source(proc)
    usage = look.snapshot()[10]
    assert usage.open_files is None
    assert usage.rss == 10 * os.sysconf("SC_PAGE_SIZE")
    assert look.memory(10) is None
    assert not look.served & {"disk_read", "read", "uss", "pss"}


def test_context_switches_of_all_threads_count(proc):
    proc.put(10, threads=3, vol=5, invol=2)
    proc.put_thread(10, 11, vol=100, invol=10)
    proc.put_thread(10, 12, vol=1000, invol=20)
    usage = source(proc).snapshot()[10]
    assert usage.own[-2:] == (1105, 32)


def test_a_process_that_reaps_while_it_is_read_is_read_again(proc, monkeypatch):
    proc.put(10, reaped_faults=0, disk_write=0)
    proc.put(20, parent=10, disk_write=7)
    look = source(proc)
    known = look.snapshot()

    def reap():
        proc.remove(20)
        proc.put(10, reaped_faults=100, disk_write=7)

    once_after(monkeypatch, "10/stat", reap)
    (usage,) = look.snapshot(known).values()
    assert counters(usage.own)["disk_write"] == 7
    assert counters(usage.reaped) == {"faults": 100}


def test_a_process_that_is_being_reaped_has_gone(proc):
    proc.put(10, reaped_faults=0)
    proc.put(20, parent=10, disk_write=7)
    look = source(proc)
    known = look.snapshot()
    # Its usage is in its parent, and it can be read until the kernel has released it.
    proc.put(10, reaped_faults=100, disk_write=7)
    proc.put(20, parent=10, disk_write=7, state="X")
    assert set(look.snapshot(known)) == {10}


def test_a_process_that_goes_between_its_files_has_gone(proc, monkeypatch):
    proc.put(10)
    proc.put(20, parent=10, write=7)
    look = source(proc)
    known = look.snapshot()
    once_after(monkeypatch, "20/stat", lambda: proc.remove(20))
    assert set(look.snapshot(known)) == {10}


def test_what_a_process_has_written_does_not_go_back(proc, monkeypatch):
    proc.put(10, write=7)
    look = source(proc)
    known = look.snapshot()
    read = linux_processes.procfs.read_bytes
    hidden = lambda path: None if path.endswith("/io") else read(path)  # noqa: E731
    monkeypatch.setattr(linux_processes.procfs, "read_bytes", hidden)
    assert counters(look.snapshot(known)[10].own)["write"] == 7
    assert "write" not in counters(source(proc).snapshot()[10].own)


def test_a_process_whose_clock_lags_is_read_where_that_is_asked_for():
    with subprocess.Popen(
        ["sh", "-c", "read x; (exit); echo reaped; read x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as shell:
        look = LinuxProcesses(shell.pid, cpu_seconds=lambda pid: 0.001)
        known = look.snapshot()
        shell.stdin.write(b"\n")
        shell.stdin.flush()
        assert shell.stdout.readline() == b"reaped\n"
        known = look.snapshot(known, again=[shell.pid])
        shell.stdin.write(b"\n")
        shell.stdin.flush()
    assert known[shell.pid].reaped[COUNTERS.index("faults")] > 0


def test_this_process_is_read_again_while_it_reaps(monkeypatch):
    numbers = iter([1, 2, 2])

    def getrusage(who):
        usage = list(resource_usage)
        if who == resource.RUSAGE_CHILDREN:
            usage[6] = next(numbers)
        return tuple(usage)

    resource_usage = resource.getrusage(resource.RUSAGE_SELF)
    monkeypatch.setattr(linux_processes.resource, "getrusage", getrusage)
    usage = LinuxProcesses(os.getpid()).snapshot()[os.getpid()]
    assert usage.reaped[2] == 2
    assert next(numbers, None) is None


def test_memory_is_what_is_not_shared_and_a_part_of_the_rest(proc):
    proc.put(10, pss=30, clean=5, dirty=15)
    assert source(proc).memory(10) == Memory(20 * 1024, 30 * 1024)
    assert source(proc).memory(11) is None


def test_the_time_of_the_root_is_exact_and_divided_as_the_ticks_are(proc):
    proc.put(10, user=3, system=1)
    proc.put(20, parent=10, user=3, system=1)
    found = source(proc, cpu_seconds=lambda pid: 0.0468).snapshot()
    assert found[10].own[:2] == pytest.approx((0.0351, 0.0117))
    assert found[20].own[:2] == pytest.approx((3 * TICK, 1 * TICK))


def test_time_before_the_first_tick_is_that_of_the_program(proc):
    proc.put(10)
    found = source(proc, cpu_seconds=lambda pid: 0.004).snapshot()
    assert found[10].own[:2] == (0.004, 0.0)


def test_neither_part_of_the_exact_time_goes_back(proc):
    seconds = 0.04
    look = source(proc, cpu_seconds=lambda pid: seconds)
    proc.put(10, user=0, system=4)
    assert look.snapshot()[10].own[:2] == pytest.approx((0.0, 0.04))
    seconds = 0.05
    proc.put(10, user=4, system=1)
    assert look.snapshot()[10].own[:2] == pytest.approx((0.01, 0.04))
    seconds = 0.06
    proc.put(10, user=0, system=6)
    assert look.snapshot()[10].own[:2] == pytest.approx((0.01, 0.05))


def test_the_clock_of_a_process_is_known_until_it_is_gone():
    seconds = process_cpu_seconds(os.getpid())
    assert seconds <= time.process_time()
    assert seconds > 0
    assert process_cpu_seconds(2**22 + 1) is None


def test_this_process_is_what_getrusage_says():
    before = resource.getrusage(resource.RUSAGE_SELF)
    usage = LinuxProcesses(os.getpid()).snapshot()[os.getpid()]
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert before.ru_utime <= usage.own[0] <= after.ru_utime
    assert before.ru_minflt <= usage.own[2] <= after.ru_minflt
    assert before.ru_nvcsw <= usage.own[-2] <= after.ru_nvcsw
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert usage.reaped[0] == children.ru_utime
    assert usage.reaped_peak == children.ru_maxrss * 1024
    assert usage.parent == os.getppid()


def test_starts_are_told_on_the_clock_of_now():
    look = LinuxProcesses(os.getpid())
    started = look.snapshot()[os.getpid()].started
    assert 0 < started <= look.now()
    assert look.now() == pytest.approx(round(look.now() / TICK) * TICK)
