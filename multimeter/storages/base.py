"""The base class of storages."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

from multimeter.result import Mark, Result

__all__ = ["Storage"]


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
