"""A command that runs as a child process, transparent for signals, input and output."""

from __future__ import annotations

import errno
import os
import time

from multimeter.errors import MultimeterError
from multimeter.system.clocks import boottime_ns

TYPE_CHECKING = False  # typing and signal take longer to import than this module
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any

    from multimeter.processes.accounts import Reaped
else:
    import _signal as signal

__all__ = [
    "CANNOT_RUN",
    "NOT_FOUND",
    "Child",
    "CommandError",
    "exit_code_of",
    "outliving_signals",
    "read_clocks",
]

NOT_FOUND = 127
CANNOT_RUN = 126
"""The exit codes of POSIX for a command that cannot be started:
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02"""

_LONGEST_FIRST_LINE = 256
_MISSING = (errno.ENOENT, errno.ENOTDIR)


class CommandError(MultimeterError):
    """A command could not be started.

    Args:
        command: The program and its arguments.
        error: The reason.

    Attributes:
        exit_code: The exit code that a shell would use.
    """

    def __init__(self, command: Sequence[str], error: OSError) -> None:
        missing = error.errno in _MISSING
        self.exit_code = NOT_FOUND if missing else CANNOT_RUN
        reason = f"cannot be run: {error.strerror or error}"
        if missing:
            reason = _missing_file(command[0])
        super().__init__(f"{command[0]}: {reason}.")


def _missing_file(program: str) -> str:
    """Return what is missing: the program, or its interpreter or loader."""
    import shutil  # slow to load, and most programs can be started

    path = shutil.which(program)
    try:
        with open(path or "", "rb") as file:  # noqa: PTH123 - names need not be text
            first = file.readline(_LONGEST_FIRST_LINE)
    except OSError:
        return "not found"
    if not first.startswith(b"#!"):
        return "its loader is missing: it was built for another system"
    interpreter = os.fsdecode(first[2:].strip(b" \t\n").partition(b" ")[0])
    if interpreter.endswith("\r"):
        return f"its interpreter {interpreter!r} is missing: it has Windows line endings"
    return f"its interpreter {interpreter} is missing"


class Child:
    """A child process, which inherits standard input, output and error.

    Signals to this process are forwarded to it, until :meth:`release`.

    Attributes:
        pid: Its process id.
        clocks: The time of day, the clock that counts suspends and the monotonic clock
            when it was started, in ns.
        adopts: Whether orphans among its descendants become children of this process.
        reaped: What the kernel accounts for the processes that were reaped here.
    """

    pid: int
    clocks: tuple[int, int, int]
    adopts: bool
    reaped: Reaped

    def wait(
        self, look: Callable[[], float], saw_end: Callable[[int], bool] | None = None
    ) -> None:
        """Wait until it has ended, without reaping it; reap orphans meanwhile.

        Args:
            look: Called repeatedly while waiting; returns in how many seconds to call it
                again.
            saw_end: Returns whether the last look saw an orphan after its end: if not, it
                is looked at before it is reaped.
        """
        raise NotImplementedError

    def reap(self) -> int:
        """Reap it, and return its exit code as a shell reports it."""
        raise NotImplementedError

    def reap_orphans(
        self,
        look: Callable[[], float],
        saw_end: Callable[[int], bool] | None = None,
        *,
        wait: bool = False,
    ) -> None:
        """Reap orphans, after it was reaped itself.

        Args:
            look: As for :meth:`wait`.
            saw_end: As for :meth:`wait`.
            wait: Whether to wait until all that descend from it have ended; a signal ends
                this wait.
        """

    def release(self) -> None:
        """Stop forwarding signals, and restore their handling."""
        raise NotImplementedError


class outliving_signals:  # noqa: N801 - it reads like a function
    """Protect the storing of a run from signals, after the command has ended.

    A closed terminal (SIGHUP) must not lose a run; SIGTERM interrupts slow storing, as
    Ctrl-C does.
    """

    def __enter__(self) -> None:
        handlers = {"SIGHUP": _ignore, "SIGTERM": signal.default_int_handler}
        numbers = {getattr(signal, name, None): each for name, each in handlers.items()}
        self._before: dict[int, Any] = {
            number: signal.signal(number, handler)
            for number, handler in numbers.items()
            if number is not None and signal.getsignal(number) != signal.SIG_IGN
        }

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing. Unlike SIG_IGN, child programs do not inherit a handler."""


def read_clocks() -> tuple[int, int, int]:
    """Return the time of day, the clock that counts suspends and the monotonic clock."""
    return time.time_ns(), boottime_ns(), time.monotonic_ns()


def exit_code_of(status: int) -> int:
    """Return the exit code for a status of wait(2): 128 + signal number if killed."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
