"""Read a control group of version 2.

https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

from multimeter.probes.cgroup_files import CgroupFolder
from multimeter.probes.pressure import RESOURCES, parse_pressure

__all__ = ["CgroupV2"]


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
