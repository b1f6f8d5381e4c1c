"""The base class of storages."""

from __future__ import annotations

import abc

from multimeter.result import Result

__all__ = ["Storage"]


class Storage(abc.ABC):
    """Takes the result of each measurement when it has ended."""

    @abc.abstractmethod
    def store(self, result: Result) -> None:
        """Store a result.

        Args:
            result: What was measured.

        Raises:
            StorageError: It could not be stored; the result is unchanged.
        """
