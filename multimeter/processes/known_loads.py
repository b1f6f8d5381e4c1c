"""Known loads: small programs that use a known amount, and report what they used.

Each process of a load appends one line to the file that ``MULTIMETER_TRUTH`` names, right
before it leaves: what getrusage(2), ``/proc/self/io`` and ``VmHWM`` of
``/proc/self/status`` have of it. All of them together are the truth.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["LOADS", "TRUTH", "Load", "Truth", "truth_of"]

TRUTH = "MULTIMETER_TRUTH"
"""The variable of the environment with the file that a load reports to."""

_PREAMBLE = """
import json, os, resource, time

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def hold(megabytes):
    # Every page is written to: untouched memory is not resident.
    memory = bytearray(megabytes << 20)
    memory[::4096] = bytes(1) * (megabytes << 8)
    return memory

def field(file, name):
    try:
        with open(file) as stream:
            for line in stream:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
    except OSError:
        pass

def usage(peak, written):
    used = resource.getrusage(resource.RUSAGE_SELF)
    return json.dumps({
        "peak_memory": None if peak is None else peak * 1024,
        "written": written,
        "cpu_time": used.ru_utime + used.ru_stime,
        "page_faults": used.ru_minflt + used.ru_majflt,
        "context_switches": used.ru_nvcsw + used.ru_nivcsw,
    }).encode() + b"\\n"

def leave():
    written = field("/proc/self/io", "write_bytes")
    peak = field("/proc/self/status", "VmHWM")
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    file = os.open(os.environ["MULTIMETER_TRUTH"], flags, 0o600)
    # The first time, pages are copied that a parent has shared: that shall be in it.
    usage(peak, written)
    os.write(file, usage(peak, written))
    os._exit(0)

def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        leave()
    return pid

def wait(*pids):
    for pid in pids:
        os.waitpid(pid, 0)
"""


@dataclass(frozen=True)
class Load:
    """A program that uses a known amount.

    Attributes:
        name: Its name in reports.
        source: Its source in Python, without what all loads share.
        figures: The ids of the figures that it is about.
        together: Whether its processes hold their memory at the same time, so that the
            truth of the peak is the sum.
    """

    name: str
    source: str
    figures: tuple[str, ...]
    together: bool = False

    @property
    def program(self) -> str:
        """The whole program."""
        return f"{_PREAMBLE}\n{self.source}\nleave()\n"


_CPU = ("cpu_time",)
_PEAK = ("peak_memory",)

LOADS = (
    Load("one process computes for 0.5 s", "burn(0.5)", _CPU),
    Load(
        "two threads compute for 0.3 s each",
        "import threading\n"
        "threads = [threading.Thread(target=burn, args=(0.3,)) for _ in range(2)]\n"
        "[each.start() for each in threads]\n[each.join() for each in threads]",
        _CPU,
    ),
    Load(
        "30 children, 20 ms each",
        "for _ in range(30):\n    wait(child(lambda: burn(0.02)))",
        (*_CPU, "page_faults"),
    ),
    Load(
        "a daemon: its parent ends first",
        "wait(child(lambda: (child(lambda: burn(0.3)), time.sleep(0.02))))\n"
        "time.sleep(0.6)",
        _CPU,
    ),
    Load(
        "SIGCHLD is ignored, 20 children of 20 ms",
        "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "for _ in range(20):\n    child(lambda: burn(0.02))\n    time.sleep(0.04)",
        _CPU,
    ),
    Load("100 MiB for 20 ms", "x = hold(100)\ntime.sleep(0.02)\ndel x\nburn(0.1)", _PEAK),
    Load("20 MiB at the very end", "burn(0.05)\nx = hold(20)", _PEAK),
    Load("nothing at all", "", _PEAK),
    Load(
        "three children hold 40 MiB at once, for 50 ms",
        "held, all_held = os.pipe(), os.pipe()\n"
        "def work():\n    x = hold(40)\n    os.write(held[1], b'x')\n"
        "    os.read(all_held[0], 1)\n    time.sleep(0.05)\n"
        "children = [child(work) for _ in range(3)]\n"
        "for _ in children:\n    os.read(held[0], 1)\n"
        "os.write(all_held[1], b'xxx')\nwait(*children)",
        _PEAK,
        together=True,
    ),
    Load(
        "16 MiB are written and synced",
        "with open(os.environ['MULTIMETER_TRUTH'] + '.data', 'wb') as file:\n"
        "    for _ in range(16):\n        file.write(os.urandom(1 << 20))\n"
        "    os.fsync(file.fileno())",
        ("written",),
    ),
    Load(
        "a parent removes what its child wrote",
        "path = os.environ['MULTIMETER_TRUTH'] + '.data'\n"
        "def work():\n    with open(path, 'wb') as file:\n"
        "        file.write(os.urandom(8 << 20))\n"
        "wait(child(work))\nos.remove(path)\n"
        "with open(path, 'wb') as file:\n    file.write(os.urandom(8 << 20))\n"
        "    os.fsync(file.fileno())",
        ("written",),
    ),
    Load("20,000 pages are touched", "x = hold(80)", ("page_faults",)),
    Load(
        "20 threads take 20 naps each",
        "import threading\n"
        "def nap():\n    for _ in range(20):\n        time.sleep(0.001)\n"
        "threads = [threading.Thread(target=nap) for _ in range(20)]\n"
        "[each.start() for each in threads]\n[each.join() for each in threads]",
        ("context_switches",),
    ),
    Load(
        "20 children take 20 naps each",
        "def nap():\n    for _ in range(20):\n        time.sleep(0.001)\n"
        "for _ in range(20):\n    wait(child(nap))",
        ("context_switches",),
    ),
)
"""The loads of ``multimeter selftest`` and of ``benchmarks/accuracy.py``."""


@dataclass(frozen=True)
class Truth:
    """What the processes of a load have reported.

    Attributes:
        values: The ids of figures to their values; those that the system does not have
            are missing.
        processes: How many have reported.
    """

    values: dict[str, float]
    processes: int


def truth_of(load: Load, file: pathlib.Path) -> Truth:
    """Read what a load has reported.

    Args:
        load: The load.
        file: The file that it reported to.

    Raises:
        OSError: It has not reported.
    """
    reports = [json.loads(line) for line in file.read_text().splitlines()]
    values = {}
    for key in load.figures:
        numbers = [each[key] for each in reports]
        if all(number is not None for number in numbers):
            values[key] = _combined(key, numbers, together=load.together)
    return Truth(values, len(reports))


def _combined(key: str, numbers: Iterable[float], *, together: bool) -> float:
    # The kernel adds the I/O of a child to the parent that waits for it.
    if key == "written" or (key == "peak_memory" and not together):
        return max(numbers)
    return sum(numbers)
