"""A child process on systems with sigtimedwait, which reports the sender of a signal."""

from __future__ import annotations

import errno
import os
import sys

from multimeter.processes.accounts import Reaped
from multimeter.processes.child import Child, CommandError, exit_code_of, read_clocks

TYPE_CHECKING = False  # typing and signal take longer to import than this module
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence

    from multimeter.processes.run_cgroup import RunCgroup
else:
    import _signal as signal

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
_ENDING = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}
# Python ignores these, and a child would inherit that.
_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)

# SI_KERNEL of sigaction(2): from the terminal, which signals the child as well.
_FROM_KERNEL = 0x80

_PR_SET_CHILD_SUBREAPER = 36


class PosixChild(Child):
    """A child in the process group of this process, so that both share the terminal.

    Signals are blocked here and received with sigtimedwait(2), which reports their
    origin: those of the terminal, such as Ctrl-C, reach the child anyway; those that
    another process sends to us alone are forwarded.

    On Linux this process adopts descendants of the child whose parent ends before they
    do: daemons, jobs in the background. So each of them is reaped here, or by a parent
    that is, and the kernel accounts for all of them.

    Args:
        command: The program and its arguments.
        group: A control group in which it is started; None for that of this process.

    Raises:
        CommandError: It cannot be started.
    """

    def __init__(self, command: Sequence[str], group: RunCgroup | None = None) -> None:
        self.adopts = _adopt_orphans(True)
        self._awaited = {*_PASSED_ON, signal.SIGCHLD}
        # If it is ignored, the kernel reaps children before we can wait for them.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)
        self.reaped = Reaped()
        if group is not None:
            group.enter()
        self.clocks = read_clocks()
        try:
            self.pid = self._spawn(command)
            self.reaped.raise_floor()
        except OSError as error:
            self.release()
            raise CommandError(command, error) from error
        finally:
            if group is not None:
                group.leave()

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

    def wait(
        self, look: Callable[[], float], saw_end: Callable[[int], bool] | None = None
    ) -> None:
        """Wait until it has ended, forward signals, and reap orphans."""
        while (ended := _ended()) != self.pid:
            if ended:
                self._reap_orphan(ended, look, saw_end)
                continue
            info = signal.sigtimedwait(self._awaited, max(0.0, look()))
            if (
                info is not None
                and info.si_signo != signal.SIGCHLD
                and info.si_code != _FROM_KERNEL
            ):
                try:
                    os.kill(self.pid, info.si_signo)
                except OSError:  # it has changed its user
                    continue

    def _reap_orphan(
        self,
        pid: int,
        look: Callable[[], float],
        saw_end: Callable[[int], bool] | None,
    ) -> None:
        if saw_end is not None and not saw_end(pid):
            look()
        _, _, usage = os.wait4(pid, 0)
        self.reaped.add(pid, usage)

    def reap(self) -> int:
        """Reap it, and return its exit code."""
        _, status, usage = os.wait4(self.pid, 0)
        self.reaped.add(self.pid, usage)
        return exit_code_of(status)

    def reap_orphans(
        self,
        look: Callable[[], float],
        saw_end: Callable[[int], bool] | None = None,
        *,
        wait: bool = False,
    ) -> None:
        """Reap orphans that have ended, or wait for all of them."""
        while True:
            try:
                ended = _ended()
            except ChildProcessError:
                return
            if ended:
                self._reap_orphan(ended, look, saw_end)
            elif not wait:
                return
            else:
                info = signal.sigtimedwait(self._awaited, max(0.0, look()))
                if info is not None and info.si_signo in _ENDING:
                    return

    def release(self) -> None:
        """Unblock signals; drop pending ones, which were meant for the child."""
        while signal.sigtimedwait(self._awaited, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if self.adopts:
            _adopt_orphans(False)


def _ended() -> int:
    """Return a child that has ended and waits to be reaped; 0 if there is none."""
    info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    return 0 if info is None else info.si_pid


def _adopt_orphans(adopts: bool) -> bool:  # noqa: FBT001 - as prctl(2) has it
    """Set whether this process takes over orphans; return whether that is possible."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(adopts)) == 0)
    except (ImportError, OSError, AttributeError):
        return False
