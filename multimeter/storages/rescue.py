"""Where runs go that cannot go where they should."""

from __future__ import annotations

import pathlib

from multimeter.result import Result
from multimeter.storages.file import FileStorage, JsonFormat

__all__ = ["rescue", "runs_folder"]


def runs_folder() -> pathlib.Path:
    """Return the folder for runs that have no other place."""
    return pathlib.Path.home() / ".multimeter" / "runs"


def rescue(result: Result) -> pathlib.Path:
    """Write a result that could not be stored elsewhere, and return its file.

    Raises:
        StorageError: That is not possible either.
    """
    storage = FileStorage(runs_folder(), JsonFormat())
    storage.store(result)
    return storage.path(str(result.identifier))
