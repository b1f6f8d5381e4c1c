"""Find where a run was stored, and rescue one that was not."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multimeter.errors import MultimeterError, StorageError
from multimeter.result import Result
from multimeter.storages.fallback import rescue
from multimeter.storages.file import FileStorage

if TYPE_CHECKING:
    from multimeter.processes.destination import Destination
    from multimeter.processes.measure import Outcome

__all__ = ["Place", "find_place"]


@dataclass(frozen=True)
class Place:
    """Where a run was stored; all empty if nowhere.

    Attributes:
        path: Its file, if any.
        url: Its server, if any.
        page: The URL of its page on the server; empty if unknown.
        waits: Whether some of its points are still to be delivered.
        error: Why it is not in its destination, if so.
    """

    path: pathlib.Path | None = None
    url: str = ""
    page: str = ""
    waits: bool = False
    error: MultimeterError | None = None


def find_place(outcome: Outcome, destination: Destination, lost: int = 0) -> Place:
    """Return where a run was stored; rescue it if it could not be stored.

    Args:
        outcome: The run.
        destination: Where it was to be stored.
        lost: How many of its points could neither be delivered nor spooled.
    """
    result, error = outcome.result, outcome.error
    if result is None:
        return Place(error=error)
    storage = destination.storage
    path = storage.path_of(result) if isinstance(storage, FileStorage) else None
    if path is not None:
        return Place(path, error=error)
    if lost and destination.stack is not None:
        error = StorageError(
            f"{lost} points could not be delivered to {destination.stack.url}."
        )
    if destination.stack is not None and error is None:
        stack = destination.stack
        page = stack.page_of(str(result.identifier))
        return Place(None, stack.url, page, waits=destination.waiting > 0)
    return _rescued(result, error or MultimeterError("The run was not stored."))


def _rescued(result: Result, error: MultimeterError) -> Place:
    # Drop the next step of the error: it is for programs, which still have the result.
    try:
        path = rescue(result)
    except StorageError:
        lost = StorageError(
            f"{error.what}\nThe run is lost: it could not be written to a file, either.",
            cause=error.cause,
            next_step="Free disk space, or choose a writable folder: -o FOLDER",
        )
        return Place(error=lost)
    return Place(path, error=StorageError(error.what, cause=error.cause))
