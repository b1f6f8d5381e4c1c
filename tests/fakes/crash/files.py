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
from multimeter.visualization.dashboards.own_files import add_dashboard, own_dashboards

__all__ = ["FILES", "RejectsWorkload", "WholeFile"]

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


def _run_file(file_format: FileFormat) -> WholeFile:
    def storage(root: pathlib.Path) -> FileStorage:
        return FileStorage(root / "new" / "runs", file_format)

    def write(root: pathlib.Path, version: int) -> None:
        result = Result(identifier="run")
        for number in range(40 * version):
            result.append(number, {"a.b": float(number)})
        storage(root).store(result)

    def read(root: pathlib.Path) -> int | None:
        if not storage(root).path("run").exists():
            return None
        return len(storage(root).load("run").points) // 40

    return WholeFile(write, read)


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
        (found,) = own_dashboards(config)
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


FILES: dict[str, WholeFile | RejectsWorkload] = {
    "run in JSON": _run_file(JsonFormat()),
    "run in line protocol": _run_file(LineFormat()),
    "configuration": _configuration(),
    "dashboard": _dashboard(),
    "rejects": RejectsWorkload(),
}
