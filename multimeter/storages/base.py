"""The base class of storages, and how a run is passed on to one while it goes on."""

from __future__ import annotations

import abc
import threading
from collections.abc import Mapping
from typing import Any

from multimeter.errors import MultimeterError
from multimeter.result import Mark, Result
from multimeter.system.log import log

__all__ = ["LiveForwarder", "Storage"]


class Storage(abc.ABC):
    """Takes the result of each measurement when it has ended.

    A storage can also follow a run while it goes on, by :meth:`open`, :meth:`append`
    and :meth:`mark`: then a crash of the program loses nothing, and a chart moves. They
    do nothing here. They are called in the middle of what is measured, so they must
    not wait; what they raise is logged once, and the run is not followed any more. In
    any case :meth:`store` is called at the end.
    """

    @abc.abstractmethod
    def store(self, result: Result) -> None:
        """Store a result; of a run that was followed, what is still missing.

        Args:
            result: What was measured.

        Raises:
            StorageError: It could not be stored; the result is unchanged.
        """

    def free_identifier(self, identifier: str) -> str:
        """Return the identifier under which a run that starts now can be kept apart.

        Args:
            identifier: What the run is to be called.

        Returns:
            The same, or one with a number at its end where another run has it.
        """
        return identifier

    def reserve_identifier(self, identifier: str) -> str:
        """Return such an identifier ahead of the start, so that the start need not ask."""
        return identifier

    def close(self, *, quiet: bool = False) -> int:  # noqa: ARG002 - for those that deliver
        """Bring what still waits to its place, and let go of it; again, it does nothing.

        Args:
            quiet: Whether the caller reports itself what has become of the points.

        Returns:
            How many points are lost: the place did not take them, nor a spool.
        """
        return 0

    @property
    def waiting(self) -> int:
        """How many points wait in a spool, after :meth:`close`."""
        return 0

    def open(  # noqa: B027 - a storage need not follow
        self, result: Result
    ) -> None:
        """A run has started.

        Args:
            result: What will be measured: it has its identifier, tags and schema.
        """

    def append(  # noqa: B027 - a storage need not follow
        self, result: Result, timestamp: int, values: Mapping[str, Any]
    ) -> None:
        """A point was added to the result.

        Args:
            result: The result, with the point.
            timestamp: The time of the point, in ns since the epoch.
            values: Measure keys to values.
        """

    def mark(  # noqa: B027 - a storage need not follow
        self, result: Result, mark: Mark
    ) -> None:
        """A mark was added to the result.

        Args:
            result: The result, with the mark.
            mark: The mark.
        """


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
