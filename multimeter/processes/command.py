"""Run a command or attach to a process, measure it, store the run and report it."""

from __future__ import annotations

import contextlib
import pathlib
import sys
from typing import Any

from multimeter.data.identifiers import checked_identifier, new_identifier
from multimeter.errors import ConfigurationError, MultimeterError, ProbeError
from multimeter.probes.default import chosen_probes
from multimeter.processes.child import CommandError, outliving_signals
from multimeter.processes.destination import find_destination, find_place
from multimeter.processes.measure import (
    Outcome,
    RunOptions,
    measure_command,
    measure_process,
)
from multimeter.processes.names import generated_name
from multimeter.processes.report import (
    LogCollector,
    problem_lines,
    report_lines,
    report_text,
)
from multimeter.sampling.sampler import checked_cycle_time
from multimeter.system.log import log

__all__ = ["Preparation", "attach_process", "run_command"]

OWN_FAILURE = 125
"""The exit code if we fail before the command is started, as of env(1)."""


def run_command(command: list[str], name: str | None = None, **options: Any) -> int:
    """Run a command, measure it, and return the exit code of ``multimeter run``.

    Args:
        command: The program and its arguments.
        name: The name of the run; by default a new one.
        **options: Those of :class:`Preparation`.
    """
    try:
        preparation = Preparation(name or generated_name(command[0]), **options)
        outcome = measure_command(command, preparation.settings)
    except CommandError as error:
        _print(f"multimeter: {error}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the command has not been started
        what = str(error) if isinstance(error, MultimeterError) else repr(error)
        _print(f"multimeter: {what}")
        return OWN_FAILURE
    preparation.finish(outcome)
    return outcome.exit_code


def attach_process(
    pid: int, duration: float | None = None, name: str | None = None, **options: Any
) -> None:
    """Measure a running process until it ends.

    Args:
        pid: The process.
        duration: The maximum duration, in s.
        name: The name of the run; by default a new one.
        **options: Those of :class:`Preparation`.

    Raises:
        MultimeterError: An option cannot be used, or the process cannot be measured.
    """
    preparation = Preparation(name or new_identifier(f"process{pid}-"), **options)
    preparation.finish(measure_process(pid, preparation.settings, duration))


class Preparation:
    """What is ready before a command is started, and reports its run at the end.

    Args:
        name: The name of the run.
        tag: Tags, as ``key=value``.
        cycle_time: Seconds between two samples; None to start fast and slow down.
        storage: A file or a folder; None for the default.
        probe: The names of probes; None for all that this machine can serve.
        wait_all: Whether to wait for all processes that the command has started.
        quiet: Whether to print errors only.
        json: The file of the summary as JSON; ``-`` for the error output.

    Attributes:
        settings: How the run is measured.
        destination: Where it goes.

    Raises:
        MultimeterError: An option cannot be used.
    """

    def __init__(
        self,
        name: str,
        tag: list[str] | None = None,
        cycle_time: float | None = None,
        storage: str | None = None,
        probe: list[str] | None = None,
        *,
        wait_all: bool = False,
        quiet: bool = False,
        json: str | None = None,
    ) -> None:
        self._quiet = quiet
        self._json = json
        identifier = checked_identifier(name)
        self.destination = find_destination(
            None if storage is None else pathlib.Path(storage)
        )
        try:
            chosen = chosen_probes(probe or ())
        except ProbeError:
            chosen = []  # the process itself reports why it cannot be measured
        self.settings = RunOptions(
            self.destination.reserve(identifier),
            chosen,
            self.destination.storage,
            _tags(tag or ()),
            None if cycle_time is None else checked_cycle_time(cycle_time),
            wait_all,
        )
        self._collector = LogCollector()
        log().addHandler(self._collector)
        log().propagate = False

    def finish(self, outcome: Outcome) -> None:
        """Deliver the points that wait, and report the run and where it is stored."""
        with outliving_signals():
            try:
                self._finish(outcome)
            except KeyboardInterrupt:
                pass
            except Exception as error:  # noqa: BLE001 - the command has its own exit code
                _print(f"multimeter: The run was not reported: {error!r}")

    def _finish(self, outcome: Outcome) -> None:
        lost = 0
        with contextlib.suppress(KeyboardInterrupt):
            lost = self.destination.close()
        place = find_place(outcome, self.destination, lost)
        lines = problem_lines(
            self._collector.messages, self.destination.stack_error, place.error
        )
        if self._json == "-":
            lines.append(report_text(outcome, place))
        elif not self._quiet:
            lines += report_lines(outcome, place, curves=sys.stderr.isatty())
        if self._json is not None and self._json != "-":
            try:
                pathlib.Path(self._json).write_text(
                    report_text(outcome, place) + "\n", encoding="utf-8"
                )
            except OSError as error:
                lines.append(
                    f"multimeter: {self._json} cannot be written: {error.strerror}"
                )
        for line in lines:
            _print(line)


def _print(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - the report of a tool


def _tags(given: list[str] | tuple[()]) -> dict[str, str]:
    tags = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise ConfigurationError(
                f"'{each}' is not a tag.",
                next_step="Give a key and a value: --tag key=value",
            )
        tags[key] = value
    return tags
