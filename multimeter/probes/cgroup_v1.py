"""Read control groups of version 1.

https://docs.kernel.org/admin-guide/cgroup-v1/
"""

from __future__ import annotations

from collections.abc import Mapping

from multimeter.probes.cgroup_files import CgroupFolder

__all__ = ["CgroupV1"]

# Without a limit, the file has the largest multiple of the page size.
_NO_LIMIT = 1 << 60


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
            counters.update(_io(folder))
        return counters

    def levels(self) -> dict[str, float]:
        """Return memory in bytes, limits, and counts."""
        levels: dict[str, float | None] = {}
        if folder := self._folders.get("memory"):
            levels.update(_memory(folder))
        if folder := self._folders.get("cpu"):
            levels["cpu_limit"] = _cpu_limit(folder)
        if folder := self._folders.get("pids"):
            levels["tasks"] = folder.number("pids.current")
            limits = (each.number("pids.max") for each in folder.upwards())
            levels["tasks_limit"] = min(
                (each for each in limits if each is not None), default=None
            )
        return {key: value for key, value in levels.items() if value is not None}


def _memory(folder: CgroupFolder) -> dict[str, float | None]:
    charged = folder.number("memory.usage_in_bytes")
    stat = folder.table("memory.stat")
    limit = stat.get("hierarchical_memory_limit", _NO_LIMIT)
    levels: dict[str, float | None] = {
        "memory_charged": charged,
        "memory_charged_peak": folder.number("memory.max_usage_in_bytes"),
        "memory_limit": limit if limit < _NO_LIMIT else None,
        "swap_used": stat.get("total_swap"),
        "oom_kills": folder.table("memory.oom_control").get("oom_kill"),
    }
    if charged is not None:
        levels["memory_working_set"] = max(0, charged - stat.get("total_inactive_file", 0))
    return levels


def _cpu_limit(folder: CgroupFolder) -> float | None:
    """Return the limit in cores; a quota of -1 is no limit."""
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
    counters: dict[str, float] = {}
    for label, value in table.items():
        device, _, operation = label.partition(" ")
        if operation in keys:
            counters[f"{keys[operation]} {device}"] = value
    return counters
