"""The files of one process in /proc, kept open: reading again is half of the work."""

from __future__ import annotations

import os

from multimeter.probes import procfs
from multimeter.probes.usage import Usage

__all__ = ["ProcessFiles"]

_PATHS = {
    "stat": "stat",
    "io": "io",
    "status": "status",
    "children": "task/{pid}/children",
}
# The kernel returns what is shorter in one read.
_WHOLE = 4096


class ProcessFiles:
    """The files of one process, and what was read of them last.

    A file that was opened is one of that process: when it has ended, it reads as an
    error, also if the process id is used again.

    Args:
        proc: The folder of /proc.
        pid: The process id.
        keeps: Whether the files stay open.

    Attributes:
        pid: The process id.
        folder: The folder of the process.
        is_kept: Whether the files are open.
        cpu: Its CPU time at the last look, in s; None if unknown.
        usage: Its usage at the last look.
        looked: The number of the last look for which it was read.
    """

    NUMBER = len(_PATHS)
    """How many files stay open."""

    __slots__ = ("_descriptors", "cpu", "folder", "is_kept", "looked", "pid", "usage")

    def __init__(self, proc: str, pid: int, *, keeps: bool) -> None:
        self.pid = pid
        self.folder = f"{proc}/{pid}"
        self.cpu: float | None = None
        self.usage: Usage | None = None
        self.looked = 0
        self._descriptors: dict[str, int] = {}
        if keeps:
            for name in _PATHS:
                try:
                    self._descriptors[name] = os.open(self._path(name), os.O_RDONLY)
                except OSError:  # it has ended, it is hidden, or too many files are open
                    continue
        self.is_kept = "stat" in self._descriptors

    def _path(self, name: str) -> str:
        return f"{self.folder}/{_PATHS[name].format(pid=self.pid)}"

    def read(self, name: str) -> bytes | None:
        """Return the contents of a file; None if it cannot be read.

        Args:
            name: ``stat``, ``io``, ``status`` or ``children``, those of its first thread.
        """
        descriptor = self._descriptors.get(name)
        if descriptor is None:
            return procfs.read_bytes(self._path(name))
        try:
            data = os.pread(descriptor, _WHOLE, 0)
        except OSError:  # ESRCH: it has ended
            return None
        return data if len(data) < _WHOLE else procfs.read_bytes(self._path(name))

    def other_threads(self, number: int) -> list[str]:
        """Return the ids of all threads but the first.

        Args:
            number: How many threads there are.
        """
        if number <= 1:
            return []
        try:
            threads = os.listdir(f"{self.folder}/task")
        except OSError:
            return []
        return [each for each in threads if each != str(self.pid)]

    def close(self) -> None:
        """Close the files."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def __del__(self) -> None:
        self.close()
