"""Measure a command as ``multimeter run`` does, in a process that does nothing else."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from multimeter.data.estimate import Estimate
from multimeter.system.interpreter import python_command

__all__ = ["MeasuredRun", "measure_apart"]

_MAIN = "from multimeter.cli import main; main()"


@dataclass(frozen=True)
class MeasuredRun:
    """What a command used.

    Attributes:
        exit_code: As of ``multimeter run``.
        figures: The figures by their ids; none where it could not be measured.
    """

    exit_code: int
    figures: dict[str, Estimate] = field(default_factory=dict)


def measure_apart(
    command: Sequence[str],
    folder: pathlib.Path,
    name: str,
    *,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    show_output: bool = False,
) -> MeasuredRun:
    """Run a command, and return what it used.

    Args:
        command: The program and its arguments.
        folder: Where the run is kept.
        name: The name of the run.
        environment: That of the command; by default that of this process.
        options: More options of ``multimeter run``.
        show_output: Whether the outputs of the command are shown.
    """
    summary = folder / f".summary-{name}.json"
    words = ["run", "-q", "--json", str(summary), "-o", str(folder), "--name", name]
    output = None if show_output else subprocess.DEVNULL
    done = subprocess.run(  # noqa: S603 - what the user asked for
        python_command(_MAIN, *words, *options, "--", *command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        check=False,
    )
    try:
        report = json.loads(summary.read_text(encoding="utf-8"))
        summary.unlink()
    except (OSError, ValueError):
        return MeasuredRun(done.returncode)
    read = {key: Estimate.from_json(e) for key, e in report.get("figures", {}).items()}
    figures = {key: each for key, each in read.items() if each is not None}
    return MeasuredRun(done.returncode, figures)
