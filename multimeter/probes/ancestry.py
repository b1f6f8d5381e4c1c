"""Which processes descend from a process."""

from __future__ import annotations

import psutil

__all__ = ["Ancestry"]


class Ancestry:
    """Tells of single processes whether they are a process or descend from it.

    Args:
        root: The id of the process.
    """

    def __init__(self, root: int) -> None:
        self._root = root

    def includes(self, pid: int) -> bool:
        """Return whether a process is the root or descends from it."""
        if pid == self._root:
            return True
        try:
            return any(each.pid == self._root for each in psutil.Process(pid).parents())
        except psutil.Error:
            return False
