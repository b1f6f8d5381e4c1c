"""File locks that the operating system releases when a process dies."""

from __future__ import annotations

import os
import pathlib
import sys

__all__ = ["FileLock", "lock_open_file"]


_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


class FileLock:
    """An exclusive lock on a file.

    The open file holds it, not the process: a second lock on the same file fails in the
    same process, too.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: pathlib.Path, *, create: bool = True) -> FileLock | None:
        """Lock a file; return None if another owner has locked it, or is removing it.

        Args:
            path: The file.
            create: Whether to create the file if it does not exist.

        Raises:
            OSError: The file cannot be opened, or its file system has no locks.
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
        """Release the lock.

        In a child process this releases the child's copy only: the parent keeps its
        lock.
        """
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _is_still_there(descriptor: int, path: pathlib.Path) -> bool:
    # The previous owner may have removed it meanwhile. (Windows cannot remove open files.)
    if sys.platform == "win32":
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def lock_open_file(descriptor: int) -> bool:
        """Lock an open file; return False if another owner has locked it."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock_open_file(descriptor: int) -> bool:
        """Lock an open file; return False if another owner has locked it.

        Raises:
            OSError: Its file system has no locks.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
