"""Read processes and the whole machine with psutil, on any system."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Mapping
from typing import Any

import psutil

from multimeter.probes.usage import COUNTERS, Memory, Usage

__all__ = ["PortableProcesses", "PortableSystem"]

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


_BYTES = 1 if sys.platform == "darwin" else 1024
_ROUNDING = 0.05
_PLACES = {name: place for place, name in enumerate(COUNTERS)}


class PortableProcesses:
    """Uses psutil, and getrusage(2), if there is one, for the current process.

    Args:
        root: The process id of the root.
    """

    merged: frozenset[str] = frozenset()

    def __init__(self, root: int) -> None:
        self.root = root
        self._me = os.getpid()
        self._processes: dict[tuple[int, float], psutil.Process] = {}
        self.served = self._served()

    def now(self) -> float:
        """Return the time since the epoch, in s, less the rounding error of start times."""
        return time.time() - _ROUNDING

    def snapshot(
        self,
        known: Mapping[int, Usage] | None = None,
        again: Collection[int] = (),  # noqa: ARG002 - all are
    ) -> dict[int, Usage]:
        """Read the root and its descendants."""
        before = self._processes
        if known is None:
            try:
                first = [psutil.Process(self.root)]
            except psutil.Error:
                return {}
        else:
            first = [before[pid, usage.started] for pid, usage in known.items()]
        living = {p.pid: p for p in first if p.is_running()}
        for process in tuple(living.values()):
            for child in _children(process):
                living.setdefault(child.pid, child)
        if self.root != self._me:
            living.pop(self._me, None)
        readings = ((pid, _usage(process)) for pid, process in living.items())
        usages = {pid: usage for pid, usage in readings if usage}
        self._processes = {(p, u.started): living[p] for p, u in usages.items()}
        return usages

    def memory(self, pid: int) -> Memory | None:
        """Return the shared and unshared memory of a process; this is slow."""
        try:
            full = psutil.Process(pid).memory_full_info()
        except (psutil.Error, OSError):
            return None
        return Memory(full.uss, getattr(full, "pss", None))

    def _served(self) -> frozenset[str]:
        """Return which parts of :class:`Usage` this system reports."""
        served = {"user", "system", "threads", "open_files", "uss"}
        process = psutil.Process
        if hasattr(process, "io_counters"):
            served |= {"read", "write"}
        if hasattr(process, "num_ctx_switches"):
            served |= {"switches_vol", "switches_invol"}
        if sys.platform == "win32" or (self.root == self._me and resource):
            served |= {"rss_peak", "faults"}
        return frozenset(served)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except (psutil.Error, OSError):
        return []


def _usage(process: psutil.Process) -> Usage | None:
    try:
        with process.oneshot():
            return _usage_at_once(process)
    except (psutil.Error, OSError):
        return None


def _usage_at_once(process: psutil.Process) -> Usage:
    cpu, memory = process.cpu_times(), process.memory_info()
    own, reaped = [0.0] * len(COUNTERS), [0.0] * len(COUNTERS)
    own[:2] = cpu.user, cpu.system
    own[_PLACES["faults"]] = getattr(memory, "num_page_faults", 0)
    peak, reaped_peak = getattr(memory, "peak_wset", 0), 0
    if process.pid == os.getpid() and resource is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        own[:4] = usage[0], usage[1], usage[6], usage[7]
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        reaped[:4] = children[0], children[1], children[6], children[7]
        peak, reaped_peak = usage[2] * _BYTES, children[2] * _BYTES
    _fill(own, process, "io_counters", read="read_bytes", write="write_bytes")
    _fill(
        own,
        process,
        "num_ctx_switches",
        switches_vol="voluntary",
        switches_invol="involuntary",
    )
    files = getattr(process, "num_fds", None) or getattr(process, "num_handles", None)
    return Usage(
        process.ppid(),
        process.create_time(),
        tuple(own),
        tuple(reaped),
        memory.rss,
        peak,
        reaped_peak,
        process.num_threads(),
        _call(files),
        process.name(),
        process.status() == psutil.STATUS_ZOMBIE,
    )


def _fill(values: list[float], process: Any, method: str, **attributes: str) -> None:
    """Fill in the values of a method, if this system has it."""
    answer = _call(getattr(process, method, None))
    for name, attribute in attributes.items():
        values[_PLACES[name]] = getattr(answer, attribute, 0.0)


def _call(method: Any) -> Any:
    """Return the result of a method, or None if it is missing or refused."""
    try:
        return method() if method else None
    except (psutil.AccessDenied, NotImplementedError, OSError):
        return None


class PortableSystem:
    """Reads the counters and levels of psutil."""

    def counters(self) -> dict[str, float]:
        """Return the counters: CPU in seconds, bytes of disks and interfaces."""
        cpu = psutil.cpu_times()
        counters = {
            "cpu_user": cpu.user + getattr(cpu, "nice", 0.0),
            # Only Linux counts interrupts separately from the rest of the system.
            "cpu_system": cpu.system
            + getattr(cpu, "irq", 0.0)
            + getattr(cpu, "softirq", 0.0),
        }
        for name, disk in (psutil.disk_io_counters(perdisk=True) or {}).items():
            counters[f"disk_read {name}"] = disk.read_bytes
            counters[f"disk_write {name}"] = disk.write_bytes
        for name, interface in psutil.net_io_counters(pernic=True).items():
            if not name.lower().startswith("lo"):
                counters[f"network_received {name}"] = interface.bytes_recv
                counters[f"network_sent {name}"] = interface.bytes_sent
        return counters

    def levels(self) -> dict[str, float]:
        """Return the levels: memory in bytes, and the load."""
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        levels: dict[str, float] = {
            "memory_used": memory.total - memory.available,
            "memory_available": memory.available,
            "swap_used": swap.used,
        }
        if not psutil.WINDOWS:  # there, psutil emulates it with a thread
            levels["load_1"] = psutil.getloadavg()[0]
        return levels
