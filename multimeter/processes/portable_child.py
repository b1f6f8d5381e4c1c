"""A child process on systems without sigtimedwait: macOS and Windows."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from multimeter.processes.accounts import Reaped
from multimeter.processes.child import Child, CommandError

__all__ = ["PortableChild"]

_PASSED_ON = ("SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGWINCH")
# A terminal sends these to the child as well, and the system hides the sender.
_FROM_TERMINAL = ("SIGINT", "SIGQUIT", "SIGBREAK")


class PortableChild(Child):
    """A child process that is polled for its end.

    Args:
        command: The program and its arguments.

    Raises:
        CommandError: It cannot be started.
    """

    adopts = False

    def __init__(self, command: Sequence[str]) -> None:
        self.reaped = Reaped()
        self._handlers: dict[int, Any] = {}
        try:
            self._process = subprocess.Popen(list(command), close_fds=os.name != "posix")  # noqa: S603 - the user's own command
        except OSError as error:
            raise CommandError(command, error) from error
        self.pid = self._process.pid
        for name in (*_PASSED_ON, *_FROM_TERMINAL):
            number = getattr(signal, name, None)
            if number is not None:
                forwards = name in _PASSED_ON or not _is_in_foreground()
                handler = self._pass_on if forwards else _ignore
                self._handlers[number] = signal.signal(number, handler)

    def _pass_on(self, number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            self._process.send_signal(number)

    def wait(
        self,
        look: Callable[[], float],
        saw_end: Callable[[int], bool] | None = None,  # noqa: ARG002 - it has no orphans
    ) -> None:
        """Wait until it has ended."""
        while True:
            try:
                self._process.wait(look())
            except subprocess.TimeoutExpired:
                continue
            return

    def reap(self) -> int:
        """Return its exit code."""
        code = self._process.wait()
        return 128 - code if code < 0 else code

    def release(self) -> None:
        """Stop forwarding signals, and restore their handlers."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) in (self._pass_on, _ignore):
                signal.signal(number, handler)
        self._handlers.clear()


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing: the terminal has sent the signal to the child, too."""


def _is_in_foreground() -> bool:
    """Return whether a terminal sends its signals to this process and its children."""
    if sys.platform == "win32":
        return True
    try:
        with open(os.ctermid(), "rb") as terminal:  # noqa: PTH123 - not a path
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
