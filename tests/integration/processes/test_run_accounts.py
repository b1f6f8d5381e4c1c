"""``multimeter run`` on known loads: each process that the command starts is accounted for.

Each load writes what it used itself, at its end, to a file: the truth.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

from multimeter.processes.run_cgroup import open_cgroup

MIB = 1024**2

LOAD = """
import json, os, resource, signal, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def touch(mib):
    block = bytearray(mib << 20)
    block[::4096] = b'x' * len(block[::4096])
    return block
def truth():
    own = resource.getrusage(resource.RUSAGE_SELF)
    line = json.dumps({"cpu_time": own.ru_utime + own.ru_stime,
                       "context_switches": own.ru_nvcsw + own.ru_nivcsw,
                       "page_faults": own.ru_minflt + own.ru_majflt})
    with open(os.environ["TRUTH"], "a") as file: file.write(line + "\\n")
def child(work):
    pid = os.fork()
    if not pid:
        work()
        truth()
        os._exit(0)
    return pid
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what Linux accounts for")


WITHOUT_RECORDS = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin")
HIDE = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'
WITHOUT_GROUPS = ("unshare", "--mount", "sh", "-c", HIDE, "sh")


def can_hide():
    """Return whether a run can be kept from exit records and groups of its own."""
    if os.geteuid():
        return True
    if not shutil.which("setpriv") or not shutil.which("unshare"):
        return False
    return subprocess.run([*WITHOUT_GROUPS, "true"], check=False).returncode == 0


class Load:
    """Runs a load under ``multimeter run``, with or without the rights of root."""

    def __init__(self, multimeter, rights, *, may_have_group=False):
        self.multimeter = multimeter
        self.rights = rights
        self.may_have_group = may_have_group
        self.truth_file = multimeter.home / "truth"

    def __call__(self, code, *options, interpreter=True):
        words = [*options, "--json", "summary.json", "-q", "--"]
        words += [sys.executable, "-S", "-c", LOAD + code] if interpreter else code
        command = self.multimeter.words("run", *words)
        if not self.rights and os.geteuid() == 0:
            command = [*WITHOUT_RECORDS, *command]
            if not self.may_have_group:
                command = [*WITHOUT_GROUPS, *command]
        self.truth_file.unlink(missing_ok=True)
        done = subprocess.run(
            command,
            env={**self.multimeter.environment, "TRUTH": str(self.truth_file)},
            cwd=self.multimeter.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=True,
        )
        assert not done.stderr
        summary = json.loads((self.multimeter.home / "summary.json").read_text())
        return summary["figures"]

    def truth(self, figure):
        lines = self.truth_file.read_text().splitlines()
        return sum(json.loads(line)[figure] for line in lines)


@pytest.fixture(
    params=[
        pytest.param(False, id="without rights"),
        pytest.param(
            True,
            id="root",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
        ),
    ]
)
def load(request, multimeter):
    if not request.param and not can_hide():
        pytest.skip("needs setpriv and unshare")
    return Load(multimeter, request.param)


@pytest.fixture
def without_rights(multimeter):
    if not can_hide():
        pytest.skip("needs setpriv and unshare")
    return Load(multimeter, rights=False)


def is_exact(figure):
    return figure["low"] == figure["value"] == figure["high"] and not figure["flags"]


ORPHANS = {
    "double forks": """
for _ in range(5):
    def middle():
        child(lambda: burn(0.05))
    os.waitpid(child(middle), 0)
while True:
    with open(os.environ["TRUTH"]) as file:
        if len(file.readlines()) == 10: break
    time.sleep(0.01)
truth()
""",
    "a session of its own": """
def middle():
    os.setsid()
    child(lambda: burn(0.2))
os.waitpid(child(middle), 0)
while len(open(os.environ["TRUTH"]).readlines()) < 2: time.sleep(0.01)
truth()
""",
    "children that are waited for": """
for _ in range(10): os.waitpid(child(lambda: burn(0.02)), 0)
truth()
""",
    "threads that ended": """
import threading
for _ in range(5):
    thread = threading.Thread(target=lambda: [time.sleep(0.0005) for _ in range(40)])
    thread.start(); thread.join()
truth()
""",
}


@pytest.mark.parametrize("code", ORPHANS.values(), ids=ORPHANS.keys())
def test_all_processes_count_whoever_their_parent_is(load, code):
    figures = load(code)
    # What the interpreter does after the truth was written is not in it.
    processes = len(load.truth_file.read_text().splitlines())
    for key, unseen in (("cpu_time", 0.015), ("context_switches", 6), ("page_faults", 400)):
        truth = load.truth(key)
        assert is_exact(figures[key]), key
        assert truth * 0.995 <= figures[key]["value"] <= truth + unseen * processes, key


def test_a_job_in_the_background_of_a_shell_counts(load):
    burn = f"{sys.executable} -S -c 'import time\nwhile time.process_time() < 0.3: pass'"
    command = ["sh", "-c", f"({burn} &); sleep 0.1"]
    figures = load(command, "--wait-all", interpreter=False)
    assert 0.3 <= figures["cpu_time"]["value"] < 0.4


OUTLIVE = "child(lambda: (burn(0.3), time.sleep(0.2), burn(0.3))); time.sleep(0.6); truth()"


