"""Read the whole machine with psutil, on any system."""

from __future__ import annotations

import psutil

__all__ = ["PortableSystem"]


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
