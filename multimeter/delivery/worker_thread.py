"""The thread of a delivery, which lets its worker work."""

from __future__ import annotations

import logging
import math
import threading
import time
import traceback
from collections.abc import Callable

from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.worker import Worker

__all__ = ["RECHECK_SECONDS", "WorkerThread"]

RECHECK_SECONDS = 1.0
"""What failed for an unknown reason, such as a full disk, is tried again this often."""

_JOIN_SECONDS = 1.0


class WorkerThread:
    """Calls the worker whenever there may be something to do.

    Args:
        name: The name of the sink.
        worker: The worker.
        incidents: Where a bug of the worker or of the sink is reported.
        changed: Notified after each step of the worker.
        end: Called once when it has stopped; it closes what the worker uses.
    """

    def __init__(
        self,
        name: str,
        worker: Worker,
        incidents: IncidentLog,
        changed: threading.Condition,
        end: Callable[[], None],
    ) -> None:
        self._name = name
        self._worker = worker
        self._incidents = incidents
        self._changed = changed
        self._end = end
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_stopped = False

    @property
    def is_started(self) -> bool:
        """Whether the worker has a thread; none can start while the interpreter exits."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread, if that is possible."""
        thread = threading.Thread(
            target=self._run, name=f"multimeter-delivery {self._name}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the interpreter exits: work() does it instead
            return
        self._thread = thread

    def wake(self) -> None:
        """Let the worker look for something to do, now."""
        self._wake.set()

    def work(self, is_over: Callable[[], bool], timeout: float | None) -> None:
        """Do in the caller what the thread would do, until it is over.

        Args:
            is_over: Whether it is.
            timeout: The maximum time, in s; None is without limit.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not is_over() and time.monotonic() < deadline:
            wait = self._worker.step()
            self._incidents.flush()
            if wait is None:
                return
            time.sleep(min(wait, max(0.0, deadline - time.monotonic())))

    def stop(self, deadline: float) -> None:
        """Stop the thread, and wait for its end unless the sink blocks it.

        Args:
            deadline: When to stop waiting, on the monotonic clock, in s.
        """
        self._is_stopped = True
        self._wake.set()
        if self._thread is None:
            self._end()
        else:
            grace = 0.0 if self._worker.is_sending else _JOIN_SECONDS
            self.join(max(grace, deadline - time.monotonic()))

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended; return whether it has.

        Args:
            timeout: The maximum time to wait, in s.
        """
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._is_stopped:
            try:
                wait = self._worker.step()
            except Exception:  # noqa: BLE001 - the thread must survive a bug
                what = f"The delivery to {self._name} failed and is retried.\n"
                self._incidents.open(
                    "bug", what + traceback.format_exc(), level=logging.ERROR
                )
                wait = RECHECK_SECONDS
            self._incidents.flush()
            with self._changed:
                self._changed.notify_all()
            if wait != 0:
                self._wake.wait(wait)
                self._wake.clear()
        self._end()
