"""A probe for the whole machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from multimeter.metric import Metric
from multimeter.probes.pressure import PRESSURES
from multimeter.probes.source_probe import Source, SourceProbe
from multimeter.subject import Subject

__all__ = ["SWAP_USED", "SystemProbe", "system_source"]

SWAP_USED = Metric("swap_used", "Memory that has been swapped out.", "bytes", int)

_METRICS = (
    Metric("cpu_user", "CPU time of programs: 1.0 is one core kept busy."),
    Metric("cpu_system", "CPU time of the kernel: 1.0 is one core kept busy."),
    Metric("cpu_iowait", "Idle CPU time while a disk was waited for, in cores."),
    Metric("cpu_steal", "CPU time that other virtual machines took, in cores."),
    Metric("load_1", "Tasks that run or wait, a mean over the last minute."),
    Metric("memory_used", "Memory that is not available.", "bytes", int),
    Metric("memory_available", "Memory that can be had without swapping.", "bytes", int),
    SWAP_USED,
    Metric("disk_read", "Bytes read from all disks a second.", "B/s"),
    Metric("disk_write", "Bytes written to all disks a second.", "B/s"),
    Metric("network_received", "Bytes received by all interfaces a second.", "B/s"),
    Metric("network_sent", "Bytes sent by all interfaces a second.", "B/s"),
    *PRESSURES,
)


def system_source() -> Source:
    """Return the best source of machine data on this system."""
    if sys.platform == "linux" and os.path.exists("/proc/meminfo"):
        from multimeter.probes.linux_system import LinuxSystem

        return LinuxSystem()
    from multimeter.probes.portable import PortableSystem

    return PortableSystem()


class SystemProbe(SourceProbe):
    """Samples the whole machine: CPU, load, memory, swap, disks, network, pressure.

    Linux has the most values; other systems have those of psutil. In a container, this
    still measures the machine; use :class:`multimeter.probes.CgroupProbe` for the
    container.

    Args:
        source: Creates the source of machine data.
    """

    def __init__(self, source: Callable[[], Source] = system_source) -> None:
        subject = Subject("system", "The whole machine.", "host")
        super().__init__(subject, _METRICS, source())

    def for_process(self, pid: int) -> SystemProbe:  # noqa: ARG002 - whichever it is
        """Return the probe itself: it measures the machine."""
        return self
