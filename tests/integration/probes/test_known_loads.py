"""What is measured, checked against what the load did and what others say of it."""

from __future__ import annotations

import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

import psutil
import pytest

from multimeter import Multimeter
from multimeter.analysis.statistics import RunStatistics
from multimeter.probes import ProcessProbe, ThreadProbe
from multimeter.probes.portable import PortableProcesses

MIB = 1 << 20
TICK = 1.0 / os.sysconf("SC_CLK_TCK")

# No sample but the last one: whatever happens falls between two samples.
NEVER = 3600.0


def total(result, key):
    return RunStatistics(result).total([key])


def last(result, key):
    return result.points[-1].values[key]


def status_kb(pid, key):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{key}:\s+(\d+) kB$", text, re.MULTILINE)[1])


def io_of(pid):
    text = pathlib.Path(f"/proc/{pid}/io").read_text()
    return {key: int(value) for key, value in re.findall(r"(\w+): (\d+)", text)}


@pytest.mark.parametrize("source", [None, PortableProcesses])
def test_cpu_time_that_was_burnt_is_measured(program, source):
    probe = ProcessProbe(program.pid, **({"source": source} if source else {}))
    with Multimeter(probe, cycle_time=0.05).measure() as result:
        before = program.do("time.process_time()")
        program.do("burn(1.0)")
        burnt = program.do("time.process_time()") - before
    seconds = last(result, "process.cpu_time")
    assert seconds == pytest.approx(burnt, abs=2 * TICK + 0.01)
    rates = [total(result, f"process.cpu_rate_{kind}") for kind in ("user", "system")]
    assert sum(rates) == pytest.approx(seconds, rel=1e-3, abs=1e-3)
    assert last(result, "tree.cpu_time") == pytest.approx(seconds, abs=0.01)


