"""Workloads of files that are written whole: runs, the configuration, dashboards."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from fakes.crash.disk import MODELS
from fakes.crash.explorer import Problem

from multimeter import FileStorage, JsonFormat, LineFormat, Result
from multimeter.delivery.rejects import RejectsFile
from multimeter.errors import MultimeterError
from multimeter.sinks.base import Batch
from multimeter.storages.formats import FileFormat
from multimeter.visualization.config import StackConfig, read_config, write_config
from multimeter.visualization.dashboards.user_defined import add_dashboard, user_dashboards

__all__ = ["FILES", "RejectsWorkload", "RunsOfOneName", "WholeFile"]

_VERSIONS = 4


class WholeFile:
    """Versions of a file, each in the place of the one before.

    After a crash the last version that was promised must be there, or a later one.

    Args:
        write: Writes a version.
        read: Returns which version is there; None for no file.
    """

    models: Sequence[str] = MODELS

    def __init__(
        self,
        write: Callable[[pathlib.Path, int], None],
        read: Callable[[pathlib.Path], int | None],
    ) -> None:
        self._write = write
        self._read = read

    def run(self, root: pathlib.Path, note: Callable[[Any], None]) -> None:
        for version in range(1, _VERSIONS):
            with contextlib.suppress(MultimeterError):
                self._write(root, version)
                note(version)

    def recover(
        self, root: pathlib.Path, notes: Sequence[Any], note: Callable[[Any], None]
    ) -> None:
        # The last one that was there must still be there when the next cannot be written.
        found = self._read(root)
        if found is not None:
            note(found)

    def check(self, root: pathlib.Path, notes: Sequence[Any]) -> list[Problem]:
        found = self._read(root) or 0
        least = max(notes, default=0)
        return [Problem("lost", f"{found}, not {least}")] if found < least else []


_POINTS = 40


def _runs_folder(root: pathlib.Path) -> pathlib.Path:
    return root / "new" / "runs"


def _grow(result: Result, version: int) -> None:
    for number in range(_POINTS * (version - 1), _POINTS * version):
        result.append(number, {"a.b": float(number)})


def _versions(root: pathlib.Path, file_format: FileFormat) -> list[int]:
    """Return the versions of all runs that are there; each file must be whole."""
    paths = _runs_folder(root).glob(f"run*{file_format.extension}")
    found = []
    for path in paths:
        with path.open("rb") as stream:
            found.append(len(file_format.load(stream).points) // _POINTS)
    return found


def _stored_again(file_format: FileFormat) -> WholeFile:
    """Return a workload: one run that goes on, and is stored again and again."""
    runs: dict[pathlib.Path, tuple[FileStorage, Result]] = {}

    def write(root: pathlib.Path, version: int) -> None:
        if version == 1:
            storage = FileStorage(_runs_folder(root), file_format)
            runs[root] = storage, Result(identifier="run")
        storage, result = runs[root]
        _grow(result, version)
        storage.store(result)

    def read(root: pathlib.Path) -> int | None:
        return max(_versions(root, file_format), default=None)

    return WholeFile(write, read)


class RunsOfOneName:
    """Runs that have one name, each stored by a program of its own: all are kept."""

    models: Sequence[str] = MODELS

    def __init__(self, file_format: FileFormat) -> None:
        self._format = file_format

    def run(self, root: pathlib.Path, note: Callable[[Any], None]) -> None:
        for version in range(1, _VERSIONS):
            self._store(root, version, note)

    def recover(
        self, root: pathlib.Path, notes: Sequence[Any], note: Callable[[Any], None]
    ) -> None:
        self._store(root, _VERSIONS, note)

    def _store(self, root: pathlib.Path, version: int, note: Callable[[Any], None]) -> None:
        result = Result(identifier="run")
        for each in range(1, version + 1):
            _grow(result, each)
        with contextlib.suppress(MultimeterError):
            FileStorage(_runs_folder(root), self._format).store(result)
            note(version)

    def check(self, root: pathlib.Path, notes: Sequence[Any]) -> list[Problem]:
        found = _versions(root, self._format)
        lost = [Problem("lost", f"run {each}") for each in notes if each not in found]
        # The last one comes from the recovery, which itself may be crashed and repeated.
        twice = {each for each in found if found.count(each) > 1} - {_VERSIONS}
        return lost + [Problem("doubled", f"run {each}") for each in twice]


def _configuration() -> WholeFile:
    def write(root: pathlib.Path, version: int) -> None:
        config = StackConfig(
            name="multimeter",
            engine="embedded",
            url="http://127.0.0.1:1",
            org="o",
            bucket=f"bucket{version}",
            token="t" * 600,
            read_token="r" * 600,
            page="http://127.0.0.1:1",
        )
        write_config(root / "home" / "visu.config.json", dataclasses.replace(config))

    def read(root: pathlib.Path) -> int | None:
        path = root / "home" / "visu.config.json"
        return int(read_config(path).bucket[-1]) if path.exists() else None

    return WholeFile(write, read)


def _dashboard() -> WholeFile:
    def write(root: pathlib.Path, version: int) -> None:
        # Where it comes from is no part of what is crashed.
        source = root.parent / "mine.toml"
        source.write_text(
            f'title = "Version {version}"\n'
            f"# {'x' * 900}\n"
            '[[panels]]\ntitle = "P"\nmeasures = ["rig.voltage"]\n'
        )
        add_dashboard(root / "home" / "visu.config.json", source)

    def read(root: pathlib.Path) -> int | None:
        config = root / "home" / "visu.config.json"
        folder = config.with_name(f"{config.name}.dashboards")
        if not (folder / "mine.toml").exists():
            return None
        (found,) = user_dashboards(config)
        return int(found.title[-1])

    return WholeFile(write, read)


class RejectsWorkload:
    """Two programs that write to one file of rejects."""

    models: Sequence[str] = MODELS

    def run(self, root: pathlib.Path, note: Callable[[Any], None]) -> None:
        path = root / "new" / "rejects.jsonl"
        files = [RejectsFile(path, sync=True), RejectsFile(path, sync=True)]
        for number in range(6):
            line = b"m v=%di 1" % number + b"x" * (300 * (number % 3))
            with contextlib.suppress(OSError):
                files[number % 2].add("here", Batch(f"b{number % 2}", [line]), {0: "bad"})
                note(line)

    def recover(
        self, root: pathlib.Path, notes: Sequence[Any], note: Callable[[Any], None]
    ) -> None:
        after = b"after %d" % len(notes)
        path = root / "new" / "rejects.jsonl"
        RejectsFile(path, sync=True).add("here", Batch("b", [after]), {0: "bad"})
        note(after)

    def check(self, root: pathlib.Path, notes: Sequence[Any]) -> list[Problem]:
        found = set()
        for text in (root / "new" / "rejects.jsonl").read_bytes().split(b"\n"):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                found.add(json.loads(text)["line"].encode())
        return [Problem("lost", repr(line)) for line in notes if line not in found]


FILES: dict[str, WholeFile | RunsOfOneName | RejectsWorkload] = {
    "run in JSON": _stored_again(JsonFormat()),
    "run in line protocol": _stored_again(LineFormat()),
    "runs of one name": RunsOfOneName(JsonFormat()),
    "configuration": _configuration(),
    "dashboard": _dashboard(),
    "rejects": RejectsWorkload(),
}
