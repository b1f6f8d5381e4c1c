"""Read the whole machine from /proc on Linux.

https://man7.org/linux/man-pages/man5/proc.5.html,
https://docs.kernel.org/accounting/psi.html,
https://docs.kernel.org/admin-guide/iostats.html
"""

from __future__ import annotations

import os

from multimeter.probes import procfs
from multimeter.probes.pressure import RESOURCES, parse_pressure

__all__ = ["LinuxSystem"]

_SECTOR = 512  # the unit of iostats.rst, regardless of the disk's sectors
_CPU = {"cpu_user": (0, 1), "cpu_system": (2, 5, 6), "cpu_iowait": (4,), "cpu_steal": (7,)}


class LinuxSystem:
    """Reads the files of /proc about the machine.

    Args:
        proc: The folder of /proc.
        sys: The folder of /sys.
    """

    def __init__(self, proc: str = "/proc", sys: str = "/sys") -> None:
        self._proc = proc
        self._sys = sys
        self._hardware: dict[str, tuple[list[str], list[str]]] = {}
        self._tick = 1.0 / os.sysconf("SC_CLK_TCK")
        self._pressures = [
            each
            for each in RESOURCES
            if procfs.read_bytes(f"{proc}/pressure/{each}")  # EOPNOTSUPP when switched off
        ]

    def counters(self) -> dict[str, float]:
        """Return the counters: CPU and pressure in seconds, bytes of each device."""
        return {
            **self._cpu(),
            **self._disks(),
            **self._interfaces(),
            **self._pressure(),
        }

    def levels(self) -> dict[str, float]:
        """Return the levels: memory in bytes, and the load."""
        data = b"\n" + (procfs.read_bytes(f"{self._proc}/meminfo") or b"")
        total = procfs.parse_kb(data, b"\nMemTotal:")
        available = procfs.parse_kb(data, b"\nMemAvailable:")
        swap = procfs.parse_kb(data, b"\nSwapTotal:")
        load = procfs.read_bytes(f"{self._proc}/loadavg") or b"0"
        return {
            "memory_used": total - available,
            "memory_available": available,
            "swap_used": swap - procfs.parse_kb(data, b"\nSwapFree:"),
            "load_1": float(load.split(None, 1)[0]),
        }

    def _cpu(self) -> dict[str, float]:
        data = procfs.read_bytes(f"{self._proc}/stat") or b"cpu"
        ticks = [int(each) for each in data.split(b"\n", 1)[0].split()[1:]]
        # Skip guest times: user and nice include them. Older kernels have fewer fields.
        return {
            key: sum(ticks[place] for place in places if place < len(ticks)) * self._tick
            for key, places in _CPU.items()
        }

    def _disks(self) -> dict[str, float]:
        """Return bytes of each disk; partitions and volumes would count twice."""
        rows = {}
        for line in (procfs.read_bytes(f"{self._proc}/diskstats") or b"").splitlines():
            fields = line.split()
            rows[fields[2].decode()] = int(fields[5]) * _SECTOR, int(fields[9]) * _SECTOR
        counters: dict[str, float] = {}
        for disk in self._real("block", list(rows)):
            counters[f"disk_read {disk}"], counters[f"disk_write {disk}"] = rows[disk]
        return counters

    def _interfaces(self) -> dict[str, float]:
        """Return bytes of each interface; bridges and tunnels would count twice."""
        rows = {}
        for line in (procfs.read_bytes(f"{self._proc}/net/dev") or b"").splitlines()[2:]:
            name, _, numbers = line.partition(b":")
            fields = numbers.split()
            rows[name.strip().decode()] = int(fields[0]), int(fields[8])
        counters: dict[str, float] = {}
        for interface in self._real("class/net", list(rows)):
            received, sent = rows[interface]
            counters[f"network_received {interface}"] = received
            counters[f"network_sent {interface}"] = sent
        return counters

    def _real(self, folder: str, names: list[str]) -> list[str]:
        """Return the devices with hardware; if there are none, all but loop devices."""
        cached, real = self._hardware.get(folder, ([], []))
        if cached != names:
            real = self._find_hardware(folder, names)
            self._hardware[folder] = names, real
        return real

    def _find_hardware(self, folder: str, names: list[str]) -> list[str]:
        real = [n for n in names if os.path.exists(f"{self._sys}/{folder}/{n}/device")]
        loops = ("lo", "loop", "ram", "zram")
        return real or [n for n in names if n.rstrip("0123456789") not in loops]

    def _pressure(self) -> dict[str, float]:
        counters: dict[str, float] = {}
        for each in self._pressures:
            data = procfs.read_bytes(f"{self._proc}/pressure/{each}") or b""
            counters.update(parse_pressure(each, data))
        return counters