def test_cpu_time_is_that_of_the_time_command():
    command = shutil.which("time")
    if not command:
        pytest.skip("there is no program called time")
    burn = "import time\nwhile time.process_time() < 0.5: pass\nbytearray(64 << 20)"
    wait = ["sh", "-c", 'read go; exec "$0" "$@"']
    with subprocess.Popen(
        [*wait, command, "-f", "%U %S %M", sys.executable, "-S", "-c", burn],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as timed:
        probe = ProcessProbe(timed.pid)
        with Multimeter(probe, cycle_time=0.02).measure() as result:
            timed.stdin.write("go\n")
            timed.stdin.flush()
            said = timed.stderr.read()
            status, usage = probe.reap()
        timed.returncode = status
    user, system, peak_kb = map(float, said.split())
    assert last(result, "tree.cpu_time") == pytest.approx(user + system, abs=0.03)
    assert usage.ru_utime + usage.ru_stime == pytest.approx(user + system, abs=0.03)
    peaks = {each.measure.key: each.value for each in result.peaks}
    # The mark of a process that has ended is known to those who waited for it.
    assert peaks["tree.memory_rss_peak"] <= peak_kb * 1024 * 1.05


@pytest.mark.parametrize("from_inside", [True, False])
def test_memory_that_is_freed_between_two_samples_is_in_the_peak(program, from_inside):
    if from_inside:
        before = status_kb("self", "VmHWM")
        if before > status_kb("self", "VmRSS") + 200 * 1024:
            pytest.skip("other tests have held more before")
        with Multimeter(ProcessProbe(), cycle_time=NEVER).measure() as result:
            data = bytearray(300 * MIB)
            data[::4096] = b"x" * len(data[::4096])
            del data
        marked = status_kb("self", "VmHWM") * 1024
    else:
        probe = ProcessProbe(program.pid)
        with Multimeter(probe, cycle_time=NEVER).measure() as result:
            program.do("len(touch(200))")
        marked = status_kb(program.pid, "VmHWM") * 1024
    peaks = {each.measure.key: each for each in result.peaks}
    peak = peaks["process.memory_rss_peak"]
    assert peak.between_samples
    assert peak.in_run
    assert peak.value == marked
    assert peak.value - peak.sampled > 190 * MIB
    start = result.meta_data["baseline"]["time_ns"]
    assert peak.rose == (start, result.times_ns[0])
    tree = peaks["tree.memory_rss_peak"]
    # A child that ended before the run may have held more: then the mark says nothing.
    assert tree.value >= peak.value or tree.in_run is False


def test_a_peak_from_before_the_run_is_not_taken_for_its_own(program):
    program.do("len(touch(200))")
    probe = ProcessProbe(program.pid)
    with Multimeter(probe, cycle_time=NEVER).measure() as result:
        program.do("burn(0.01)")
    peak = result.peaks[0]
    assert peak.in_run is False
    assert peak.mark > 200 * MIB > peak.value
    assert not peak.between_samples


def test_bytes_that_were_written_and_synced_are_measured(program, tmp_path):
    file = tmp_path / "data"
    write = f"(f := open({str(file)!r}, 'wb')).write(b'x' * (10 << 20))"
    probe = ProcessProbe(program.pid)
    with Multimeter(probe, cycle_time=0.05).measure() as result:
        before = io_of(program.pid)
        program.do(write)
        program.do("[f.flush(), os.fsync(f.fileno()), f.close()]")
        after = io_of(program.pid)
    written = total(result, "process.io_write")
    assert written == pytest.approx(after["wchar"] - before["wchar"], rel=1e-3)
    assert written == pytest.approx(10 * MIB, rel=1e-3)
    stored = total(result, "process.io_disk_write")
    assert stored == pytest.approx(after["write_bytes"] - before["write_bytes"], rel=1e-2)
    if after["write_bytes"] > before["write_bytes"]:  # not in a file system in memory
        assert stored == pytest.approx(10 * MIB, rel=1e-2)


def test_children_that_live_shortly_are_measured_by_their_parent(program):
    probe = ProcessProbe(program.pid)
    with Multimeter(probe, cycle_time=NEVER).measure() as result:
        before = program.do("children()")
        program.do("[spawn(BURN.format(0.02)).wait() for _ in range(10)]")
        used = program.do("children()") - before
        own = program.do("time.process_time()")
    tree = last(result, "tree.cpu_time")
    assert used >= 10 * 0.02
    assert tree - last(result, "process.cpu_time") == pytest.approx(used, abs=2 * TICK)
    assert last(result, "process.cpu_time") <= own


def test_children_that_live_shortly_are_measured_with_samples_in_between(program):
    probe = ProcessProbe(program.pid)
    with Multimeter(probe, cycle_time=0.003).measure() as result:
        before = program.do("children()")
        program.do("[spawn(BURN.format(0.02)).wait() for _ in range(25)]")
        used = program.do("children()") - before
    children = last(result, "tree.cpu_time") - last(result, "process.cpu_time")
    assert children == pytest.approx(used, rel=0.03, abs=3 * TICK)
    assert max(result.values("tree.processes")) >= 2
    rates = list(result.values("tree.cpu_rate_user"))
    assert all(rate >= 0 for rate in rates)


def test_short_children_of_this_process_are_exact():
    burn = "import time\nwhile time.process_time() < 0.02: pass"
    with Multimeter(ProcessProbe(), cycle_time=NEVER).measure() as result:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(5):
            subprocess.run([sys.executable, "-S", "-c", burn], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    children = last(result, "tree.cpu_time") - last(result, "process.cpu_time")
    assert children == pytest.approx(used, abs=1e-4)


def test_children_write_bytes_that_their_parent_takes_over_once(program, tmp_path):
    code = f"open({str(tmp_path / 'data')!r}, 'wb').write(b'x' * (4 << 20))"
    probe = ProcessProbe(program.pid)
    with Multimeter(probe, cycle_time=0.003).measure() as result:
        before = io_of(program.pid)["wchar"]
        program.do(f"[spawn({code!r}).wait() for _ in range(5)]")
        taken_over = io_of(program.pid)["wchar"] - before
    assert taken_over >= 20 * MIB
    assert total(result, "tree.io_write") == pytest.approx(taken_over, rel=0.01)


# A process, its child, and the child of that; the last one says when all are there.
DEEP = (
    "import subprocess, sys, time\n"
    "x = bytearray({size}); x[::4096] = b'x' * len(x[::4096])\n"
    "while time.process_time() < 0.1: pass\n"
    "{then}\n"
    "sys.stdin.read()\n"
)


def test_a_tree_three_deep_is_added_up(program, tmp_path):
    ready = tmp_path / "ready"
    leaf = DEEP.format(size=30 * MIB, then=f"open({str(ready)!r}, 'w').close()")
    start = "subprocess.Popen([sys.executable, '-S', '-c', {!r}])"
    middle = DEEP.format(size=20 * MIB, then=start.format(leaf))
    top = DEEP.format(size=10 * MIB, then=start.format(middle))
    probe = ProcessProbe(program.pid, separate_children=3)
    measurement = Multimeter(probe, cycle_time=0.02).measure()
    result = measurement.start()
    program.do(f"kept.append(spawn({top!r}))")
    wait_for(ready.exists)
    rss = [each.memory_info().rss for each in _tree(program.pid)]
    measurement.end()
    assert last(result, "tree.processes") == 4 == len(rss)
    assert last(result, "tree.memory_rss") == pytest.approx(sum(rss), rel=0.02)
    assert last(result, "tree.memory_rss") > 60 * MIB
    assert last(result, "tree.cpu_time") >= 0.3 - 3 * TICK
    assert any(0 < uss < 200 * MIB for uss in result.values("tree.memory_uss") if uss)
    children = [each for each in result.schema.subjects if each.key.startswith("child:")]
    assert len(children) == 3


def test_who_has_lost_their_parent_is_followed(program, tmp_path):
    ready = tmp_path / "ready"
    leaf = DEEP.format(size=30 * MIB, then=f"open({str(ready)!r}, 'w').close()")
    middle = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {leaf!r}])"
    )
    program.do(f"kept.append(spawn({middle + '; sys.stdin.read()'!r}))")
    wait_for(ready.exists)
    _, parent, orphan = _tree(program.pid)
    with Multimeter(ProcessProbe(program.pid), cycle_time=NEVER).measure() as result:
        parent.kill()
        wait_for(lambda: orphan.ppid() != parent.pid)
        program.do("kept[-1].wait()")
    assert last(result, "tree.processes") == 2
    assert last(result, "tree.memory_rss") > 30 * MIB
    orphan.kill()


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _tree(pid):
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def test_threads_are_measured_by_their_names():
    used = {}

    def burn():
        end = time.thread_time() + 0.3
        while time.thread_time() < end:
            pass
        used["busy"] = time.thread_time()
        done.wait()

    done, idle = threading.Event(), threading.Event()
    with Multimeter(ThreadProbe("busy", "idle"), cycle_time=0.05).measure() as result:
        threads = [
            threading.Thread(target=burn, name="busy"),
            threading.Thread(target=idle.wait, name="idle"),
        ]
        for thread in threads:
            thread.start()
        while "busy" not in used:
            time.sleep(0.01)
    for event in (done, idle):
        event.set()
    for thread in threads:
        thread.join()
    assert total(result, "thread:busy.cpu_rate") == pytest.approx(used["busy"], abs=0.02)
    assert total(result, "thread:idle.cpu_rate") < 0.05


