"""The destination of a run of the command line: the installed stack, or a file.

A :class:`Place` is where the run was stored in the end.
"""

from __future__ import annotations

import itertools
import os
import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multimeter.connection import Connection, find_connection
from multimeter.errors import (
    ConfigurationError,
    MultimeterError,
    NoStackError,
    StorageError,
)
from multimeter.result import Result
from multimeter.storages.base import Storage
from multimeter.storages.file import (
    FileFormat,
    FileStorage,
    JsonFormat,
    LineFormat,
    rescue,
    runs_folder,
)
from multimeter.system.durable import add_name
from multimeter.system.log import log

__all__ = [
    "Destination",
    "Place",
    "find_destination",
    "find_place",
]

# The user waits at most that long after a command; what is left goes to the spool.
_END_TIMEOUT = 3.0

_FORMATS: dict[str, type[FileFormat]] = {".json": JsonFormat, ".line": LineFormat}

if TYPE_CHECKING:
    from multimeter.processes.measure import Outcome


@dataclass(frozen=True)
class Destination:
    """Where a run goes.

    Attributes:
        storage: The storage of the run.
        stack: The stack that it goes to; None for a file.
        stack_error: Why an installed stack is not used, if so.
    """

    storage: Storage
    stack: Connection | None = None
    stack_error: MultimeterError | None = None

    def reserve(self, identifier: str) -> str:
        """Reserve an identifier for a run about to start; see ``free_identifier``."""
        return self.storage.reserve_identifier(identifier)

    def close(self) -> int:
        """Deliver the queued points; return how many are lost."""
        return self.storage.close(quiet=True)

    @property
    def waiting(self) -> int:
        """How many points wait in a spool, after ``close``."""
        return self.storage.waiting


class _OneFile(FileStorage):
    """Writes to one file, regardless of the result's identifier.

    An existing file is kept as ``<name>-1``, or the next free number.
    """

    def __init__(self, path: pathlib.Path, file_format: FileFormat) -> None:
        super().__init__(path.parent, file_format)
        self._path = path

    def path(self, identifier: str) -> pathlib.Path:  # noqa: ARG002 - always the same
        return self._path

    def _keep(self, result: Result, identifier: str) -> pathlib.Path:  # noqa: ARG002
        if self._path.is_file() and self.path_of(result) != self._path:
            self._put_aside()
        self._replace(self._path, result)
        return self._path

    def _put_aside(self) -> None:
        for number in itertools.count(1):
            aside = self._path.with_name(f"{self._path.stem}-{number}{self._path.suffix}")
            try:
                add_name(self._path, aside)
            except FileExistsError:
                continue
            log().warning("The earlier run in %s was moved to %s.", self._path, aside)
            return


def find_destination(given: pathlib.Path | None) -> Destination:
    """Return where a run goes.

    Args:
        given: A file that ends with ``.json`` or ``.line``, or a folder, for a JSON file
            in it. None for the installed stack, or, without one, for the
            :func:`~multimeter.storages.file.runs_folder`.

    Raises:
        ConfigurationError: The file has another suffix.
    """
    if given is not None:
        return Destination(_files(_absolute(given)))
    try:
        stack = find_connection()
    except NoStackError:
        return Destination(FileStorage(runs_folder(), JsonFormat()))
    except ConfigurationError as error:
        return Destination(FileStorage(runs_folder(), JsonFormat()), stack_error=error)
    from multimeter.storages.influx import InfluxDBStorage, stack_token

    storage = InfluxDBStorage(
        stack_token,
        stack.url,
        stack.org,
        stack.bucket,
        end_timeout=_END_TIMEOUT,
        read_token=stack.read_token,
    )
    return Destination(storage, stack)


def _absolute(path: pathlib.Path) -> pathlib.Path:
    try:
        return path.expanduser().absolute()
    except (OSError, RuntimeError) as error:  # no working folder, or an unknown user
        raise ConfigurationError(
            f"A run cannot be written to '{path}': {error}",
            cause="The working folder was removed."
            if isinstance(error, OSError)
            else "There is no such user.",
            next_step="Use a path that begins with /.",
        ) from error


def _files(path: pathlib.Path) -> FileStorage:
    if os.path.isdir(path) or not path.suffix:  # noqa: PTH112 - it never raises
        return FileStorage(path, JsonFormat())
    if path.suffix not in _FORMATS:
        raise ConfigurationError(
            f"A run cannot be written to '{path.name}': '{path.suffix}' is not a known "
            "format.",
            next_step="Use a file name that ends in .json or .line, or a folder.",
        )
    return _OneFile(path, _FORMATS[path.suffix]())


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
