"""Find and read the folders of a process's control groups, of version 1 and 2.

See cgroups(7) and proc_pid_mountinfo(5),
https://docs.kernel.org/admin-guide/cgroup-v1/ and
https://docs.kernel.org/admin-guide/cgroup-v2.html.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from multimeter.probes import procfs
from multimeter.probes.pressure import RESOURCES, parse_pressure

__all__ = ["CgroupFolder", "CgroupV1", "CgroupV2", "find_folders"]

V2 = ""
"""The key of the single folder of version 2, in place of a controller's name."""


@dataclass(frozen=True)
class CgroupFolder:
    """The folder of a control group.

    Attributes:
        path: The folder.
        top: The topmost visible folder of its hierarchy.
    """

    path: str
    top: str

    def read(self, name: str) -> bytes | None:
        """Return the contents of a file, or None if it cannot be read."""
        return procfs.read_bytes(f"{self.path}/{name}")

    def number(self, name: str) -> int | None:
        """Return the number in a file; None without one, as for ``max``."""
        return _number(self.read(name))

    def table(self, name: str) -> dict[str, int]:
        """Return the numbers in a file, by the text before them."""
        rows = (line.rsplit(None, 1) for line in (self.read(name) or b"").splitlines())
        pairs = (row for row in rows if len(row) == 2)  # noqa: PLR2004 - a pair
        return {
            key.decode(): int(value) for key, value in pairs if value.lstrip(b"-").isdigit()
        }

    def upwards(self) -> list[CgroupFolder]:
        """Return the folder and its ancestors, whose limits apply to it, too."""
        folders, path = [self], self.path
        while path != self.top and len(path) > len(self.top):
            path = os.path.dirname(path)
            folders.append(CgroupFolder(path, self.top))
        return folders


def _number(data: bytes | None) -> int | None:
    text = (data or b"").strip()
    return int(text) if text.lstrip(b"-").isdigit() else None


def find_folders(pid: int, root: str = "") -> dict[str, CgroupFolder]:
    """Return the folders of a process by controller; the key of version 2 is ``""``.

    Each controller of version 1 has its own hierarchy. A process at the top of one is in
    no group: such hierarchies are left out.

    Args:
        pid: The process.
        root: A prefix for /proc and for each mount point.
    """
    groups = _groups(procfs.read_bytes(f"{root}/proc/{pid}/cgroup") or b"")
    mounts = (procfs.read_bytes(f"{root}/proc/self/mountinfo") or b"").decode()
    folders: dict[str, CgroupFolder] = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = (*after.split(" ", 2), "", "")[:3]
        if kind not in ("cgroup", "cgroup2"):
            continue
        mount_root, mount_point = before.split(" ")[3:5]
        names = [V2] if kind == "cgroup2" else options.split(",")
        for name in names:
            if name in groups:
                folder = _folder(groups[name], mount_root, root + mount_point)
                if not _is_top(folder):
                    folders.setdefault(name, folder)
    return folders


def _groups(data: bytes) -> dict[str, str]:
    """Return the path of the group by controller: ``7:cpu,cpuacct:/user``, ``0::/``."""
    groups = {}
    for line in data.decode().splitlines():
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _folder(group: str, mount_root: str, mount_point: str) -> CgroupFolder:
    # In a container, the mount may start at the container's own group.
    inside = group.removeprefix("" if mount_root == "/" else mount_root)
    path = f"{mount_point}/{inside.strip('/')}".rstrip("/")
    return CgroupFolder(path if os.path.isdir(path) else mount_point, mount_point)


def _is_top(folder: CgroupFolder) -> bool:
    """Return whether a folder is the real root, by files that only a root has or lacks."""
    if os.path.exists(f"{folder.path}/release_agent"):
        return True
    is_v2 = os.path.exists(f"{folder.path}/cgroup.controllers")
    return is_v2 and not os.path.exists(f"{folder.path}/cgroup.events")


# Without a limit, the file has the largest multiple of the page size.
_V1_NO_LIMIT = 1 << 60


class CgroupV1:
    """Reads the folders of version 1, one for each controller.

    Args:
        folders: The folders by controller; missing controllers have no values.
    """

    def __init__(self, folders: Mapping[str, CgroupFolder]) -> None:
        self._folders = folders

    def counters(self) -> dict[str, float]:
        """Return CPU in seconds, and I/O in bytes."""
        counters: dict[str, float] = {}
        if folder := self._folders.get("cpuacct"):
            for name, key in (("user", "cpu_rate_user"), ("sys", "cpu_rate_system")):
                nanoseconds = folder.number(f"cpuacct.usage_{name}")
                if nanoseconds is not None:
                    counters[key] = nanoseconds / 1e9
        if folder := self._folders.get("cpu"):
            throttled = folder.table("cpu.stat").get("throttled_time")
            if throttled is not None:
                counters["cpu_throttled"] = throttled / 1e9
        if folder := self._folders.get("blkio"):
            counters.update(_v1_io(folder))
        return counters

    def levels(self) -> dict[str, float]:
        """Return memory in bytes, limits, and counts."""
        levels: dict[str, float | None] = {}
        if folder := self._folders.get("memory"):
            levels.update(_v1_memory(folder))
        if folder := self._folders.get("cpu"):
            levels["cpu_limit"] = _v1_cpu_limit(folder)
        if folder := self._folders.get("pids"):
            levels["tasks"] = folder.number("pids.current")
            limits = (each.number("pids.max") for each in folder.upwards())
            levels["tasks_limit"] = min(
                (each for each in limits if each is not None), default=None
            )
        return {key: value for key, value in levels.items() if value is not None}


