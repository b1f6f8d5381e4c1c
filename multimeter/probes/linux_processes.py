"""Read processes from /proc on Linux."""

from __future__ import annotations

import os
import resource
import time

from multimeter.probes import procfs
from multimeter.probes.process_files import ProcessFiles
from multimeter.probes.usage import COUNTERS, Counters, Memory, Usage

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["LinuxProcesses", "process_cpu_seconds"]

_ENDED = "Z"
# Its parent is reaping it and has its usage already (wait_task_zombie in kernel/exit.c),
# or no process will: it has gone, though it can be read for a moment.
_GONE = "Xx"
_PRIVATE = (b"\nPrivate_Clean:", b"\nPrivate_Dirty:", b"\nPrivate_Hugetlb:")

_IO = frozenset({"disk_read", "disk_write", "disk_write_cancelled", "read", "write"})
# The kernel adds the bytes of reaped children to those of the process itself, and does
# not pass on their context switches.
_NOT_PASSED_ON = (0.0,) * (len(COUNTERS) - 4)

_TRIES = 4

# In trees with more running processes than that, what is rarely new (marks, context
# switches, open files) is read in one look of so many, and so is all of a process whose
# CPU clock does not move.
_FEW = 16
_TURNS = 10

_Pair = tuple[float, float]
_Io = tuple[int, int, int, int, int]
_NO_IO: _Io = (0, 0, 0, 0, 0)


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


def _stat(files: ProcessFiles) -> procfs.Stat | None:
    data = files.read("stat")
    return procfs.Stat(data) if data else None


def _io(files: ProcessFiles) -> _Io | None:
    data = files.read("io")
    return procfs.parse_io(data) if data else None


def _io_of(usage: Usage) -> _Io:
    first = COUNTERS.index("disk_read")
    disk_read, disk_write, cancelled, read, write = map(int, usage.own[first : first + 5])
    return disk_read, disk_write, cancelled, read, write


def _at_one_moment(
    files: ProcessFiles, stat: procfs.Stat, io: _Io
) -> tuple[procfs.Stat, _Io]:
    """Read both files again as long as a child is reaped in between.

    Otherwise the usage of the child would be in one of them and not yet in the other.
    """
    for _ in range(_TRIES):
        again = _stat(files)
        if again is None or again.reaped_faults == stat.reaped_faults:
            break
        stat, io = again, _io(files) or io
    return stat, io


def _reaped_and_io(files: ProcessFiles) -> tuple[resource.struct_rusage, _Io]:
    """Return the usage of reaped children, and the I/O of this process with theirs."""
    reaped, io = resource.getrusage(resource.RUSAGE_CHILDREN), _io(files) or _NO_IO
    for _ in range(_TRIES):
        before, reaped = reaped, resource.getrusage(resource.RUSAGE_CHILDREN)
        if before == reaped:
            break
        io = _io(files) or _NO_IO
    return reaped, io


