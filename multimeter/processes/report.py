"""What is said at the end of a run: for people, and as JSON for programs."""

from __future__ import annotations

import json
import logging
import pathlib
import shlex
from typing import TYPE_CHECKING, Any

from multimeter.analysis.summary import summary_lines, summary_of
from multimeter.errors import MultimeterError
from multimeter.processes.place import Place
from multimeter.storages.fallback import runs_folder

if TYPE_CHECKING:
    from multimeter.processes.measure import Outcome

__all__ = ["Said", "report_lines", "report_of", "report_text", "trouble_lines"]


class Said(logging.Handler):
    """Keeps what is logged meanwhile, so that it does not stand in others' output.

    Attributes:
        messages: What was logged, each message once.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            message += f" ({record.exc_info[1]})"
        if message not in self.messages:
            self.messages.append(message)


def report_of(outcome: Outcome, place: Place) -> dict[str, Any]:
    """Return the summary of a run for programs.

    Beside the keys of :func:`~multimeter.analysis.summary.summary_of`: ``command``,
    ``exit_code``, and where the run is: ``file``, or ``url`` and ``page``; null where it
    is not.
    """
    result = outcome.result
    found: dict[str, Any] = {"version": 1} if result is None else summary_of(result)
    return {
        **found,
        "command": result.meta_data.get("command") if result else None,
        "exit_code": outcome.exit_code,
        "file": str(place.path) if place.path else None,
        "url": place.url or None,
        "page": place.page or None,
        "trouble": str(place.error) if place.error else None,
    }


def report_text(outcome: Outcome, place: Place) -> str:
    """Return the same as one line of JSON."""
    return json.dumps(report_of(outcome, place), allow_nan=False)


def report_lines(outcome: Outcome, place: Place, *, curves: bool) -> list[str]:
    """Return the summary of a run for people."""
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
    """Return a path from here, where that is shorter."""
    try:
        return str(path.relative_to(pathlib.Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def trouble_lines(messages: list[str], *errors: MultimeterError | None) -> list[str]:
    """Return what went wrong, each line with our name before it."""
    texts = [*messages, *(str(error) for error in errors if error)]
    return [f"multimeter: {text}" for text in texts]
