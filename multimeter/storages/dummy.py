"""A storage for results that are only looked at in the program itself."""

from __future__ import annotations

from multimeter.result import Result
from multimeter.storages.base import Storage

__all__ = ["DummyStorage"]


class DummyStorage(Storage):
    """Stores nothing."""

    def store(self, result: Result) -> None:
        """Do nothing with the result."""
