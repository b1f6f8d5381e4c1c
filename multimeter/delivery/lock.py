"""Locks on folders, held by an open file: the system frees them when a process dies."""

from __future__ import annotations

import os
import pathlib
import sys

__all__ = ["FileLock", "lock_open_file"]


_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


class FileLock:
    """An exclusive lock on a file, or on whatever the file stands for.

    It belongs to the open file, not to the process: a second lock on the same file is
    refused in the same process too.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: pathlib.Path, *, create: bool = True) -> FileLock | None:
        """Lock a file, or return None when somebody else has locked it, or removes it.

        Args:
            path: The file.
            create: Whether to make the file where there is none.

        Raises:
            OSError: The file cannot be opened, or not be locked on this disk.
        """
        descriptor = os.open(path, _FLAGS | (os.O_CREAT if create else 0), 0o600)
        lock = cls(descriptor)
        try:
            if lock_open_file(descriptor) and _is_still_there(descriptor, path):
                return lock
        except OSError:
            lock.release()
            raise
        lock.release()
        return None

    def release(self) -> None:
        """Free the lock.

        In a child process this lets go of the child's copy only: the lock of the
        parent stays.
        """
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _is_still_there(descriptor: int, path: pathlib.Path) -> bool:
    # Its last owner may have removed it meanwhile. (Windows removes no open file.)
    if sys.platform == "win32":
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def lock_open_file(descriptor: int) -> bool:
        """Lock an open file; False when somebody else has locked it."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock_open_file(descriptor: int) -> bool:
        """Lock an open file; False when somebody else has locked it.

        Raises:
            OSError: It cannot be locked on this disk.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
