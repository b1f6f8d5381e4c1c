"""LiveForwarder: a run as its storage sees it while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from multimeter.errors import MultimeterError
from multimeter.result import Result
from multimeter.storages.base import Storage
from multimeter.system.log import log

__all__ = ["LiveForwarder"]


class LiveForwarder:
    """Passes a run on to its storage; a failure of the storage does not reach the run.

    Args:
        storage: The storage.
        result: The result of the run.
    """

    def __init__(self, storage: Storage, result: Result) -> None:
        self._storage = storage
        self._result = result
        self._lock = threading.Lock()
        self._is_open = False
        self._failed = False

    def open(self) -> None:
        """Open the run in the storage, once: the first point may come before."""
        with self._lock:
            if not self._is_open:
                self._is_open = True
                try:
                    self._storage.open(self._result)
                except Exception as error:  # noqa: BLE001 - the run goes on
                    self._fail(error)

    def append(self, time_ns: int, values: Mapping[str, Any]) -> None:
        """Add a point to the result, and to the storage."""
        self._result.append(time_ns, values)
        self.open()
        if not self._failed:
            # Where two points had one time, the result has moved the second one on.
            time_ns = self._result.times_ns[-1]
            try:
                self._storage.append(self._result, time_ns, values)
            except Exception as error:  # noqa: BLE001 - the run goes on
                self._fail(error)

    def add_mark(self, time_ns: int, label: str) -> None:
        """Add a mark to the result, and to the storage."""
        with self._lock:
            self._result.add_mark(time_ns, label)
            mark = self._result.marks[-1]
        self.open()
        if not self._failed:
            try:
                self._storage.mark(self._result, mark)
            except Exception as error:  # noqa: BLE001 - the run goes on
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failed = True
        is_ours = isinstance(error, MultimeterError)  # then it says all there is to know
        log().warning(
            "%s cannot follow the run '%s'; it is stored at its end.%s",
            type(self._storage).__name__,
            self._result.identifier,
            f" {error}" if is_ours else "",
            exc_info=None if is_ours else error,
        )
