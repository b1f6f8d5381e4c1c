"""Runs in files: a folder of them, or one."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pathlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from multimeter.data.identifiers import RUNS
from multimeter.data.timestamps import parse_iso
from multimeter.errors import FormatError, MultimeterError, StorageError
from multimeter.lines.protocol import decode
from multimeter.lines.result_decoder import Run
from multimeter.result import Result
from multimeter.runs.source import Listing, RunEntry
from multimeter.storages.file import file_name
from multimeter.storages.formats import FileFormat, Stream
from multimeter.storages.json_format import JsonFormat
from multimeter.storages.line_format import LineFormat
from multimeter.system.log import log

__all__ = [
    "FileEnds",
    "Folder",
    "is_run_file",
    "load_file",
    "load_runs",
    "read_ends",
]

_FORMATS: dict[str, FileFormat] = {
    each.extension: each for each in (JsonFormat(), LineFormat())
}
_ZIPPED = ".gz"
_SMALL = 2 * 1024**2
_BEFORE_COMPUTERS = 10 * 365 * 86_400 * 10**9


def is_run_file(path: pathlib.Path) -> bool:
    """Return whether a file is named like a run: ``.json`` or ``.line``, or compressed."""
    return _format_of(path) is not None and not path.name.startswith(".")


def load_file(path: pathlib.Path, precision: str = "ns") -> Result:
    """Read a run from a file.

    Args:
        path: A file in JSON or line protocol, perhaps zipped (``.gz``), by its ending.
        precision: What times of line protocol count: ``ns``, ``us``, ``ms`` or ``s``.

    Raises:
        StorageError: The file cannot be read.
        FormatError: It does not hold a run, or more than one.
        ConfigurationError: There is no such precision.
    """
    result = _load(path, precision)
    _doubt_times(path, [result])
    return result


def _load(path: pathlib.Path, precision: str = "ns") -> Result:
    with _opened(path) as stream:
        return _known_format(path, precision).load(stream)


def load_runs(path: pathlib.Path, precision: str = "ns") -> list[Run]:
    """Read all runs of a file; see :func:`load_file`.

    Raises:
        StorageError: The file cannot be read.
        FormatError: What is in it is damaged.
        ConfigurationError: There is no such precision.
    """
    with _opened(path) as stream:
        file_format = _known_format(path, precision)
        if isinstance(file_format, LineFormat):
            runs = file_format.load_all(stream)
        else:
            runs = [Run(file_format.load(stream), (), is_whole=True)]
    _doubt_times(path, [run.result for run in runs])
    return runs


def _known_format(path: pathlib.Path, precision: str) -> FileFormat:
    file_format = _format_of(path)
    if file_format is None:
        raise FormatError(
            f"The format of {path} is not known.",
            cause=f"A run is in a file that ends with {', '.join(_FORMATS)}, or so zipped.",
        )
    return LineFormat(precision) if isinstance(file_format, LineFormat) else file_format


def _format_of(path: pathlib.Path) -> FileFormat | None:
    name = path.name.removesuffix(_ZIPPED)
    return _FORMATS.get(pathlib.PurePath(name).suffix)


def _doubt_times(path: pathlib.Path, results: Iterable[Result]) -> None:
    """Warn of times that are most likely in another unit."""
    newest = [result.times_ns[-1] for result in results if len(result.times_ns)]
    if newest and 0 < max(newest) < _BEFORE_COMPUTERS:
        log().warning(
            "All times in %s are before 1980: they may count another unit than ns. "
            "Next: --precision s, ms or us",
            path,
        )


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[Stream]:
    """Open a file; its problems become the errors of this package."""
    try:
        _check_regular(path)
        with path.open("rb") as file:
            if path.suffix == _ZIPPED:
                with gzip.open(file) as unzipped:
                    yield cast("Stream", unzipped)
            else:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(f"{path} is damaged: {error}") from error
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    except FormatError as error:
        raise FormatError(
            f"{path} cannot be read: {error.what}",
            cause=error.cause,
            next_step=error.next_step,
        ) from error


def _check_regular(path: pathlib.Path) -> None:
    # Opening a pipe may block for ever, and a device may have no end.
    if path.exists() and not path.is_file():
        raise StorageError(f"{path} cannot be read: it is not a regular file.")


class Folder:
    """The runs in the files of a folder; a missing folder has none.

    Args:
        path: The folder.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def list(self) -> Listing:
        """Return the runs of the folder, read from the ends of their files."""
        entries, problems = [], []
        try:
            # Opening a pipe waits for its other end.
            files = [f for f in self._path.iterdir() if is_run_file(f) and f.is_file()]
        except FileNotFoundError:
            return Listing()
        except OSError as error:
            return Listing((), (f"{self._path} cannot be read: {error.strerror}",))
        for file in sorted(files):
            try:
                entries.append(_entry_of(file))
            except MultimeterError as error:
                problems.append(error.what)
        return Listing(tuple(entries), tuple(problems))

    def find(self, identifier: str) -> RunEntry | None:
        """Return the run whose file has the name that a storage gives it."""
        for ending in _FORMATS:
            for zipped in ("", _ZIPPED):
                path = self._path / (file_name(identifier) + ending + zipped)
                if path.is_file():
                    return RunEntry(identifier, str(path))
        return None

    def load(self, entry: RunEntry) -> Result:
        """Load a run; see :func:`load_file`, but without a warning about its times."""
        return _load(pathlib.Path(entry.where))

    def remove(self, entry: RunEntry) -> None:
        """Remove the file of a run.

        Raises:
            StorageError: It cannot be removed.
        """
        try:
            pathlib.Path(entry.where).unlink()
        except OSError as error:
            raise StorageError(
                f"{entry.where} cannot be removed: {error.strerror or error}",
                next_step=f"multimeter show {entry.where}",
            ) from error


