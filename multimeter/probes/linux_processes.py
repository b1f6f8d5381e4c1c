"""Read processes from /proc on Linux."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from multimeter.probes import procfs
from multimeter.probes.usage import COUNTERS, Memory, Usage

__all__ = ["LinuxProcesses", "process_cpu_seconds"]

_ENDED = "ZXx"
_PRIVATE = (b"\nPrivate_Clean:", b"\nPrivate_Dirty:", b"\nPrivate_Hugetlb:")

_IO = frozenset({"disk_read", "disk_write", "read", "write"})
# The kernel adds the bytes of reaped children to those of the process itself, and does
# not pass on their context switches.
_NOT_PASSED_ON = (0, 0, 0, 0, 0, 0)

_TRIES = 4

_Pair = tuple[float, float]
_Io = tuple[int, int, int, int]


def process_cpu_seconds(pid: int) -> float | None:
    """Return the CPU time of a process, in s, to the ns; None if it has ended.

    This uses the clock of clock_getcpuclockid(3): /proc has a resolution of 10 ms.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None


def _served(folder: str) -> frozenset[str]:
    """Return which values of a process can be read: some only by its own user."""
    served = {*COUNTERS, "rss_peak", "threads", "open_files", "uss", "pss"}
    if procfs.read_bytes(folder + "/io") is None:
        served -= _IO
    if not os.access(folder + "/smaps_rollup", os.R_OK):
        served -= {"uss", "pss"}
    return frozenset(served)


def _stat(folder: str) -> procfs.Stat | None:
    data = procfs.read_bytes(folder + "/stat")
    return procfs.parse_stat(data) if data else None


def _at_one_moment(folder: str, stat: procfs.Stat, io: _Io) -> tuple[procfs.Stat, _Io]:
    """Read both files again as long as a child is reaped in between.

    Otherwise the usage of the child would be in one of them and not yet in the other.
    """
    for _ in range(_TRIES):
        again = _stat(folder)
        if again is None or again.reaped_faults == stat.reaped_faults:
            break
        stat, io = again, _io(folder)
    return stat, io


def _reaped_and_io(folder: str) -> tuple[resource.struct_rusage, _Io]:
    """Return the usage of reaped children, and the I/O of this process with theirs."""
    reaped, io = resource.getrusage(resource.RUSAGE_CHILDREN), _io(folder)
    for _ in range(_TRIES):
        before, reaped = reaped, resource.getrusage(resource.RUSAGE_CHILDREN)
        if before == reaped:
            break
        io = _io(folder)
    return reaped, io


def _io(folder: str) -> _Io:
    data = procfs.read_bytes(folder + "/io")
    return procfs.parse_io(data) if data else (0, 0, 0, 0)


