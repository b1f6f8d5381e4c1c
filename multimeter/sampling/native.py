"""Threads of the operating system, also where gevent has replaced those of Python.

After ``gevent.monkey.patch_all()`` a :class:`threading.Thread` is a greenlet: a program
that computes would never let it run. The sampler must not depend on that.
https://www.gevent.org/api/gevent.monkey.html
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Event", "Runner", "make_event", "start_thread"]


class Event(Protocol):
    """What a sampler needs of :class:`threading.Event`; one thread waits for it."""

    def set(self) -> None:
        """Wake who waits, now or later."""

    def clear(self) -> None:
        """Forget that it was set."""

    def wait(self, timeout: float) -> bool:
        """Wait until it is set or the time is over; return whether it is set."""


class Runner(Protocol):
    """What a sampler needs of :class:`threading.Thread`."""

    def join(self) -> None:
        """Wait until it has ended."""


def make_event() -> Event:
    """Return an event on which a thread that :func:`start_thread` started can wait."""
    original = _original("allocate_lock")
    return threading.Event() if original is None else _LockEvent(original)


def start_thread(work: Callable[[], None], name: str) -> Runner:
    """Start a thread of the operating system that does not keep the program alive.

    Args:
        work: What it does.
        name: Its name.
    """
    start, allocate = _original("start_new_thread"), _original("allocate_lock")
    if start is not None and allocate is not None:
        return _NativeThread(work, start, allocate)
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _original(name: str) -> Callable[..., Any] | None:
    """Return a function of ``_thread`` that gevent has replaced; None if it has not."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return None
    original: Callable[..., Any] = monkey.get_original("_thread", name)
    return original


class _LockEvent:
    """An event made of one lock, which is held as long as the event is not set."""

    def __init__(self, allocate: Callable[..., Any]) -> None:
        self._lock = allocate()
        self._guard = allocate()
        self._lock.acquire()

    def set(self) -> None:
        with self._guard:
            if self._lock.locked():
                self._lock.release()

    def clear(self) -> None:
        with self._guard:
            self._lock.acquire(blocking=False)

    def wait(self, timeout: float) -> bool:
        if not self._lock.acquire(timeout=timeout):
            return False
        self._lock.release()  # it stays set until it is cleared
        return True


class _NativeThread:
    """A thread that ends when its work does."""

    def __init__(
        self,
        work: Callable[[], None],
        start: Callable[..., Any],
        allocate: Callable[..., Any],
    ) -> None:
        self._work = work
        self._running = allocate()
        self._running.acquire()
        start(self._run, ())

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._running.release()

    def join(self) -> None:
        with self._running:
            pass
