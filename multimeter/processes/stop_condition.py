"""Wait for the end of a process that is not ours, or for the word to end."""

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

# A process that is gone is noticed after so many seconds where the system does not tell.
_PATIENCE = 0.2

# SIGHUP comes when the terminal is closed; Windows has none.
_WORDS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))


class StopCondition:
    """What ends a measurement: the process is gone, or a signal has told us to end.

    A signal only leaves a word here; it raises nothing, so that whatever it interrupts,
    a start or a sample, is done whole and what was measured is stored.

    Args:
        probe: Looks at the process.
    """

    def __init__(self, probe: ProcessProbe) -> None:
        self._probe = probe
        self._told = False
        self._before: dict[signal.Signals, Any] = {}
        self._process: int | None = None
        self._read, self._write = os.pipe()

    def __enter__(self) -> Self:
        """Take SIGINT (Ctrl-C), SIGTERM and SIGHUP for the word to end.

        Those that are ignored stay so, as ``nohup`` wants it.
        """
        heard = [e for e in set(_WORDS) if signal.getsignal(e) != signal.SIG_IGN]
        self._before = {each: signal.signal(each, self._tell) for each in heard}
        self._process = _opened(self._probe.pid)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the signals as they were."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for descriptor in (self._read, self._write, self._process):
            if descriptor is not None:
                os.close(descriptor)

    def _tell(self, _number: int, _frame: FrameType | None) -> None:
        if not self._told:
            self._told = True
            os.write(self._write, b"\0")  # a wait goes on after a signal, see PEP 475

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for so many seconds at most, and return whether to end.

        Args:
            seconds: None for as long as it takes; it may return earlier all the same.
        """
        patience = _PATIENCE if seconds is None else max(0.0, seconds)
        if self._process is None:
            time.sleep(0.0 if self._told else min(patience, _PATIENCE))
            self._probe.glance()
            return self._told or not self._probe.alive
        poll = select.poll()
        poll.register(self._process, select.POLLIN)
        poll.register(self._read, select.POLLIN)
        return bool(poll.poll(patience * 1000))


def _opened(pid: int) -> int | None:
    """Return a descriptor that tells when the process ends, see pidfd_open(2)."""
    opened: Any = getattr(os, "pidfd_open", None)
    if opened is None:
        return None
    try:
        return int(opened(pid))
    except OSError:  # an old kernel, or gone by now
        return None
