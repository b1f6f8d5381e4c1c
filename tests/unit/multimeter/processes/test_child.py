from __future__ import annotations

import errno
import signal

import pytest

from multimeter.processes.child import CommandError, exit_code_of


@pytest.mark.parametrize(
    ("number", "exit_code", "text"),
    [
        (errno.ENOENT, 127, "tool: not found."),
        (errno.ENOTDIR, 127, "tool: not found."),
        (errno.EACCES, 126, "tool: cannot be run: Permission denied."),
        (errno.E2BIG, 126, "tool: cannot be run: Argument list too long."),
    ],
)
def test_a_command_that_cannot_start_has_the_exit_code_of_a_shell(number, exit_code, text):
    import os

    error = CommandError(["tool", "x"], OSError(number, os.strerror(number)))
    assert (error.exit_code, str(error)) == (exit_code, text)


def test_exit_codes_and_signals_are_told_as_a_shell_does():
    assert exit_code_of(3 << 8) == 3
    assert exit_code_of(signal.SIGKILL) == 128 + 9
    assert exit_code_of(signal.SIGSEGV | 0x80) == 128 + 11
