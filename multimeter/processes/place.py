"""Where a run is after its end."""

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
    """Where a run is; nowhere where all is empty.

    Attributes:
        path: Its file, if it is in one.
        url: The server, if it is in one.
        page: What a person opens to see it there; empty where unknown.
        waits: Whether some of its points have not arrived there yet.
        error: Why it is not where it should be.
    """

    path: pathlib.Path | None = None
    url: str = ""
    page: str = ""
    waits: bool = False
    error: MultimeterError | None = None


def find_place(outcome: Outcome, destination: Destination, lost: int = 0) -> Place:
    """Return where a run is; store one elsewhere that could not be stored.

    Args:
        outcome: The run.
        destination: Where it should be.
        lost: How many of its points neither a server nor a spool has.
    """
    result, error = outcome.result, outcome.trouble
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
    # What an error says to do next is for programs, which still have the result.
    try:
        path = rescue(result)
    except StorageError:
        lost = StorageError(
            f"{error.what}\nThe run is lost: no other folder takes it, either.",
            cause=error.cause,
            next_step="Make room, or name a folder that can be written: -o FOLDER",
        )
        return Place(error=lost)
    return Place(path, error=StorageError(error.what, cause=error.cause))
