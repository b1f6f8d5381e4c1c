"""Lifetime: what is to be done when a process ends, and when it has forked."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from collections.abc import Callable

__all__ = ["call_after_fork", "call_at_exit"]


def call_at_exit(deed: Callable[[], None]) -> Callable[[], None]:
    """Call a function when the process ends.

    Returns:
        What takes that back.
    """
    atexit.register(deed)
    finalizer = None
    # The children of multiprocessing end without atexit.
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing and multiprocessing.parent_process():
        finalizer = multiprocessing.util.Finalize(None, deed, exitpriority=0)

    def take_back() -> None:
        atexit.unregister(deed)
        if finalizer:
            finalizer.cancel()

    return take_back


def call_after_fork(method: Callable[[], None]) -> None:
    """Call a method in every child that is forked off, as long as its object lives."""
    found = weakref.WeakMethod(method)

    def after_fork() -> None:
        if each := found():
            each()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=after_fork)