def _v1_memory(folder: CgroupFolder) -> dict[str, float | None]:
    charged = folder.number("memory.usage_in_bytes")
    stat = folder.table("memory.stat")
    limit = stat.get("hierarchical_memory_limit", _V1_NO_LIMIT)
    levels: dict[str, float | None] = {
        "memory_charged": charged,
        "memory_charged_peak": folder.number("memory.max_usage_in_bytes"),
        "memory_limit": limit if limit < _V1_NO_LIMIT else None,
        "swap_used": stat.get("total_swap"),
        "oom_kills": folder.table("memory.oom_control").get("oom_kill"),
    }
    if charged is not None:
        levels["memory_working_set"] = max(0, charged - stat.get("total_inactive_file", 0))
    return levels


def _v1_cpu_limit(folder: CgroupFolder) -> float | None:
    """Return the limit in cores; a quota of -1 is no limit."""
    limits = []
    for each in folder.upwards():
        quota = each.number("cpu.cfs_quota_us")
        period = each.number("cpu.cfs_period_us")
        if quota is not None and quota > 0 and period:
            limits.append(quota / period)
    return min(limits, default=None)


def _v1_io(folder: CgroupFolder) -> dict[str, float]:
    """Return bytes by device: ``8:0 Read 90112``."""
    table = folder.table("blkio.throttle.io_service_bytes_recursive")
    table = table or folder.table("blkio.throttle.io_service_bytes")
    keys = {"Read": "io_disk_read", "Write": "io_disk_write"}
    counters: dict[str, float] = {}
    for label, value in table.items():
        device, _, operation = label.partition(" ")
        if operation in keys:
            counters[f"{keys[operation]} {device}"] = value
    return counters


class CgroupV2:
    """Reads the folder of version 2, which has all controllers.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: CgroupFolder) -> None:
        self._folder = folder

    def counters(self) -> dict[str, float]:
        """Return CPU and pressure in seconds, and I/O in bytes."""
        cpu = self._folder.table("cpu.stat")
        names = {
            "user_usec": "cpu_rate_user",
            "system_usec": "cpu_rate_system",
            "throttled_usec": "cpu_throttled",
        }
        counters = {key: cpu[name] / 1e6 for name, key in names.items() if name in cpu}
        for each in RESOURCES:
            data = self._folder.read(f"{each}.pressure") or b""
            counters.update(parse_pressure(each, data))
        counters.update(self._io())
        return counters

    def levels(self) -> dict[str, float]:
        """Return memory in bytes, limits, and counts."""
        charged = self._folder.number("memory.current")
        levels = {
            "memory_charged": charged,
            "memory_charged_peak": self._folder.number("memory.peak"),
            "memory_limit": self._least("memory.max"),
            "swap_used": self._folder.number("memory.swap.current"),
            "oom_kills": self._folder.table("memory.events").get("oom_kill"),
            "tasks": self._folder.number("pids.current"),
            "tasks_limit": self._least("pids.max"),
            "cpu_limit": self._cpu_limit(),
        }
        if charged is not None:
            cache = self._folder.table("memory.stat").get("inactive_file", 0)
            levels["memory_working_set"] = max(0, charged - cache)
        return {key: value for key, value in levels.items() if value is not None}

    def _least(self, name: str) -> int | None:
        limits = (folder.number(name) for folder in self._folder.upwards())
        return min((each for each in limits if each is not None), default=None)

    def _cpu_limit(self) -> float | None:
        """Return the limit in cores: ``cpu.max`` is a quota and its period."""
        limits = []
        for folder in self._folder.upwards():
            quota, _, period = (folder.read("cpu.max") or b"max").strip().partition(b" ")
            if quota.isdigit() and int(period or 0):
                limits.append(int(quota) / int(period))
        return min(limits, default=None)

    def _io(self) -> dict[str, float]:
        """Return bytes by device: ``8:0 rbytes=90112 wbytes=0 rios=22 ...``."""
        counters: dict[str, float] = {}
        for line in (self._folder.read("io.stat") or b"").decode().splitlines():
            device, *pairs = line.split()
            numbers = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
            counters[f"io_disk_read {device}"] = int(numbers.get("rbytes", 0))
            counters[f"io_disk_write {device}"] = int(numbers.get("wbytes", 0))
        return counters