def _entry_of(path: pathlib.Path) -> RunEntry:
    """Return the entry of a file, from its ends if possible, else from all of it.

    Raises:
        MultimeterError: It cannot be read, or is not a run.
    """
    ends: FileEnds | None = None
    with _opened(path) as stream:
        size = path.stat().st_size
        if path.suffix != _ZIPPED:
            ends = read_ends(stream, path.suffix)
    is_small = size <= _SMALL
    if ends is None and not is_small:
        # It may be one nevertheless; naming it loads it.
        return RunEntry(path.name.split(".")[0], str(path))
    ends = ends or FileEnds.of(_load(path))
    return RunEntry(
        ends.identifier or path.name,
        str(path),
        ends.start_ns,
        ends.end_ns,
        ends.points,
        ends.tags,
        ends.state,
        is_small,
    )


_HEAD = 4 * 1024**2
_TAIL = 256 * 1024
_MARKS = b'\n], "marks": ['
_ENTRY = f"{RUNS},".encode()
_ODD = (ValueError, KeyError, TypeError, AttributeError, RecursionError, MultimeterError)


@dataclass(frozen=True)
class FileEnds:
    """What is known of a run; None where unknown.

    Attributes:
        identifier: Its identifier.
        tags: Its tags.
        start_ns: The time of the first point, in ns since the epoch.
        end_ns: The time of the last point.
        points: The number of points.
        state: As in :class:`~multimeter.runs.source.RunEntry`.
    """

    identifier: str | None
    tags: Mapping[str, str]
    start_ns: int | None = None
    end_ns: int | None = None
    points: int | None = None
    state: str = "ended"

    @classmethod
    def of(cls, result: Result) -> FileEnds:
        """Return what is known of a run that has been read."""
        times = result.times_ns
        start, end = (times[0], times[-1]) if len(times) else (None, None)
        return cls(result.identifier, result.tags, start, end, len(times))


def read_ends(file: Stream, ending: str) -> FileEnds | None:
    """Return what is at the ends of a file, or None if it is not written as ours are.

    Args:
        file: A file that can be searched; it is left anywhere.
        ending: ``.json`` or ``.line``.
    """
    try:
        return _ends_of_json(file) if ending == ".json" else _ends_of_lines(file)
    except _ODD:
        return None


def _ends_of_json(file: Stream) -> FileEnds | None:
    head = file.readline(_HEAD).rstrip()
    opening = b', "points": ['
    if not head.endswith(opening):
        return None
    about = json.loads(head.removesuffix(opening) + b"}")
    first = file.readline(_HEAD)
    tail, _, marks = _tail(file).rpartition(_MARKS)
    if not marks.rstrip().endswith(b"]}"):
        return None  # torn, or with more marks than the tail holds
    last = tail.rpartition(b"\n")[2] if tail else b""
    if first.startswith(b"]"):
        return FileEnds(about["identifier"], dict(about["tags"]), points=0)
    start_ns, end_ns = _time_of(first), _time_of(last)
    if end_ns < start_ns:
        return None  # other programs may write points in any order
    return FileEnds(about["identifier"], dict(about["tags"]), start_ns, end_ns)


def _time_of(line: bytes) -> int:
    return parse_iso(json.loads(line.strip().removesuffix(b","))["datetime"])


def _ends_of_lines(file: Stream) -> FileEnds | None:
    tail = b"\n" + _tail(file)
    start = tail.rfind(b"\n" + _ENTRY)
    if start < 0:
        return None
    records = list(decode(tail[start:].decode()))
    fields: Mapping[str, Any] = records[-1].fields
    if records[-1].measurement != RUNS or "tags" not in fields:
        return None
    return FileEnds(
        str(fields["identifier"]),
        dict(json.loads(str(fields["tags"]))),
        fields.get("start"),
        fields.get("end"),
        fields.get("points"),
        "live" if fields.get("state") == "running" else "ended",
    )


def _tail(file: Stream) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    return file.read()
