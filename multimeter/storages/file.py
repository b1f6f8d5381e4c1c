"""A storage that writes each result to a file of its own.

Runs that cannot go where they should are rescued to such a file.
"""

from __future__ import annotations

import functools
import itertools
import os
import pathlib
import re
import tempfile
import urllib.parse
import weakref
from collections.abc import Iterator
from typing import Any

from multimeter.errors import ConfigurationError, StorageError
from multimeter.result import Result
from multimeter.storages.base import Storage
from multimeter.storages.formats import FileFormat
from multimeter.storages.json_format import JsonFormat
from multimeter.storages.line_format import LineFormat
from multimeter.system.durable import make_folders, open_new, open_replacement
from multimeter.system.home import home_folder

__all__ = [
    "FileFormat",
    "FileStorage",
    "JsonFormat",
    "LineFormat",
    "file_name",
    "rescue",
    "runs_folder",
]

# What a file name cannot hold on one system or another, and % for its own escapes.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%\ud800-\udfff]|^\.|[. ]$')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?")
_MAX_BYTES = 180


def _numbered(identifier: str) -> Iterator[str]:
    """Return an identifier, and then those with a number at their end."""
    yield identifier
    yield from (f"{identifier}-{number}" for number in itertools.count(2))


def file_name(identifier: str) -> str:
    """Return the file name, without an ending, for an identifier.

    Most identifiers are their own file name. What would leave the folder, or what a
    file system refuses, is percent-encoded; a long one is cut and made unique by a
    digest of the whole.
    """
    name = _UNSAFE.sub(
        lambda match: (
            urllib.parse.quote(match[0], safe="", errors="surrogatepass")
            if match[0] != "."
            else "%2E"
        ),
        identifier,
    )
    if _RESERVED.fullmatch(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    encoded = name.encode("utf-8")
    if len(encoded) <= _MAX_BYTES:
        return name
    import hashlib  # slow to load, and long identifiers are rare

    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()
    # The digest makes it longer than any name that is not cut.
    return encoded[:_MAX_BYTES].decode("utf-8", "ignore") + "~" + digest[:16]


class FileStorage(Storage):
    """Writes each result to ``<save_directory>/<identifier><extension>``.

    A file is there whole or not at all, survives a loss of power when ``store`` has
    returned, and holds one run for good: a second run of the same identifier is stored as
    ``<identifier>-2``, the next one as ``<identifier>-3``, and ``result.identifier`` says
    so from then on. A result that is stored again replaces its own file.

    Args:
        save_directory: The folder; it is made when the first result is stored.
        file_format: How the files look.

    Raises:
        ConfigurationError: There is no folder given.
    """

    def __init__(
        self, save_directory: str | os.PathLike[str], file_format: FileFormat
    ) -> None:
        if save_directory is None:
            raise ConfigurationError("'save_directory' must be set.")
        self._save_directory = pathlib.Path(save_directory)
        self._file_format = file_format
        self._stored: dict[int, tuple[weakref.ref[Result], pathlib.Path]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_stored": {}}

    @property
    def save_directory(self) -> pathlib.Path:
        """The folder."""
        return self._save_directory

    @property
    def file_format(self) -> FileFormat:
        """How the files look."""
        return self._file_format

    def path(self, identifier: str) -> pathlib.Path:
        """Return the path of the file for an identifier; always inside the folder."""
        return self._save_directory / (file_name(identifier) + self._file_format.extension)

    def path_of(self, result: Result) -> pathlib.Path | None:
        """Return the file where this result was stored; None where it was not."""
        stored, path = self._stored.get(id(result), (None, None))
        return path if stored is not None and stored() is result else None

    def store(self, result: Result) -> None:
        """Write a result to its file.

        Args:
            result: What was measured; it needs an identifier, and gets a number at its
                end where another run has that identifier already.

        Raises:
            StorageError: The file could not be written; a file from before is as it
                was.
            FormatError: The format cannot express the result.
        """
        self.keep(result)

    def keep(self, result: Result) -> pathlib.Path:
        """Write a result to its file as :meth:`store` does, and return the file."""
        if not result.identifier:
            raise StorageError(
                "The result has no identifier to name its file after.",
                next_step="Set result.identifier, then store it again.",
            )
        try:
            make_folders(self._save_directory)
            path = self._keep(result, result.identifier)
        except OSError as error:
            raise StorageError(
                f"The result could not be written to {self.path(result.identifier)}: "
                f"{error.strerror or error}",
                cause="The folder cannot be written, or the disk is full.",
                next_step="Mend that, then call storage.store(measurement.result): the "
                "result is still in memory.",
            ) from error
        key = id(result)
        forget = functools.partial(self._forget, key)
        self._stored[key] = (weakref.ref(result, forget), path)
        return path

    def _forget(self, key: int, gone: weakref.ref[Result]) -> None:
        if self._stored.get(key, (None,))[0] is gone:
            del self._stored[key]

    def _keep(self, result: Result, identifier: str) -> pathlib.Path:
        own = self.path_of(result)
        if own is not None and own == self.path(identifier):
            self._replace(own, result)
            return own
        for name in _numbered(identifier):
            path = self.path(name)
            if name != identifier and os.path.lexists(path):
                continue
            result.identifier = name
            try:
                with open_new(path) as stream:
                    self._file_format.save_result_to_stream(result, stream)
            except FileExistsError:
                continue
            except BaseException:
                result.identifier = identifier
                raise
            return path
        raise AssertionError("there is no end of numbers")

    def _replace(self, path: pathlib.Path, result: Result) -> None:
        with open_replacement(path) as stream:
            self._file_format.save_result_to_stream(result, stream)

    def load(self, identifier: str) -> Result:
        """Read the result with an identifier back.

        Args:
            identifier: The identifier of the measurement.

        Raises:
            StorageError: There is no such file, or it cannot be read.
            FormatError: The file does not hold a result in this format.
        """
        path = self.path(identifier)
        try:
            with path.open("rb") as stream:
                return self._file_format.load(stream)
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error


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
