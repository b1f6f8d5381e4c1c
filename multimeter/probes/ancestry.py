"""Check whether one process descends from another."""

from __future__ import annotations

import psutil

__all__ = ["Ancestry"]


class Ancestry:
    """Checks whether processes belong to the tree of a root process.

    Args:
        root: The process id of the root.
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