class LinuxProcesses:
    """Reads /proc, and getrusage(2) for the current process.

    The current process does not count as a descendant of another one: a measuring
    process is not part of the measured tree.

    Files of a process stay open, for as many processes as a part of the limit of open
    files allows. A process whose CPU clock has not moved is taken to be idle, and its
    counters to be those of the look before: most processes of a large tree cost one system
    call. But the clock of another process moves with its ticks, and when it stops running
    (thread_group_cputime in kernel/sched/cputime.c): what it did within some ms may be
    seen in the next look. Callers say which processes must be read anew.

    Args:
        root: The process id of the root.
        proc: The folder of /proc.
        cpu_seconds: Returns the CPU time of a process with a finer resolution than ticks.
        adopts: Whether orphans become children of this process (prctl(2),
            PR_SET_CHILD_SUBREAPER), which has no other children: they are descendants.
    """

    merged = _IO

    def __init__(
        self,
        root: int,
        proc: str = "/proc",
        cpu_seconds: Callable[[int], float | None] = process_cpu_seconds,
        *,
        adopts: bool = False,
    ) -> None:
        self.root = root
        self.served = _served(f"{proc}/{root}")
        self._proc = proc
        self._cpu_seconds = cpu_seconds
        self._adopts = adopts
        self._tick = 1.0 / os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._me = os.getpid()
        self._my_stat: procfs.Stat | None = None
        # The kernel may be built without CONFIG_PROC_CHILDREN.
        self._lists_children = os.path.exists(f"{proc}/{root}/task/{root}/children")
        is_real = proc == "/proc"
        # Since Linux 6.2 the size of a folder of open files is their number.
        self._has_fd_size = is_real and os.stat("/proc/self/fd").st_size > 0
        self._files: dict[int, ProcessFiles] = {}
        self._most_kept = _most_kept(share=0.75 if adopts else 0.25) if is_real else 0
        self._looks = 0
        self._reads_all = True
        self._parents: dict[int, list[int]] = {}
        # User and system time of the root, as last reported.
        self._split: _Pair = (0.0, 0.0)
        self._known_parents: set[int] = set()
        self._again: Collection[int] = ()

    def now(self) -> float:
        """Return the time since boot, in s, in whole ticks like the start of a process."""
        seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
        return int(seconds / self._tick) * self._tick

    def snapshot(
        self, known: Mapping[int, Usage] | None = None, again: Collection[int] = ()
    ) -> dict[int, Usage]:
        """Read the root and its descendants, parents first."""
        usages: dict[int, Usage] = {}
        if not self._lists_children:
            self._parents = self._all_children()
        first = (self.root,) if known is None else tuple(known)
        known = known or {}
        self._looks += 1
        self._again = again
        self._known_parents = {usage.parent for usage in known.values()}
        queued = {*first, self._me}
        self._look_through(list(first), queued, known, usages)
        if self._adopts:
            orphans = [pid for pid in self._children_of_me() if pid not in queued]
            queued.update(orphans)
            self._look_through(orphans, queued, known, usages)
        for pid in self._files.keys() - usages.keys():
            self._files.pop(pid).close()
        ran = sum(files.looked == self._looks for files in self._files.values())
        self._reads_all = ran <= _FEW
        return usages

    def _look_through(
        self,
        queue: list[int],
        queued: set[int],
        known: Mapping[int, Usage],
        usages: dict[int, Usage],
    ) -> None:
        """Read the processes of a queue and their descendants."""
        for pid in queue:  # it grows meanwhile
            usage = self._usage(pid)
            # A reused id is found through its new parent, in the next snapshot.
            if usage is None or (pid in known and known[pid].started != usage.started):
                continue
            usages[pid] = usage
            files = self._files[pid]
            if files.looked != self._looks:
                continue  # it has not run, so it has no new children
            new = [c for c in self._children(files, usage.threads) if c not in queued]
            queued.update(new)
            queue.extend(new)

    def memory(self, pid: int) -> Memory | None:
        """Read smaps_rollup; it is slow, as the kernel walks all of the memory."""
        data = procfs.read_bytes(f"{self._proc}/{pid}/smaps_rollup")
        if not data:
            return None
        uss = sum(procfs.parse_kb(data, key) for key in _PRIVATE)
        return Memory(uss, procfs.parse_kb(data, b"\nPss:"))

    def _usage(self, pid: int) -> Usage | None:
        files = self._files.get(pid)
        if files is None:
            keeps = len(self._files) < self._most_kept
            files = self._files[pid] = ProcessFiles(self._proc, pid, keeps=keeps)
        if pid == self._me:
            files.looked = self._looks
            return self._usage_of_me(files)
        is_due = self._reads_all or (self._looks + pid) % _TURNS == 0
        cpu = self._cpu_seconds(pid)
        before = files.usage
        if (
            before is not None
            and files.is_kept
            and cpu is not None
            and cpu == files.cpu
            and (self._looks + pid) % _TURNS
            and pid not in self._again
        ):
            return before
        files.cpu = cpu
        files.looked = self._looks
        files.usage = self._read(files, cpu, before, is_due=is_due or before is None)
        return files.usage

    def _read(
        self, files: ProcessFiles, cpu: float | None, before: Usage | None, *, is_due: bool
    ) -> Usage | None:
        stat = _stat(files)
        if stat is None or stat.state in _GONE:
            return None
        io = _io(files)
        if io is None:
            # It has gone since, or its I/O is not for us: what is known never goes back.
            again = _stat(files)
            if again is None or again.state in _GONE:
                return None
            io = _NO_IO if before is None else _io_of(before)
        if files.pid in self._known_parents:
            stat, io = _at_one_moment(files, stat, io)
        tick = self._tick
        rss, rss_peak = stat.rss_pages * self._page, 0
        if is_due or before is None:
            status = procfs.parse_status(files.read("status") or b"")
            rss, rss_peak = status[0] or rss, status[1]
            switches = self._switches(files, stat.threads, status)
            open_files = self._open_files(files)
        else:
            rss_peak = max(rss, before.rss_peak)
            switches, open_files = (before.own[-2], before.own[-1]), before.open_files
        own: Counters = (
            *self._cpu(files.pid, stat, cpu),
            stat.faults,
            stat.faults_with_io,
            *io,
            *switches,
        )
        return Usage(
            stat.parent,
            stat.started * tick,
            own,
            (
                stat.reaped_user * tick,
                stat.reaped_system * tick,
                stat.reaped_faults,
                stat.reaped_faults_with_io,
                *_NOT_PASSED_ON,
            ),
            rss,
            rss_peak,
            0,
            stat.threads,
            open_files,
            stat.name,
            stat.state in _ENDED,
        )

    def _usage_of_me(self, files: ProcessFiles) -> Usage:
        """Return the usage of this process: getrusage resolves us, /proc has the rest."""
        if self._my_stat is None:
            self._my_stat = _stat(files)
            assert self._my_stat is not None
        rss, rss_peak, threads, *_ = procfs.parse_status(files.read("status") or b"")
        own = resource.getrusage(resource.RUSAGE_SELF)
        reaped, io = _reaped_and_io(files)
        return Usage(
            os.getppid(),
            self._my_stat.started * self._tick,
            (own[0], own[1], own[6], own[7], *io, own[14], own[15]),
            (reaped[0], reaped[1], reaped[6], reaped[7], *_NOT_PASSED_ON),
            rss,
            rss_peak,
            reaped[2] * 1024,
            threads,
            self._open_files(files),
            self._my_stat.name,
        )

    def _cpu(self, pid: int, stat: procfs.Stat, total: float | None) -> _Pair:
        """Return the user and system time of a process, in seconds.

        That of descendants is in ticks, as is what their parents take over of them.
        """
        user, system = stat.user * self._tick, stat.system * self._tick
        if pid != self.root or total is None:
            return user, system
        return self._split_exactly(user, system, total)

    def _split_exactly(self, user: float, system: float, total: float) -> _Pair:
        """Split the exact time in the ratio of the ticks; neither part ever decreases."""
        last_user, last_system = self._split
        share = system / (user + system) if user + system else 0.0
        system = max(last_system, total * share)
        if total - system < last_user:
            system = max(last_system, total - last_user)
        self._split = max(last_user, total - system), system
        return self._split

    @staticmethod
    def _switches(
        files: ProcessFiles, threads: int, status: tuple[int, int, int, int, int]
    ) -> _Pair:
        """Add up the context switches of all threads: each has its own file."""
        *_, vol, invol = status
        for thread in files.other_threads(threads):
            data = procfs.read_bytes(f"{files.folder}/task/{thread}/status")
            if data:
                *_, other_vol, other_invol = procfs.parse_status(data)
                vol, invol = vol + other_vol, invol + other_invol
        return vol, invol

    def _open_files(self, files: ProcessFiles) -> int | None:
        try:
            if self._has_fd_size:
                return os.stat(files.folder + "/fd").st_size
            return len(os.listdir(files.folder + "/fd"))
        except OSError:
            return None

    def _children(self, files: ProcessFiles, threads: int) -> Iterable[int]:
        if not self._lists_children:
            yield from self._parents.get(files.pid, ())
            return
        yield from map(int, (files.read("children") or b"").split())
        for thread in files.other_threads(threads):
            data = procfs.read_bytes(f"{files.folder}/task/{thread}/children")
            yield from map(int, (data or b"").split())

    def _children_of_me(self) -> Iterable[int]:
        """Return the children of this process, whichever of its threads has them."""
        if not self._lists_children:
            yield from self._parents.get(self._me, ())
            return
        folder = f"{self._proc}/{self._me}/task"
        for thread in os.listdir(folder):
            data = procfs.read_bytes(f"{folder}/{thread}/children")
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


def _most_kept(share: float) -> int:
    """Return of how many processes files may stay open: a share of the limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        limit = 1 << 20
    return int(limit * share) // ProcessFiles.NUMBER
