"""Wait until a process ends that is not our child, or until a signal asks us to stop."""

from __future__ import annotations

import os
import select
import signal
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

from multimeter.probes.process import ProcessProbe

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StopCondition"]

# Without pidfd_open(2), the end of a process is polled at this interval, in s.
_POLL_SECONDS = 0.2

# SIGHUP comes when the terminal is closed; Windows does not have it.
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))


class StopCondition:
    """Ends a measurement when the process ends, or on a signal.

    The signal handlers only set a flag and raise nothing, so that an interrupted start or
    sample completes, and the result is stored.

    Args:
        probe: The probe of the process.

    Attributes:
        has_ended: Whether the process has ended.
    """

    def __init__(self, probe: ProcessProbe) -> None:
        self._probe = probe
        self._is_signalled = False
        self.has_ended = False
        self._before: dict[signal.Signals, Any] = {}
        self._process: int | None = None
        self._read, self._write = os.pipe()

    def __enter__(self) -> Self:
        """Handle SIGINT (Ctrl-C), SIGTERM and SIGHUP.

        Ignored signals stay ignored, as ``nohup`` requires.
        """
        handled = [e for e in set(_STOP_SIGNALS) if signal.getsignal(e) != signal.SIG_IGN]
        self._before = {each: signal.signal(each, self._handle) for each in handled}
        self._process = _open_pidfd(self._probe.pid)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the signal handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for descriptor in (self._read, self._write, self._process):
            if descriptor is not None:
                os.close(descriptor)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if not self._is_signalled:
            self._is_signalled = True
            # Wake up poll(), which resumes after a signal handler: PEP 475.
            os.write(self._write, b"\0")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for at most some seconds, and return whether to stop.

        Args:
            seconds: The maximum time to wait, in s; it may return earlier. None to wait
                for the default interval.
        """
        patience = _POLL_SECONDS if seconds is None else max(0.0, seconds)
        if self._process is None:
            time.sleep(0.0 if self._is_signalled else min(patience, _POLL_SECONDS))
            self._probe.glance()
            self.has_ended = not self._probe.alive
            return self._is_signalled or self.has_ended
        poll = select.poll()
        poll.register(self._process, select.POLLIN)
        poll.register(self._read, select.POLLIN)
        events = poll.poll(patience * 1000)
        self.has_ended = any(each == self._process for each, _ in events)
        return bool(events)


def _open_pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends: pidfd_open(2)."""
    pidfd_open: Any = getattr(os, "pidfd_open", None)
    if pidfd_open is None:
        return None
    try:
        return int(pidfd_open(pid))
    except OSError:  # an old kernel, or the process has ended
        return None
