"""Find the run that a word of the command line means.

- the path of a file;
- ``@latest`` or ``@1``, the run that started last; ``@2``, the one before it; ... Runs
  whose times lie more than five minutes in the future do not count;
- the identifier of a run in the folder or the stack, or a beginning that only one has;
- ``train@2``, the second of the runs ``train``, ``train-2``, ``train-3``, ... by their
  starts; ``train@latest``, the last of them; ``train@-1``, the one before that;
- ``train@last5``, the last five runs of that name: ``train``, ``train-2``, ``train-3``, ...
"""

from __future__ import annotations

import difflib
import pathlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.lines.protocol import portable_measurement
from multimeter.result import Result
from multimeter.runs.files import Folder, is_run_file, load_file
from multimeter.runs.files import load_runs as load_file_runs
from multimeter.runs.source import RunEntry, RunSource, starts_ahead

__all__ = ["UnknownRunError", "choose_run", "find_run", "load_run", "load_runs"]

T = TypeVar("T")

_NUMBER = re.compile(r"@(latest|[1-9]\d{0,5})")
_OF_NAME = re.compile(r"(.+)@(latest|[1-9]\d{0,5}|-[1-9]\d{0,5})")
_LAST = re.compile(r"(.+)@last([1-9]\d{0,3})")
_NEAR = 5


class UnknownRunError(MultimeterError):
    """A word names no run, or more than one."""


def load_run(
    word: str,
    find_sources: Callable[[], Sequence[RunSource]],
    warn: Callable[[str], None],
    precision: str = "ns",
) -> Result:
    """Return the run that a word means.

    Args:
        word: The word.
        find_sources: Returns the sources of runs; called if the word is not a path. Of
            two runs with the same identifier, the first is taken.
        warn: Called if a source could not be read although the run was found.
        precision: The unit of times, if the word names a file of line protocol.

    Raises:
        UnknownRunError: There is no such run, or more than one.
        StorageError: It cannot be read.
        FormatError: It is damaged.
    """
    path = _file_of(word)
    if path is not None:
        return load_file(path, precision)
    source, entry = _found(word, find_sources, warn)
    return source.load(entry)


def find_run(
    word: str,
    find_sources: Callable[[], Sequence[RunSource]],
    warn: Callable[[str], None],
) -> tuple[RunSource, RunEntry]:
    """Return where the run is that a word means, and what is known of it.

    A beginning of its name is not enough: what is removed cannot be a guess.

    Args:
        word: The word.
        find_sources: As of :func:`load_run`.
        warn: As of :func:`load_run`.

    Raises:
        UnknownRunError: There is no such run, or more than one.
        StorageError: It is a file that cannot be read.
        FormatError: It is a file that is no run.
    """
    path = _file_of(word)
    if path is None:
        source, entry = _found(word, find_sources, warn)
        is_number = _NUMBER.fullmatch(word) or _OF_NAME.fullmatch(word)
        if entry.identifier not in _names_of(word) and not is_number:
            raise UnknownRunError(
                f"There is no run '{word}': '{entry.identifier}' begins so.",
                next_step="Write all of its name.",
            )
        return source, entry
    runs = load_file_runs(path)
    if len(runs) != 1:
        raise UnknownRunError(f"{path} has {len(runs)} runs, not one.")
    return Folder(path.parent), RunEntry(runs[0].result.identifier or path.name, str(path))


def _file_of(word: str) -> pathlib.Path | None:
    """Return the file that a word names; None where it names none.

    Raises:
        ConfigurationError: It names a folder.
    """
    path = _path_of(word)
    if path and (path.is_file() or _is_odd_file(path)):
        return path
    if path and path.is_dir() and path.name != word:
        raise ConfigurationError(
            f"{word} is a folder.",
            next_step=f"multimeter ls --folder {word} shows the runs in it.",
        )
    return None


def _found(
    word: str,
    find_sources: Callable[[], Sequence[RunSource]],
    warn: Callable[[str], None],
) -> tuple[RunSource, RunEntry]:
    sources = find_sources()
    for source in sources:
        found = source.find(word)
        if found is not None:
            return source, found
    runs, problems = _listed(sources)
    source, entry = _one_of(word, runs, problems, also=", and no such file")
    for each in problems:
        warn(each)
    return source, entry


def load_runs(
    word: str,
    find_sources: Callable[[], Sequence[RunSource]],
    warn: Callable[[str], None],
    precision: str = "ns",
) -> list[Result]:
    """Return the runs that a word means: one, or the last ones of a name, newest first.

    Args:
        word: The word.
        find_sources: As of :func:`load_run`.
        warn: As of :func:`load_run`.
        precision: As of :func:`load_run`.

    Raises:
        UnknownRunError: There is no such run, or there are fewer than were asked for.
        StorageError: One cannot be read.
        FormatError: One is damaged.
    """
    match = _LAST.fullmatch(word)
    if match is None:
        return [load_run(word, find_sources, warn, precision)]
    name, number = match[1], int(match[2])
    runs, problems = _listed(find_sources())
    found = _runs_of(name, runs)[::-1]
    if len(found) < number:
        raise _unknown(f"There are {len(found)} runs '{name}', not {number}.", problems)
    for each in problems:
        warn(each)
    return [source.load(entry) for source, entry in found[:number]]


