"""Start a command in the best way that this system has."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from multimeter.programs.child import Child

__all__ = ["start"]


def start(command: Sequence[str]) -> Child:
    """Start a command.

    Args:
        command: The program, which is looked for as a shell does, and its arguments.

    Raises:
        CommandError: It cannot be started.
    """
    if hasattr(signal, "sigtimedwait") and hasattr(os, "waitid"):
        from multimeter.programs.posix_child import PosixChild

        return PosixChild(command)
    from multimeter.programs.portable_child import PortableChild

    return PortableChild(command)
