"""Control groups of version 1.

https://docs.kernel.org/admin-guide/cgroup-v1/
"""

from __future__ import annotations

from collections.abc import Mapping

from multimeter.probes.cgroup_files import CgroupFolder

__all__ = ["CgroupV1"]

# Without a limit, a file holds the largest multiple of the page size.
_NO_LIMIT = 1 << 60


class CgroupV1:
    """Reads the files of the folders, of which each controller has its own.

    Args:
        folders: The folders by controller; those that are missing are not told.
    """

    def __init__(self, folders: Mapping[str, CgroupFolder]) -> None:
        self._folders = folders

    def counters(self) -> dict[str, float]:
        """Return CPU in seconds, and bytes."""
        found: dict[str, float] = {}
        if folder := self._folders.get("cpuacct"):
            for name, key in (("user", "cpu_rate_user"), ("sys", "cpu_rate_system")):
                nanoseconds = folder.number(f"cpuacct.usage_{name}")
                if nanoseconds is not None:
                    found[key] = nanoseconds / 1e9
        if folder := self._folders.get("cpu"):
            throttled = folder.table("cpu.stat").get("throttled_time")
            if throttled is not None:
                found["cpu_throttled"] = throttled / 1e9
        if folder := self._folders.get("blkio"):
            found.update(_io(folder))
        return found

    def levels(self) -> dict[str, float]:
        """Return memory in bytes, limits, and counts."""
        found: dict[str, float | None] = {}
        if folder := self._folders.get("memory"):
            found.update(_memory(folder))
        if folder := self._folders.get("cpu"):
            found["cpu_limit"] = _cpu_limit(folder)
        if folder := self._folders.get("pids"):
            found["tasks"] = folder.number("pids.current")
            limits = [each.number("pids.max") for each in folder.upwards()]
            known = [each for each in limits if each is not None]
            found["tasks_limit"] = min(known, default=None)
        return {key: value for key, value in found.items() if value is not None}


def _memory(folder: CgroupFolder) -> dict[str, float | None]:
    charged = folder.number("memory.usage_in_bytes")
    stat = folder.table("memory.stat")
    limit = stat.get("hierarchical_memory_limit", _NO_LIMIT)
    found: dict[str, float | None] = {
        "memory_charged": charged,
        "memory_charged_peak": folder.number("memory.max_usage_in_bytes"),
        "memory_limit": limit if limit < _NO_LIMIT else None,
        "swap_used": stat.get("total_swap"),
        "oom_kills": folder.table("memory.oom_control").get("oom_kill"),
    }
    if charged is not None:
        found["memory_working_set"] = max(0, charged - stat.get("total_inactive_file", 0))
    return found


def _cpu_limit(folder: CgroupFolder) -> float | None:
    """Return the cores that may be used; a quota of -1 is none."""
    limits = []
    for each in folder.upwards():
        quota = each.number("cpu.cfs_quota_us")
        period = each.number("cpu.cfs_period_us")
        if quota is not None and quota > 0 and period:
            limits.append(quota / period)
    return min(limits, default=None)


def _io(folder: CgroupFolder) -> dict[str, float]:
    """Return bytes by device: ``8:0 Read 90112``."""
    table = folder.table("blkio.throttle.io_service_bytes_recursive")
    table = table or folder.table("blkio.throttle.io_service_bytes")
    keys = {"Read": "io_disk_read", "Write": "io_disk_write"}
    found: dict[str, float] = {}
    for words, value in table.items():
        device, _, operation = words.partition(" ")
        if operation in keys:
            found[f"{keys[operation]} {device}"] = value
    return found