def choose_run(word: str, runs: Iterable[RunEntry]) -> RunEntry:
    """Return the one of several runs that a word means, other than by a path.

    Args:
        word: The word.
        runs: The runs, each identifier once.

    Raises:
        UnknownRunError: There is no such run, or more than one.
    """
    return _one_of(word, [(None, run) for run in runs], [])[1]


def _path_of(word: str) -> pathlib.Path | None:
    """Return the path that a word names, or None if it does not exist."""
    try:
        path = pathlib.Path(word).expanduser()
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):
        return None  # not a valid path on this system


def _is_odd_file(path: pathlib.Path) -> bool:
    return is_run_file(path) and not path.is_dir()


_Runs = list[tuple[RunSource, RunEntry]]


def _listed(sources: Iterable[RunSource]) -> tuple[_Runs, list[str]]:
    """Return all runs, each once, in the order of sources, and what could not be read."""
    runs: dict[str, _Runs] = {}
    problems: list[str] = []
    for source in sources:
        listing = source.list()
        problems += listing.problems
        for entry in listing.entries:
            same = runs.setdefault(entry.identifier, [])
            if not any(s is not source and _is_same(e, entry) for s, e in same):
                same.append((source, entry))
    return [run for same in runs.values() for run in same], problems


def _is_same(a: RunEntry, b: RunEntry) -> bool:
    """Return whether two runs of one name, in different places, are the same one.

    One place may know the start, another one only the first point.
    """
    if a.start_ns is None or b.start_ns is None:
        return True
    a_end, b_end = (each.end_ns or each.start_ns or 0 for each in (a, b))
    return a.start_ns <= b_end and b.start_ns <= a_end


def _started(runs: Iterable[tuple[T, RunEntry]]) -> list[tuple[T, RunEntry]]:
    """Return the runs whose start is known and not in the future, the oldest first."""
    now_ns = time.time_ns()
    started = [
        run
        for run in runs
        if run[1].start_ns is not None and not starts_ahead(run[1], now_ns)
    ]
    return sorted(started, key=_start_of)


def _runs_of(name: str, runs: Iterable[tuple[T, RunEntry]]) -> list[tuple[T, RunEntry]]:
    """Return the runs of a name, the oldest first: it, or it with a number."""
    again = re.compile(rf"{re.escape(name)}(-[1-9]\d*)?")
    return sorted((r for r in runs if again.fullmatch(r[1].identifier)), key=_start_of)


def _start_of(run: tuple[object, RunEntry]) -> int:
    return run[1].start_ns or 0


def _at(
    place: int, word: str, runs: list[tuple[T, RunEntry]], problems: list[str]
) -> tuple[T, RunEntry]:
    if -len(runs) <= place < len(runs):
        return runs[place]
    raise _unknown(f"There is no run {word}: {len(runs)} are known.", problems)


def _names_of(word: str) -> set[str]:
    # A source without an identifier of a run lists it by the name of its measurement.
    return {word, portable_measurement(word)}


def _one_of(
    word: str, runs: list[tuple[T, RunEntry]], problems: list[str], *, also: str = ""
) -> tuple[T, RunEntry]:
    called = _names_of(word)
    exact = [run for run in runs if run[1].identifier in called]
    if exact:
        return exact[0]
    if match := _NUMBER.fullmatch(word):
        back = 1 if match[1] == "latest" else int(match[1])
        return _at(-back, word, _started(runs), problems)
    if match := _OF_NAME.fullmatch(word):
        same = _runs_of(match[1], _started(runs))
        # The first one is 1; the latest is 0, and -1 the one before it.
        number = 0 if match[2] == "latest" else int(match[2])
        return _at(number - 1, word, same, problems)
    begin = [run for run in runs if word and run[1].identifier.startswith(word)]
    names = sorted({run[1].identifier for run in begin})
    if len(names) == 1:
        return begin[0]
    if begin:
        more = f", and {len(names) - _NEAR} more" if len(names) > _NEAR else ""
        raise UnknownRunError(
            f"{len(names)} runs begin with '{word}': {', '.join(names[:_NEAR])}{more}.",
            next_step="Write more of it.",
        )
    near = difflib.get_close_matches(word, [run[1].identifier for run in runs], _NEAR, 0.5)
    similar = f" Near to it: {', '.join(near)}." if near else ""
    raise _unknown(f"There is no run '{word}'{also}.{similar}", problems)


def _unknown(what: str, problems: list[str]) -> UnknownRunError:
    lines = [each.splitlines()[0] for each in problems[:_NEAR]]
    cause = f"Not every source could be read: {' '.join(lines)}" if lines else ""
    return UnknownRunError(what, cause=cause, next_step="multimeter ls lists all runs.")
