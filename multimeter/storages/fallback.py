"""Where runs go that cannot go where they should."""

from __future__ import annotations

import pathlib
import tempfile

from multimeter.errors import StorageError
from multimeter.result import Result
from multimeter.storages.file import FileStorage, JsonFormat
from multimeter.system.home import home_folder

__all__ = ["rescue", "runs_folder"]


def runs_folder() -> pathlib.Path:
    """Return the folder for runs that have no other place."""
    return home_folder() / ".multimeter" / "runs"


def rescue(result: Result) -> pathlib.Path:
    """Write a result that could not be stored elsewhere, and return its file.

    It goes to the :func:`runs_folder`, or else to a new folder among temporary files.

    Raises:
        StorageError: Neither is possible.
    """
    storage = FileStorage(runs_folder(), JsonFormat())
    try:
        return storage.keep(result)
    except StorageError as error:
        try:
            folder = tempfile.mkdtemp(prefix="multimeter-")
            return FileStorage(folder, JsonFormat()).keep(result)
        except (OSError, StorageError):
            raise error from None