def test_levels_are_those_that_psutil_tells(program):
    program.do("kept.append(touch(20)) or len(kept)")
    program.do("kept.append([open('/dev/null') for _ in range(7)]) or len(kept)")
    thread = "threading.Thread(target=time.sleep, args=(3600,), daemon=True)"
    program.do(f"kept.append({thread}) or kept[-1].start()")
    probe = ProcessProbe(program.pid)
    with Multimeter(probe, cycle_time=NEVER).measure() as result:
        pass
    values = result.points[-1].values
    theirs = psutil.Process(program.pid)
    full = theirs.memory_full_info()
    assert values["process.memory_rss"] == pytest.approx(full.rss, rel=0.02)
    assert values["process.memory_uss"] == pytest.approx(full.uss, rel=0.01)
    assert values["process.memory_pss"] == pytest.approx(full.pss, rel=0.01)
    assert values["process.open_files"] == theirs.num_fds()
    assert values["process.threads"] == theirs.num_threads() == 2


def test_a_command_that_ends_at_once_is_measured_whole():
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "print(sum(range(10**6)))"], stdout=subprocess.DEVNULL
    ) as process:
        probe = ProcessProbe(process.pid, since_start=True)
        with Multimeter(probe, cycle_time=NEVER).measure() as result:
            status, usage = probe.reap()
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert not probe.alive
    used = usage.ru_utime + usage.ru_stime
    assert last(result, "process.cpu_time") == pytest.approx(used, abs=1e-3)
    rates = [total(result, f"tree.cpu_rate_{kind}") for kind in ("user", "system")]
    assert sum(rates) == pytest.approx(used, abs=2e-3)
    assert last(result, "process.memory_rss") == 0
    assert last(result, "tree.processes") == 0


# In a process of its own, which itself has held little.
WAITED_FOR = """
import subprocess, sys
from multimeter import Multimeter
from multimeter.probes import ProcessProbe
code = "import sys; sys.stdin.read(1); bytearray({size} << 20)"
process = subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE)
probe = ProcessProbe(process.pid)
with Multimeter(probe, cycle_time=3600).measure() as result:
    process.stdin.close()
    _, usage = probe.reap()
for peak in result.peaks:
    print(peak.value, usage.ru_maxrss * 1024, peak.between_samples)
"""


def waited_for(size):
    code = WAITED_FOR.replace("{size}", str(size))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    return [(float(value), float(said), between) for value, said, between in rows]


def test_a_peak_that_only_the_kernel_has_seen_is_told_when_it_was_waited_for():
    rows = waited_for(200)
    assert len(rows) == 2
    for value, said, between_samples in rows:
        assert value == said > 200 * MIB
        assert between_samples == "True"


def test_memory_of_who_started_a_process_is_not_taken_for_its_own():
    for value, said, _ in waited_for(0):
        assert value < said


@pytest.mark.parametrize("glance", [True, False])
def test_a_glance_is_enough_to_know_what_a_child_held_between_two_samples(program, glance):
    probe = ProcessProbe(program.pid)
    probe.start()
    code = "x = b'x' * (300 << 20); print(1, flush=True); input()"
    program.do(f"kept.append(spawn({code!r}))")
    program.process.stdout.readline()
    if glance:
        probe.glance()
    program.do("kept[0].communicate(b'x') and 0")
    values = {}
    probe.sample(values, 1.0)
    assert (values["tree.memory_rss_peak"] > 300 * 1024**2) == glance
