"""A control group of a run's own, where this process may make one.

The command is started in it, so the kernel accounts for exactly the processes of the run,
whichever their parent is. It is a child of the group that this process is in: all limits of
that apply. See cgroups(7).
"""

from __future__ import annotations

import os
import time

from multimeter.probes.procfs import read_bytes

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from typing import Any

__all__ = ["RunCgroup", "open_cgroup"]

_V2 = ""
_CONTROLLERS = ("cpuacct", "memory")


def open_cgroup() -> RunCgroup | None:
    """Make a group for a run; None where that is not possible or not permitted."""
    try:
        group = RunCgroup()
    except (OSError, ValueError):
        return None
    if group.is_there:
        return group
    return None


class RunCgroup:
    """The folders of the group: one of version 2, or one for each controller of version 1.

    Raises:
        OSError: The system does not show its groups.
    """

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._own_cpu = 0.0
        self._entered = 0.0
        for controller, parent in _own_folders().items():
            folder = f"{parent}/multimeter-{os.getpid()}"
            try:
                os.mkdir(folder)  # noqa: PTH102 - pathlib is slow to load
            except OSError:
                continue
            self._folders[controller] = folder

    @property
    def is_there(self) -> bool:
        """Whether there is a folder at all."""
        return bool(self._folders)

    def enter(self) -> None:
        """Enter the group: what is started now begins in it."""
        self._entered = time.process_time()
        for controller, folder in [*self._folders.items()]:
            if not _move(0, folder):
                del self._folders[controller]
                _remove(folder)

    def leave(self) -> None:
        """Go back to the group from before."""
        for folder in self._folders.values():
            _move(0, os.path.dirname(folder))  # noqa: PTH120
        self._own_cpu = time.process_time() - self._entered

    @property
    def cpu_time(self) -> float | None:
        """The CPU time of all processes that were ever in the group, in s."""
        used: float | None = None
        if folder := self._folders.get("cpuacct"):
            nanoseconds = _number(f"{folder}/cpuacct.usage")
            used = None if nanoseconds is None else nanoseconds / 1e9
        elif folder := self._folders.get(_V2):
            microseconds = _entry(f"{folder}/cpu.stat", b"usage_usec")
            used = None if microseconds is None else microseconds / 1e6
        return None if used is None else max(0.0, used - self._own_cpu)

    @property
    def oom_kills(self) -> int:
        """How many of its processes were killed for want of memory."""
        if folder := self._folders.get("memory"):
            return _entry(f"{folder}/memory.oom_control", b"oom_kill") or 0
        folder = self._folders.get(_V2, "")
        return _entry(f"{folder}/memory.events", b"oom_kill") or 0

    def meta_data(self) -> dict[str, Any]:
        """Return what else the group accounts for, for the meta data of the run."""
        if folder := self._folders.get("memory"):
            peak = _number(f"{folder}/memory.max_usage_in_bytes")
        else:
            peak = _number(f"{self._folders.get(_V2, '')}/memory.peak")
        known = {"memory_charged_peak": peak, "oom_kills": self.oom_kills or None}
        data = {key: value for key, value in known.items() if value is not None}
        return {"cgroup": data} if data else {}

    def close(self) -> None:
        """Remove the group; what still runs in it goes to the group above."""
        for folder in self._folders.values():
            parent = os.path.dirname(folder)  # noqa: PTH120
            for pid in (read_bytes(f"{folder}/cgroup.procs") or b"").split():
                _move(int(pid), parent)
            _remove(folder)


def _own_folders() -> dict[str, str]:
    """Return the folders of this process's groups in which it may make one."""
    groups = {}
    for line in (read_bytes("/proc/self/cgroup") or b"").decode().splitlines():
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    folders: dict[str, str] = {}
    for line in (read_bytes("/proc/self/mountinfo") or b"").decode().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = (*after.split(" ", 2), "", "")[:3]
        if kind not in ("cgroup", "cgroup2"):
            continue
        root, point = before.split(" ")[3:5]
        names = (_V2,) if kind == "cgroup2" else options.split(",")
        for name in names:
            if name in groups and name in (*_CONTROLLERS, _V2):
                inside = groups[name].removeprefix("" if root == "/" else root)
                folder = f"{point}/{inside.strip('/')}".rstrip("/")
                if os.access(folder, os.W_OK):
                    folders.setdefault(name, folder)
    if "cpuacct" in folders:
        folders.pop(_V2, None)  # version 1 has the controllers
    return folders


def _number(path: str) -> int | None:
    data = (read_bytes(path) or b"").strip()
    return int(data) if data.isdigit() else None


def _entry(path: str, name: bytes) -> int | None:
    for line in (read_bytes(path) or b"").splitlines():
        key, _, value = line.partition(b" ")
        if key == name and value.isdigit():
            return int(value)
    return None


def _move(pid: int, folder: str) -> bool:
    try:
        file = os.open(f"{folder}/cgroup.procs", os.O_WRONLY)
    except OSError:
        return False
    try:
        os.write(file, b"%d" % pid)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(file)


def _remove(folder: str) -> None:
    try:
        os.rmdir(folder)  # noqa: PTH106
    except OSError:
        return
