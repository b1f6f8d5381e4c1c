"""Find and read the folders of a process's control groups.

See cgroups(7) and proc_pid_mountinfo(5).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from multimeter.probes import procfs

__all__ = ["CgroupFolder", "find_folders"]

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
