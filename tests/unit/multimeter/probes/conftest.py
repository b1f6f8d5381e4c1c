"""Trees of files as Linux shows them, and a source of processes, for tests."""

from __future__ import annotations

import pytest

from multimeter.probes.usage import COUNTERS, Memory, Usage

STAT = (
    "{pid} ({name}) {state} {parent} 1 1 0 -1 4194304 {faults} {reaped_faults} "
    "{faults_with_io} {reaped_faults_with_io} {user} {system} {reaped_user} "
    "{reaped_system} 20 0 {threads} 0 {started} 1000000 {rss_pages} 18446744073709551615 "
    "1 1 0 0 0 0 0 0 65536 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
STATUS = """\
Name:\t{name}
State:\t{state}
Pid:\t{pid}
{memory}Threads:\t{threads}
SigQ:\t1/96365
voluntary_ctxt_switches:\t{vol}
nonvoluntary_ctxt_switches:\t{invol}
"""
IO = """\
rchar: {read}
wchar: {write}
syscr: 10
syscw: 20
read_bytes: {disk_read}
write_bytes: {disk_write}
cancelled_write_bytes: {cancelled}
"""
ROLLUP = """\
00400000-7ffff000 ---p 00000000 00:00 0    [rollup]
Rss:                2000 kB
Pss:                {pss} kB
Pss_Dirty:          10 kB
Private_Clean:      {clean} kB
Private_Dirty:      {dirty} kB
Private_Hugetlb:    0 kB
"""
DEFAULTS = {
    "name": "python",
    "state": "S",
    "parent": 1,
    "user": 0,
    "system": 0,
    "reaped_user": 0,
    "reaped_system": 0,
    "faults": 100,
    "reaped_faults": 0,
    "faults_with_io": 0,
    "reaped_faults_with_io": 0,
    "threads": 1,
    "started": 1000,
    "rss_pages": 10,
    "peak_kb": 80,
    "vol": 5,
    "invol": 2,
    "read": 0,
    "write": 0,
    "disk_read": 0,
    "disk_write": 0,
    "cancelled": 0,
    "pss": 30,
    "clean": 5,
    "dirty": 15,
}


class FakeProc:
    """A folder that looks like /proc."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = {}

    def __str__(self):
        return str(self.folder)

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def put(self, pid, **values):
        """Add a process, or change one."""
        known = {"pid": pid, **DEFAULTS, **self.processes.get(pid, {}), **values}
        self.processes[pid] = known
        memory = f"VmHWM:\t{known['peak_kb']} kB\nVmRSS:\t{known['rss_pages'] * 4} kB\n"
        known["memory"] = "" if known["state"] == "Z" else memory
        self.write(f"{pid}/stat", STAT.format(**known))
        self.write(f"{pid}/status", STATUS.format(**known))
        self.write(f"{pid}/io", IO.format(**known))
        self.write(f"{pid}/smaps_rollup", ROLLUP.format(**known))
        self.write(f"{pid}/fd/0", "")
        self.write(f"{pid}/fd/1", "")
        self.write(f"{pid}/task/{pid}/status", STATUS.format(**known))
        self._list_children()

    def put_thread(self, pid, thread, children=(), **values):
        known = {"pid": thread, **DEFAULTS, **values, "memory": ""}
        self.write(f"{pid}/task/{thread}/status", STATUS.format(**known))
        self.write(f"{pid}/task/{thread}/children", " ".join(map(str, children)))

    def remove(self, pid):
        del self.processes[pid]
        for file in sorted((self.folder / str(pid)).rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        (self.folder / str(pid)).rmdir()
        self._list_children()

    def _list_children(self):
        for pid in self.processes:
            children = [p for p, known in self.processes.items() if known["parent"] == pid]
            listed = "".join(f"{child} " for child in children)
            self.write(f"{pid}/task/{pid}/children", listed)


class FakeProcesses:
    """A source of processes that a test sets as it likes."""

    served = frozenset({*COUNTERS, "rss_peak", "threads", "open_files", "uss", "pss"})
    merged = frozenset()

    def __init__(self, root=1):
        self.root = root
        self.here = {}
        self.shared = {}
        self.asked = []
        self.time = 100.0

    def __call__(self, root):
        self.root = root
        return self

    def now(self):
        return self.time

    def snapshot(self, known=None, again=()):
        return dict(self.here)

    def memory(self, pid):
        self.asked.append(pid)
        return self.shared.get(pid, Memory(10, 20))


def usage(parent=0, started=50.0, reaped=None, **values):
    """Return a usage with some counters and fields."""
    own = tuple(float(values.pop(name, 0.0)) for name in COUNTERS)
    passed = tuple(float((reaped or {}).get(name, 0.0)) for name in COUNTERS)
    return Usage(parent, started, own, passed, **values)


@pytest.fixture
def proc(tmp_path):
    return FakeProc(tmp_path)


@pytest.fixture
def processes():
    return FakeProcesses()


@pytest.fixture
def make_usage():
    return usage
