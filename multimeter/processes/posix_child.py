"""A child process on systems with sigtimedwait, which reports the sender of a signal."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable, Sequence

from multimeter.processes.child import Child, CommandError, exit_code_of

__all__ = ["PosixChild"]

_PASSED_ON = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
}
# Python ignores these, and a child would inherit that.
_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)

# SI_KERNEL of sigaction(2): from the terminal, which signals the child as well.
_FROM_KERNEL = 0x80


class PosixChild(Child):
    """A child in the process group of this process, so that both share the terminal.

    Signals are blocked here and received with sigtimedwait(2), which reports their
    origin: those of the terminal, such as Ctrl-C, reach the child anyway; those that
    another process sends to us alone are forwarded.

    Args:
        command: The program and its arguments.

    Raises:
        CommandError: It cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._awaited = {*_PASSED_ON, signal.SIGCHLD}
        # If it is ignored, the kernel reaps children before we can wait for them.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)
        try:
            self.pid = self._spawn(command)
        except OSError as error:
            self.release()
            raise CommandError(command, error) from error

    def _spawn(self, command: Sequence[str]) -> int:
        try:
            return self._spawn_program(command)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # A script without a shebang line is run by the shell.
            return self._spawn_program(["/bin/sh", *command])

    def _spawn_program(self, command: Sequence[str]) -> int:
        return os.posix_spawnp(
            command[0], list(command), os.environ, setsigmask=self._mask, setsigdef=_DEFAULT
        )

    def wait(self, look: Callable[[], float]) -> None:
        """Wait until it has ended, and forward signals."""
        while not self._has_ended():
            info = signal.sigtimedwait(self._awaited, max(0.0, look()))
            if (
                info is not None
                and info.si_signo != signal.SIGCHLD
                and info.si_code != _FROM_KERNEL
            ):
                with contextlib.suppress(OSError):  # it has changed its user
                    os.kill(self.pid, info.si_signo)

    def _has_ended(self) -> bool:
        options = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self.pid, options) is not None

    def reap(self, reap: Callable[[], int] | None) -> int:
        """Reap it, and return its exit code."""
        return exit_code_of(reap() if reap else os.waitpid(self.pid, 0)[1])

    def release(self) -> None:
        """Unblock signals; drop pending ones, which were meant for the child."""
        while signal.sigtimedwait(self._awaited, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
