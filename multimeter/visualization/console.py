"""The console: the output of the tool.

On a terminal it shows the running step; elsewhere it prints plain lines without wrapping,
so that links can be copied and lines searched. With JSON it prints a single object.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console as RichConsole
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.text import Text

from multimeter.errors import MultimeterError
from multimeter.system.standard_streams import OutputError
from multimeter.visualization.errors import VisualizationError, require_extra
from multimeter.visualization.report import Check, OnLayer

__all__ = ["Console", "exit_on_sigterm"]

logger = logging.getLogger("multimeter.visualization")


class Console:
    """Prints the progress and the result of a verb.

    Args:
        as_json: Print only one JSON object, at the end.

    Attributes:
        notes: All notes so far.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self.notes: list[str] = []
        self._out = RichConsole(highlight=False, markup=False, soft_wrap=True)
        self._err = RichConsole(stderr=True, highlight=False, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def errors_reported(self) -> Iterator[None]:
        """Return a context that prints an error of Multimeter and exits with its code.

        Raises:
            MissingExtraError: The extra ``visu`` is not installed.
        """
        require_extra()
        try:
            yield
        except MultimeterError as error:
            code = getattr(error, "exit_code", VisualizationError.exit_code)
            self.error(error, code)
            sys.exit(code)

    @property
    def is_terminal(self) -> bool:
        """Whether the output is a terminal, and not JSON."""
        return self._out.is_terminal and not self._as_json

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Return a context that shows a step while it is running, and when it is done."""
        logger.debug("%s ...", title)
        if not self.is_terminal:
            self.progress(f"{title} ...")
            yield
            return
        with self._out.status(title):
            yield
        self._out.print(Text.assemble(("✓ ", "green"), title))

    @contextlib.contextmanager
    def transfer(self, title: str) -> Iterator[OnLayer]:
        """Return a context that shows the progress of each layer of a download."""
        if not self.is_terminal:
            self.progress(f"{title} ...")
            yield self._print_finished_layer
            return
        columns = TextColumn("  {task.description}"), BarColumn(), DownloadColumn()
        tasks: dict[str, TaskID] = {}
        with Progress(*columns, console=self._out, transient=True) as progress:

            def show_layer(layer: str, status: str, current: int, total: int) -> None:
                if not layer or status.startswith("Pulling from"):
                    return
                if layer not in tasks:
                    tasks[layer] = progress.add_task(layer, total=None)
                progress.update(tasks[layer], description=f"{layer} {status}")
                if total:
                    progress.update(tasks[layer], completed=current, total=total)

            yield show_layer
        self._out.print(Text.assemble(("✓ ", "green"), title))

    def _print_finished_layer(
        self,
        layer: str,
        status: str,
        current: int,  # noqa: ARG002 - only finished layers are printed
        total: int,  # noqa: ARG002
    ) -> None:
        if layer and status in ("Pull complete", "Already exists"):
            self.progress(f"  {layer}: {status}")

    def note(self, text: str) -> None:
        """Print a note, and keep it for the JSON result."""
        self.notes.append(text)
        self.progress(text)

    def progress(self, text: str) -> None:
        """Print progress; a closed output does not stop the work."""
        with contextlib.suppress(OutputError):
            self.line(text)

    def check(self, check: Check) -> None:
        """Print a check, with the remedy if it failed."""
        signs = {
            True: ("ok  ", "green"),
            False: ("FAIL", "bold red"),
            None: ("note", "yellow"),
        }
        if self._as_json:
            return
        line = Text.assemble(signs[check.ok], f"  {check.name}: {check.detail}")
        self._out.print(line)
        if check.mend and check.ok is not True:
            self._out.print(f"      Remedy: {check.mend}")

    def line(self, text: str = "") -> None:
        """Print a line, unless the output is JSON."""
        if not self._as_json:
            self._out.print(text)

    def heading(self, text: str) -> None:
        """Print a line in bold, unless the output is JSON."""
        if not self._as_json:
            self._out.print(Text(text, "bold"))

    def table(self, rows: Mapping[str, str]) -> None:
        """Print names and values, one per line."""
        width = max(map(len, rows), default=0)
        for name, value in rows.items():
            self.line(f"  {name:<{width}}  {value}")

    def result(self, data: Mapping[str, Any]) -> None:
        """Print the result as JSON, if the output is JSON."""
        if self._as_json:
            self._out.print(json.dumps(data, indent=2))

    def error(self, error: MultimeterError, exit_code: int) -> None:
        """Print what happened, the likely cause, and the next step."""
        fields = {"what": error.what, "cause": error.cause, "next_step": error.next_step}
        with contextlib.suppress(OutputError):
            self.result({"error": fields, "exit_code": exit_code})
        self._err.print(Text.assemble(("Error: ", "bold red"), str(error)))


def exit_on_sigterm() -> None:
    """Make SIGTERM raise SystemExit, so that a verb cleans up."""
    signal.signal(signal.SIGTERM, _exit)


def _exit(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(VisualizationError.exit_code)
