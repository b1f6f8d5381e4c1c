"""Windows and macOS, by a Python that lacks what they lack."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What Python has on Linux, but neither on Windows nor, some of it, on macOS.
_TAKE_AWAY = """
import sys, os, time
system = {system!r}
import importlib.metadata, logging, shutil, subprocess
import psutil  # these ask for their system when they are loaded
sys.platform = system
if system == "win32":
    for name in ("resource", "fcntl", "pwd", "grp", "termios"):
        sys.modules[name] = None
    for name in ("sysconf", "wait4", "waitid", "getppid", "setsid"):
        if hasattr(os, name):
            delattr(os, name)
for name in ("CLOCK_BOOTTIME", "clock_gettime"):
    delattr(time, name)
for name in ("cgroup", "energy", "linux_processes", "linux_system"):
    sys.modules["multimeter.probes." + name] = None
"""
_USE = """
from multimeter import Multimeter, UnsupportedError
from multimeter.probes import ProcessProbe, SystemProbe, default_probes
from multimeter.probes import ThreadProbe
names = [type(each).__name__ for each in default_probes()]
assert names == ["ProcessProbe", "SystemProbe", "PythonProbe", "SamplerProbe"], names
with Multimeter(*default_probes(), cycle_time=0.01).measure() as result:
    sum(range(100_000))
values = result.points[-1].values
assert values["process.memory_rss"] > 1_000_000
assert values["tree.processes"] >= 1
assert values["system.memory_used"] > 0
assert values["python.python_threads"] >= 1
assert "process.memory_pss" not in values
if system == "darwin":
    try:
        ThreadProbe()
    except UnsupportedError as error:
        print("said:", error.what)
else:
    from multimeter import ResourceProbe
    try:
        ResourceProbe()
    except UnsupportedError as error:
        print("said:", error.next_step)
"""


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("win32", "Use multimeter.probes.ProcessProbe()"),
        ("darwin", "This system does not report the CPU time of threads"),
    ],
)
def test_what_there_is_everywhere_is_measured_everywhere(system, said):
    code = _TAKE_AWAY.format(system=system) + _USE
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_importing_the_library_loads_neither_psutil_nor_probes():
    code = (
        "import sys, multimeter\n"
        "print([m for m in sys.modules if 'psutil' in m or 'probes' in m])"
    )
    done = run(code)
    assert done.stdout.strip() == "[]"


def test_linux_is_measured_without_psutil():
    code = (
        "import sys; sys.modules['psutil'] = None\n"
        "from multimeter import Multimeter\n"
        "from multimeter.probes import default_probes\n"
        "with Multimeter(*default_probes()).measure() as result: pass\n"
        "print(len(result.points))"
    )
    done = run(code)
    assert done.stdout.strip() == "1", done.stderr
