"""A command that runs as a child of this process, as if there were nobody between."""

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
        command: Its words.
        error: Why.

    Attributes:
        exit_code: What a shell would end with.
    """

    def __init__(self, command: Sequence[str], error: OSError) -> None:
        missing = error.errno in _MISSING
        self.exit_code = NOT_FOUND if missing else CANNOT_RUN
        reason = f"cannot be run: {error.strerror or error}"
        if missing:
            reason = _what_is_missing(command[0])
        super().__init__(f"{command[0]}: {reason}.")


def _what_is_missing(program: str) -> str:
    """Say what was not found: a program, or what reads or loads one that is there."""
    path = shutil.which(program)
    try:
        with open(path or "", "rb") as file:  # noqa: PTH123 - names need not be text
            first = file.readline(_LONGEST_FIRST_LINE)
    except OSError:
        return "not found"
    if not first.startswith(b"#!"):
        return "what loads it is not there: it was built for another system"
    interpreter = os.fsdecode(first[2:].strip(b" \t\n").partition(b" ")[0])
    if interpreter.endswith("\r"):
        return f"its interpreter {interpreter!r} is not there: its lines end as on Windows"
    return f"its interpreter {interpreter} is not there"


class Child(abc.ABC):
    """A child process: it has this one's input, output and error output.

    Signals that this process gets are passed on to it, until it is released.

    Attributes:
        pid: Its process id.
    """

    pid: int

    @abc.abstractmethod
    def wait(self, look: Callable[[], float]) -> None:
        """Wait until it has ended; it can still be looked at then.

        Args:
            look: Called again and again meanwhile; tells after how many seconds it
                wants to be called next.
        """

    @abc.abstractmethod
    def reap(self, reap: Callable[[], int] | None) -> int:
        """Let it go for good, and return its exit code, as a shell tells it.

        Args:
            reap: Waits for it and returns its status; None for the plain way.
        """

    @abc.abstractmethod
    def release(self) -> None:
        """Take signals again as before."""


@contextlib.contextmanager
def outliving_signals() -> Iterator[None]:
    """Store in peace meanwhile: the command has ended, and its exit code is known.

    A terminal that is closed (SIGHUP) is no reason to lose a run; SIGTERM breaks off what
    takes long, as Ctrl-C does.
    """
    handlers = {"SIGHUP": _go_on, "SIGTERM": signal.default_int_handler}
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


def _go_on(_number: int, _frame: object) -> None:
    """Do nothing; a handler, unlike SIG_IGN, is not inherited by other programs."""


def exit_code_of(status: int) -> int:
    """Return the exit code for a status of wait(2): 128 and the signal, where killed."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
