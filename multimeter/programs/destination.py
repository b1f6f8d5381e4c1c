"""Where a run of the command line goes: the installed stack, or a file."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

from multimeter.connection import find_connection
from multimeter.errors import ConfigurationError, MultimeterError, NoStackError
from multimeter.storages.base import Storage
from multimeter.storages.file import FileFormat, FileStorage, JsonFormat, LineFormat
from multimeter.storages.rescue import runs_folder

__all__ = ["Destination", "find_destination"]

# Whoever has run a command waits for it no longer than that: the rest goes to the spool.
_END_TIMEOUT = 3.0

_FORMATS: dict[str, type[FileFormat]] = {".json": JsonFormat, ".line": LineFormat}


@dataclass(frozen=True)
class Destination:
    """Where a run goes.

    Attributes:
        storage: What takes it there.
        path: Its file, if it is one.
        url: The server, if it is one.
        page: What a person opens to see it there; empty where unknown.
        trouble: Why it is not the installed stack, though there is one.
    """

    storage: Storage
    path: pathlib.Path | None = None
    url: str = ""
    page: str = ""
    trouble: MultimeterError | None = None

    def close(self) -> None:
        """Deliver what still waits."""
        close = getattr(self.storage, "close", None)
        if close is not None:
            close()


class _OneFile(FileStorage):
    """Writes to one file, whatever the identifier of the result."""

    def __init__(self, path: pathlib.Path, file_format: FileFormat) -> None:
        super().__init__(path.parent, file_format)
        self._path = path

    def path(self, identifier: str) -> pathlib.Path:  # noqa: ARG002 - there is one
        return self._path


def find_destination(given: pathlib.Path | None, identifier: str) -> Destination:
    """Return where a run goes.

    Args:
        given: A file that ends with ``.json`` or ``.line``, or a folder, which gets a
            file of JSON. None for the installed stack, or, where there is none, for the
            :func:`~multimeter.storages.rescue.runs_folder`.
        identifier: The name of the run.

    Raises:
        ConfigurationError: The file has another ending.
    """
    if given is not None:
        return _file(given.expanduser().absolute(), identifier)
    try:
        stack = find_connection()
    except NoStackError:
        return _folder(runs_folder(), identifier)
    except ConfigurationError as error:
        return _folder(runs_folder(), identifier, error)
    from multimeter.storages.influx import InfluxDBStorage, stack_token

    storage = InfluxDBStorage(
        stack_token,
        stack.url,
        stack.org,
        stack.bucket,
        end_timeout=_END_TIMEOUT,
    )
    return Destination(storage, url=stack.url, page=stack.page_of(identifier))


def _file(path: pathlib.Path, identifier: str) -> Destination:
    if path.is_dir() or not path.suffix:
        return _folder(path, identifier)
    if path.suffix not in _FORMATS:
        raise ConfigurationError(
            f"A run cannot be written to '{path.name}': what '{path.suffix}' is, is "
            "not known.",
            next_step="Use a file that ends with .json or .line, or a folder.",
        )
    return Destination(_OneFile(path, _FORMATS[path.suffix]()), path)


def _folder(
    folder: pathlib.Path, identifier: str, trouble: MultimeterError | None = None
) -> Destination:
    storage = FileStorage(folder, JsonFormat())
    return Destination(storage, storage.path(identifier), trouble=trouble)
