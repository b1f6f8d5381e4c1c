"""What tests used in earlier sessions, and whether one uses more now."""

from __future__ import annotations

import json
import pathlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from multimeter.analysis.gate import Limit, parse_limit
from multimeter.analysis.units import format_value
from multimeter.data.columns import is_number
from multimeter.errors import ConfigurationError, FormatError, StorageError
from multimeter.system.durable import open_replacement

__all__ = ["SessionBaseline"]

_VERSION = 1
_SESSIONS = 10
_UNITS = {"memory": "bytes", "cpu_time": "s", "duration": "s"}
_TITLES = {"memory": "memory", "cpu_time": "CPU time", "duration": "duration"}
# What is smaller varies by more than any share that is of use.
_LEAST = {"memory": 2.0**20, "cpu_time": 0.01, "duration": 0.05}

_Tests = dict[str, dict[str, list[float]]]


@dataclass
class SessionBaseline:
    """The values of the last sessions, by test and key.

    A test is worse where it is beyond the limit as of the median, and above every stored
    value too: one value a session has noise of its own.

    Attributes:
        path: The file.
        limits: How much more each key may be.
        tests: The values.
    """

    path: pathlib.Path
    limits: Mapping[str, Limit]
    tests: _Tests

    @classmethod
    def read(cls, path: pathlib.Path, limits: Iterable[str]) -> SessionBaseline:
        """Read a file; one that is not there yet is empty.

        Args:
            path: The file.
            limits: Texts such as ``memory=+20%``.

        Raises:
            ConfigurationError: A limit cannot be understood.
            FormatError: The file is none of these.
            StorageError: It cannot be read.
        """
        parsed = dict(map(_limit, limits))
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(path, parsed, {})
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{path} is no baseline: {error}") from error
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error
        return cls(path, parsed, _tests(path, data))

    def broken(self, test: str, used: Mapping[str, float]) -> list[str]:
        """Return what a test uses more than it may, a sentence each."""
        lines = []
        for key, limit in self.limits.items():
            before = self.tests.get(test, {}).get(key, [])
            if before and _is_worse(key, used[key], before, limit):
                usual = statistics.median(before)
                lines.append(
                    f"The {_TITLES[key]} of the test is "
                    f"{format_value(used[key], _UNITS[key])}: in {len(before)} earlier "
                    f"sessions it was {format_value(usual, _UNITS[key])}, and "
                    f"{format_value(limit.allowed(usual), _UNITS[key])} are allowed."
                )
        return lines

    def add(self, used: Iterable[tuple[str, Mapping[str, float]]]) -> None:
        """Add the values of a session, and write the file.

        Raises:
            StorageError: It cannot be written.
        """
        for test, values in used:
            kept = self.tests.setdefault(test, {})
            for key in _UNITS:
                kept[key] = [*kept.get(key, []), values[key]][-_SESSIONS:]
        text = json.dumps({"version": _VERSION, "tests": self.tests}, indent=1)
        try:
            with open_replacement(self.path) as stream:
                stream.write(text.encode())
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error}") from error


def _limit(text: str) -> tuple[str, Limit]:
    key, _, limit = text.partition("=")
    if key not in _UNITS:
        raise ConfigurationError(
            f"'{text}' is not KEY=LIMIT.",
            next_step=f"Write one of {', '.join(f'{each}=+20%' for each in _UNITS)}",
        )
    return key, parse_limit(limit, _UNITS[key])


def _is_worse(key: str, value: float, before: Sequence[float], limit: Limit) -> bool:
    allowed = max(limit.allowed(statistics.median(before)), _LEAST[key])
    return value > allowed and value > max(before)


def _tests(path: pathlib.Path, data: object) -> _Tests:
    tests = data.get("tests") if isinstance(data, Mapping) else None
    if not isinstance(tests, Mapping) or data.get("version") != _VERSION:  # type: ignore[attr-defined] # it is a mapping
        raise FormatError(
            f"{path} is no baseline of this version.",
            next_step="Remove it, and run with --multimeter-update.",
        )
    return {
        str(test): {key: [v for v in values.get(key, []) if is_number(v)] for key in _UNITS}
        for test, values in tests.items()
        if isinstance(values, Mapping)
    }