def test_a_process_that_outlives_the_command_counts_so_far_and_is_named(load):
    figure = load(OUTLIVE)["cpu_time"]
    assert 0.1 < figure["value"] < 0.65
    assert figure["high"] is None
    assert figure["flags"] == ["incomplete: 1 process still runs"]
    time.sleep(1)  # until it has written its truth


def test_with_wait_all_it_is_waited_for(load):
    begin = time.monotonic()
    figures = load(OUTLIVE, "--wait-all")
    assert time.monotonic() - begin > 0.8
    assert is_exact(figures["cpu_time"])
    assert figures["cpu_time"]["value"] == pytest.approx(load.truth("cpu_time"), abs=0.03)


IGNORED = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(8):
    pid = child(lambda: burn(0.1))
    try: os.waitpid(pid, 0)
    except ChildProcessError: pass
truth()
"""


def test_children_that_no_process_waits_for_are_counted_and_flagged(without_rights):
    figure = without_rights(IGNORED)["cpu_time"]
    truth = without_rights.truth("cpu_time")
    assert 0.5 * truth < figure["value"] <= truth
    assert figure["low"] <= figure["value"]
    assert figure["high"] is None
    assert figure["flags"] == ["at least", "8 processes ended unseen"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_as_root_the_kernel_has_recorded_them(multimeter):
    load = Load(multimeter, rights=True)
    figures = load(IGNORED)
    truth = load.truth("cpu_time")
    assert figures["cpu_time"]["source"] == "taskstats"
    assert is_exact(figures["cpu_time"])
    assert truth <= figures["cpu_time"]["value"] <= truth + 0.05


@pytest.fixture
def groups():
    """Return the groups of runs that there are."""
    before = set(pathlib.Path("/sys/fs/cgroup").glob("**/multimeter-*"))
    yield
    # Those of other tests that run at the same time go away as well.
    deadline = time.monotonic() + 20
    while set(pathlib.Path("/sys/fs/cgroup").glob("**/multimeter-*")) - before:
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_in_a_group_of_its_own_they_are_counted_as_well(multimeter, groups):
    if not shutil.which("setpriv") or not can_make_group():
        pytest.skip("needs setpriv, and a group that can be made")
    load = Load(multimeter, rights=False, may_have_group=True)
    figure = load(IGNORED)["cpu_time"]
    truth = load.truth("cpu_time")
    assert figure["source"] == "cgroup"
    assert is_exact(figure)
    assert truth <= figure["value"] <= truth + 0.1


def can_make_group():
    group = open_cgroup()
    if group is None:
        return False
    has_cpu = group.cpu_time is not None
    group.close()
    return has_cpu


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_group_is_removed_also_where_a_process_goes_on_or_none_was_started(
    multimeter, groups
):
    assert multimeter.run("run", "-q", "sh", "-c", "sleep 2 &").returncode == 0
    assert multimeter.run("run", "-q", "/nonexistent").returncode == 127


def test_bytes_of_children_count_once(load, tmp_path):
    code = f"""
def write():
    with open({str(tmp_path / "file")!r}, "wb") as file:
        file.write(b"x" * (4 << 20)); os.fsync(file.fileno())
for _ in range(3): os.waitpid(child(write), 0)
"""
    figures = load(code)
    if "written" not in figures or not figures["written"]["value"]:
        pytest.skip("files are in memory here, or the kernel does not count")
    assert 12 * MIB <= figures["written"]["value"] < 12.5 * MIB


def test_a_command_that_does_nothing_has_a_peak_between_bounds(load):
    figure = load(["true"], interpreter=False)["peak_memory"]
    if load.rights:
        assert 0.5 * MIB < figure["value"] < 3 * MIB
        assert is_exact(figure)
    else:
        assert figure["flags"] == ["at least"]
        assert figure["low"] < 3 * MIB < figure["high"]


def test_memory_that_is_touched_just_before_the_end_lies_between_the_bounds(load):
    code = "time.sleep(0.2); block = touch(20); os._exit(0)"
    figure = load(code)["peak_memory"]
    assert figure["low"] < 32 * MIB
    assert figure["high"] > 25 * MIB
    if load.rights:
        assert figure["value"] == pytest.approx(29 * MIB, rel=0.15)


def test_the_peak_of_several_processes_between_samples_lies_between_the_bounds(load):
    code = """
def peak():
    time.sleep(0.6 - time.monotonic() % 0.1)
    block = touch(50)
    del block
    time.sleep(0.3)
for _ in range(4): child(peak)
for _ in range(4): os.wait()
"""
    figure = load(code)["peak_memory"]
    low, high = 4 * 50 * MIB, 5 * 15 * MIB + 4 * 50 * MIB
    assert figure["low"] <= high
    assert figure["high"] is None or figure["high"] >= low
    assert figure["low"] == figure["value"] >= 50 * MIB


def test_memory_that_processes_share_is_told_once_as_well(load):
    code = """
block = touch(100)
for _ in range(4): child(lambda: time.sleep(0.5))
for _ in range(4): os.wait()
"""
    figures = load(code)
    assert figures["peak_memory"]["value"] > 450 * MIB
    assert 100 * MIB < figures["peak_pss"]["value"] < 150 * MIB
