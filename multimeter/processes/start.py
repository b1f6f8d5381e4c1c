"""Start a command with the best implementation for this system."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Sequence

from multimeter.processes.child import Child, CommandError

__all__ = ["start"]


def start(command: Sequence[str]) -> Child:
    """Start a command.

    Args:
        command: The program, which is searched for in PATH, and its arguments.

    Raises:
        CommandError: It cannot be started.
    """
    if not command[0]:
        raise CommandError(command, OSError(errno.ENOENT, os.strerror(errno.ENOENT)))
    if hasattr(signal, "sigtimedwait") and hasattr(os, "waitid"):
        from multimeter.processes.posix_child import PosixChild

        return PosixChild(command)
    from multimeter.processes.portable_child import PortableChild

    return PortableChild(command)
