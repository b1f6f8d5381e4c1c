"""The report at the end of a run: as text for users, as JSON for programs."""

from __future__ import annotations

import json
import logging
import pathlib
import shlex
from typing import TYPE_CHECKING, Any

from multimeter.analysis.summary import summary_lines, summary_of
from multimeter.errors import MultimeterError
from multimeter.processes.destination import Place
from multimeter.storages.file import runs_folder

if TYPE_CHECKING:
    from multimeter.processes.measure import Outcome

__all__ = ["LogCollector", "problem_lines", "report_lines", "report_of", "report_text"]


class LogCollector(logging.Handler):
    """Collects log messages during a run, to keep them out of the command's output.

    Attributes:
        messages: The messages, without duplicates.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a message."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            message += f" ({record.exc_info[1]})"
        if message not in self.messages:
            self.messages.append(message)


def report_of(outcome: Outcome, place: Place) -> dict[str, Any]:
    """Return the summary of a run for programs.

    It extends :func:`~multimeter.analysis.summary.summary_of` with ``command``,
    ``exit_code``, and the place of the run: ``file``, or ``url`` and ``page``, null if
    they do not apply; and ``trouble``, what went wrong.
    """
    result = outcome.result
    summary: dict[str, Any] = {"version": 1} if result is None else summary_of(result)
    return {
        **summary,
        "command": result.meta_data.get("command") if result else None,
        "exit_code": outcome.exit_code,
        "file": str(place.path) if place.path else None,
        "url": place.url or None,
        "page": place.page or None,
        "trouble": str(place.error) if place.error else None,
    }


def report_text(outcome: Outcome, place: Place) -> str:
    """Return :func:`report_of` as one line of JSON."""
    return json.dumps(report_of(outcome, place), allow_nan=False)


def report_lines(outcome: Outcome, place: Place, *, curves: bool) -> list[str]:
    """Return the summary of a run for users."""
    if outcome.result is None:
        return []
    lines = [f"multimeter: {outcome.result.identifier}"]
    lines += [f"  {line}" for line in summary_lines(outcome.result, curves=curves)]
    return [*lines, *_where(outcome.result.identifier or "", place)]


def _where(identifier: str, place: Place) -> list[str]:
    if place.path is None and not place.url:
        return []
    name, where = identifier, f"See it at {place.page or place.url}"
    if place.waits:
        where = f"Once its points have arrived, see it at {place.page or place.url}"
    if place.path is not None:
        where = f"Stored in {_short(place.path)}"
        if place.path.parent != runs_folder():
            name = _short(place.path)
    return [where, f"Show it: multimeter show {shlex.quote(name)}"]


def _short(path: pathlib.Path) -> str:
    """Return a path relative to the working folder, if it is inside."""
    try:
        return str(path.relative_to(pathlib.Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def problem_lines(messages: list[str], *errors: MultimeterError | None) -> list[str]:
    """Return what went wrong, each message prefixed with the program's name."""
    texts = [*messages, *(str(error) for error in errors if error)]
    return [f"multimeter: {text}" for text in texts]