class LinuxProcesses:
    """Reads /proc, and getrusage(2) for the current process.

    The current process does not count as a descendant of another one: a measuring
    process is not part of the measured tree.

    Args:
        root: The process id of the root.
        proc: The folder of /proc.
        cpu_seconds: Returns the CPU time of a process with a finer resolution than ticks.
    """

    merged = _IO

    def __init__(
        self,
        root: int,
        proc: str = "/proc",
        cpu_seconds: Callable[[int], float | None] = process_cpu_seconds,
    ) -> None:
        self.root = root
        self.served = _served(f"{proc}/{root}")
        self._proc = proc
        self._cpu_seconds = cpu_seconds
        self._tick = 1.0 / os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._me = os.getpid()
        self._my_stat: procfs.Stat | None = None
        # The kernel may be built without CONFIG_PROC_CHILDREN.
        self._lists_children = os.path.exists(f"{proc}/{root}/task/{root}/children")
        # Since Linux 6.2 the size of a folder of open files is their number.
        self._has_fd_size = proc == "/proc" and os.stat("/proc/self/fd").st_size > 0
        self._parents: dict[int, list[int]] = {}
        # User and system time of the root, as last reported.
        self._split: _Pair = (0.0, 0.0)
        self._known_parents: set[int] = set()

    def now(self) -> float:
        """Return the time since boot, in s, in whole ticks like the start of a process."""
        seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
        return int(seconds / self._tick) * self._tick

    def snapshot(self, known: Mapping[int, Usage] | None = None) -> dict[int, Usage]:
        """Read the root and its descendants, parents first."""
        usages: dict[int, Usage] = {}
        if not self._lists_children:
            self._parents = self._all_children()
        queue = deque((self.root,) if known is None else known)
        known = known or {}
        self._known_parents = {usage.parent for usage in known.values()}
        queued = {*queue, self._me}
        while queue:
            pid = queue.popleft()
            usage = self._usage(pid)
            # A reused id is found through its new parent, in the next snapshot.
            if usage and (pid not in known or known[pid].started == usage.started):
                usages[pid] = usage
                new = [c for c in self._children(pid, usage.threads) if c not in queued]
                queued.update(new)
                queue.extend(new)
        return usages

    def memory(self, pid: int) -> Memory | None:
        """Read smaps_rollup; it is slow, as the kernel walks all of the memory."""
        data = procfs.read_bytes(f"{self._proc}/{pid}/smaps_rollup")
        if not data:
            return None
        uss = sum(procfs.parse_kb(data, key) for key in _PRIVATE)
        return Memory(uss, procfs.parse_kb(data, b"\nPss:"))

    def _usage(self, pid: int) -> Usage | None:
        if pid == self._me:
            return self._usage_of_me()
        folder = f"{self._proc}/{pid}"
        stat = _stat(folder)
        if stat is None:
            return None
        io = _io(folder)
        if pid in self._known_parents:
            stat, io = _at_one_moment(folder, stat, io)
        status = procfs.parse_status(procfs.read_bytes(folder + "/status") or b"")
        return Usage(
            stat.parent,
            stat.started * self._tick,
            (
                *self._cpu(pid, stat),
                stat.faults,
                stat.faults_with_io,
                *io,
                *self._switches(pid, stat, status),
            ),
            (
                stat.reaped_user * self._tick,
                stat.reaped_system * self._tick,
                stat.reaped_faults,
                stat.reaped_faults_with_io,
                *_NOT_PASSED_ON,
            ),
            status.rss or stat.rss_pages * self._page,
            status.rss_peak,
            0,
            stat.threads,
            self._open_files(folder),
            stat.name,
            stat.state in _ENDED,
        )

    def _usage_of_me(self) -> Usage:
        """Return the usage of this process: getrusage resolves us, /proc has the rest."""
        folder = f"{self._proc}/{self._me}"
        if self._my_stat is None:
            self._my_stat = _stat(folder)
            assert self._my_stat is not None
        status = procfs.parse_status(procfs.read_bytes(folder + "/status") or b"")
        own = resource.getrusage(resource.RUSAGE_SELF)
        reaped, io = _reaped_and_io(folder)
        return Usage(
            os.getppid(),
            self._my_stat.started * self._tick,
            (own[0], own[1], own[6], own[7], *io, own[14], own[15]),
            (reaped[0], reaped[1], reaped[6], reaped[7], *_NOT_PASSED_ON),
            status.rss,
            status.rss_peak,
            reaped[2] * 1024,
            status.threads,
            self._open_files(folder),
            self._my_stat.name,
        )

    def _cpu(self, pid: int, stat: procfs.Stat) -> _Pair:
        """Return the user and system time of a process, in seconds."""
        user, system = stat.user * self._tick, stat.system * self._tick
        total = self._cpu_seconds(pid) if pid == self.root else None
        return (user, system) if total is None else self._split_exactly(user, system, total)

    def _split_exactly(self, user: float, system: float, total: float) -> _Pair:
        """Split the exact time in the ratio of the ticks; neither part ever decreases."""
        last_user, last_system = self._split
        share = system / (user + system) if user + system else 0.0
        system = max(last_system, total * share)
        if total - system < last_user:
            system = max(last_system, total - last_user)
        self._split = max(last_user, total - system), system
        return self._split

    def _switches(self, pid: int, stat: procfs.Stat, status: procfs.Status) -> _Pair:
        """Add up the context switches of all threads: each has its own file."""
        vol, invol = status.switches_vol, status.switches_invol
        for thread in self._threads(pid, stat.threads):
            # The file of the process is the one of its first thread.
            path = f"{self._proc}/{pid}/task/{thread}/status"
            data = procfs.read_bytes(path) if thread != str(pid) else None
            if data:
                other = procfs.parse_status(data)
                vol, invol = vol + other.switches_vol, invol + other.switches_invol
        return vol, invol

    def _open_files(self, folder: str) -> int | None:
        with contextlib.suppress(OSError):
            if self._has_fd_size:
                return os.stat(folder + "/fd").st_size
            return len(os.listdir(folder + "/fd"))
        return None

    def _threads(self, pid: int, number: int) -> list[str]:
        if number > 1:
            with contextlib.suppress(OSError):
                return os.listdir(f"{self._proc}/{pid}/task")
        return [str(pid)]

    def _children(self, pid: int, threads: int) -> Iterable[int]:
        if not self._lists_children:
            yield from self._parents.get(pid, ())
            return
        for thread in self._threads(pid, threads):
            data = procfs.read_bytes(f"{self._proc}/{pid}/task/{thread}/children")
            yield from map(int, (data or b"").split())

    def _all_children(self) -> dict[int, list[int]]:
        """Return the children of all processes, by parent."""
        children: dict[int, list[int]] = {}
        for name in os.listdir(self._proc):
            data = (
                procfs.read_bytes(f"{self._proc}/{name}/stat") if name.isdigit() else None
            )
            if data:
                children.setdefault(procfs.parse_stat(data).parent, []).append(int(name))
        return children
