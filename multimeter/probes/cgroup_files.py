"""Where the control groups of a process are: cgroups(7), proc_pid_mountinfo(5)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from multimeter.probes import procfs

__all__ = ["CgroupFolder", "find_folders"]

V2 = ""
"""The name under which the one folder of version 2 is found, whatever controllers."""


@dataclass(frozen=True)
class CgroupFolder:
    """The folder of a control group.

    Attributes:
        path: Where it is.
        top: The topmost folder of its kind that can be seen.
    """

    path: str
    top: str

    def read(self, name: str) -> bytes | None:
        """Return what a file of the folder holds, or None where it cannot be read."""
        return procfs.read_bytes(f"{self.path}/{name}")

    def number(self, name: str) -> int | None:
        """Return the number in a file; None for no number, which ``max`` is as well."""
        return _number(self.read(name))

    def table(self, name: str) -> dict[str, int]:
        """Return the numbers in a file by the words before them."""
        rows = (line.rsplit(None, 1) for line in (self.read(name) or b"").splitlines())
        pairs = (row for row in rows if len(row) == 2)  # noqa: PLR2004 - a pair
        return {
            key.decode(): int(value) for key, value in pairs if value.lstrip(b"-").isdigit()
        }

    def upwards(self) -> list[CgroupFolder]:
        """Return the folder and all above it, whose limits hold for it, too."""
        folders, path = [self], self.path
        while path != self.top and len(path) > len(self.top):
            path = os.path.dirname(path)
            folders.append(CgroupFolder(path, self.top))
        return folders


def _number(data: bytes | None) -> int | None:
    text = (data or b"").strip()
    return int(text) if text.lstrip(b"-").isdigit() else None


def find_folders(pid: int, root: str = "") -> dict[str, CgroupFolder]:
    """Return the folders of a process by controller; under ``""`` that of version 2.

    The controllers of version 1 each have a tree of their own. A process at the top of
    a tree is in no group: such trees are left out.

    Args:
        pid: The process.
        root: What stands before /proc and before each mount point.
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
    # In a container, what is mounted may begin at its own group.
    inside = group.removeprefix("" if mount_root == "/" else mount_root)
    path = f"{mount_point}/{inside.strip('/')}".rstrip("/")
    return CgroupFolder(path if os.path.isdir(path) else mount_point, mount_point)


def _is_top(folder: CgroupFolder) -> bool:
    """Return whether a folder is the true root, where only these files are (not) found."""
    if os.path.exists(f"{folder.path}/release_agent"):
        return True
    is_v2 = os.path.exists(f"{folder.path}/cgroup.controllers")
    return is_v2 and not os.path.exists(f"{folder.path}/cgroup.events")
