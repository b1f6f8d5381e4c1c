"""A probe for the control group of a process, and so for its container."""

from __future__ import annotations

import os
from collections.abc import Iterable

from multimeter.errors import UnsupportedError
from multimeter.metric import METRIC_CPU_RATE_SYSTEM, METRIC_CPU_RATE_USER, Metric
from multimeter.probes.cgroup_files import V2, CgroupV1, CgroupV2, find_folders
from multimeter.probes.pressure import PRESSURES
from multimeter.probes.process_metrics import IO_DISK_READ, IO_DISK_WRITE
from multimeter.probes.source_probe import Source, SourceProbe
from multimeter.probes.system import SWAP_USED
from multimeter.subject import Subject

__all__ = ["CgroupProbe"]

_SUBJECT = Subject(
    "cgroup", "The control group of the process: its container.", "container"
)

_METRICS = (
    METRIC_CPU_RATE_USER,
    METRIC_CPU_RATE_SYSTEM,
    Metric("cpu_limit", "Cores that may be used, the lowest limit of all groups."),
    Metric("cpu_throttled", "Time that tasks were held back by the limit, in cores."),
    Metric(
        "memory_charged",
        "Memory charged, with the files that are cached for as long as there is room.",
        "bytes",
        int,
        upper_bound=True,
    ),
    Metric(
        "memory_charged_peak",
        "The most memory charged at one moment, so far.",
        "bytes",
        int,
        upper_bound=True,
        peak_of="memory_charged",
    ),
    Metric(
        "memory_working_set",
        "Memory charged, without cached files that have not been used of late.",
        "bytes",
        int,
    ),
    Metric("memory_limit", "The lowest limit of all groups.", "bytes", int),
    SWAP_USED,
    Metric("oom_kills", "Processes so far that were killed for want of memory.", "", int),
    Metric("tasks", "Processes and threads now.", "", int),
    Metric("tasks_limit", "The lowest limit of all groups.", "", int),
    IO_DISK_READ,
    IO_DISK_WRITE,
    *PRESSURES,
)


class CgroupProbe(SourceProbe):
    """Samples the control group that a process is in: CPU, memory, tasks, I/O, limits.

    In a container, that is the container. All processes in the group count. Supports
    version 1 and version 2, also mixed.

    Args:
        pid: The process; by default the current one.
        root: A prefix for /proc and for each mount point.

    Raises:
        UnsupportedError: The process is in no control group that has counters.
    """

    def __init__(self, pid: int | None = None, *, root: str = "") -> None:
        self._pid = pid
        self._root = root
        source = _Cgroups(os.getpid() if pid is None else pid, root)
        super().__init__(_SUBJECT, _METRICS, source)
        if not self.measures:
            raise UnsupportedError(
                "The process is in no control group that has counters.",
                cause="It runs outside of containers, or the system is not Linux.",
                next_step="Use SystemProbe for the machine, ProcessProbe for a process.",
            )

    def for_process(self, pid: int) -> CgroupProbe:
        """Return the probe for the control group of a process."""
        return self if self._pid is not None else CgroupProbe(pid, root=self._root)


class _Cgroups:
    """Reads both versions: each controller is in one of them."""

    def __init__(self, pid: int, root: str) -> None:
        folders = find_folders(pid, root)
        v2 = folders.pop(V2, None)
        self._parts: Iterable[Source] = (
            *([CgroupV2(v2)] if v2 else []),
            CgroupV1(folders),
        )

    def counters(self) -> dict[str, float]:
        return {
            key: value for each in self._parts for key, value in each.counters().items()
        }

    def levels(self) -> dict[str, float]:
        return {key: value for each in self._parts for key, value in each.levels().items()}
