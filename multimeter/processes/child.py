"""A command that runs as a child process, transparent for signals, input and output."""

from __future__ import annotations

import abc
import contextlib
import errno
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence

from multimeter.errors import MultimeterError

__all__ = [
    "CANNOT_RUN",
    "NOT_FOUND",
    "Child",
    "CommandError",
    "exit_code_of",
    "outliving_signals",
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


class Child(abc.ABC):
    """A child process, which inherits standard input, output and error.

    Signals to this process are forwarded to it, until :meth:`release`.

    Attributes:
        pid: Its process id.
    """

    pid: int

    @abc.abstractmethod
    def wait(self, look: Callable[[], float]) -> None:
        """Wait until it has ended, without reaping it.

        Args:
            look: Called repeatedly while waiting; returns in how many seconds to call it
                again.
        """

    @abc.abstractmethod
    def reap(self, reap: Callable[[], int] | None) -> int:
        """Reap it, and return its exit code as a shell reports it.

        Args:
            reap: Reaps it and returns its status; None for the default.
        """

    @abc.abstractmethod
    def release(self) -> None:
        """Stop forwarding signals, and restore their handling."""


@contextlib.contextmanager
def outliving_signals() -> Iterator[None]:
    """Protect the storing of a run from signals, after the command has ended.

    A closed terminal (SIGHUP) must not lose a run; SIGTERM interrupts slow storing, as
    Ctrl-C does.
    """
    handlers = {"SIGHUP": _ignore, "SIGTERM": signal.default_int_handler}
    numbers = {getattr(signal, name, None): each for name, each in handlers.items()}
    before = {
        number: signal.signal(number, handler)
        for number, handler in numbers.items()
        if number is not None and signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing. Unlike SIG_IGN, child programs do not inherit a handler."""


def exit_code_of(status: int) -> int:
    """Return the exit code for a status of wait(2): 128 + signal number if killed."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
