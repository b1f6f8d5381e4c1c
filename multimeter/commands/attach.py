"""``multimeter attach``: measure a running process."""

from __future__ import annotations

from typing import Annotated

import typer

from multimeter.commands.run import (
    Cycle,
    Probes,
    Quiet,
    RunName,
    StoredIn,
    SummaryFile,
    Tags,
    option,
)

__all__ = ["attach"]

EPILOG = (
    "Ends with 0, however the process ended; with 1 if it cannot be measured. The "
    "process goes on when the measurement is ended by Ctrl-C, SIGTERM or --duration."
)

Pid = Annotated[int, typer.Argument(help="The id of the process.", min=1)]
Duration = Annotated[float | None, option("duration", min=0)]


def attach(
    pid: Pid,
    duration: Duration = None,
    name: RunName = None,
    tag: Tags = None,
    cycle_time: Cycle = None,
    storage: StoredIn = None,
    probe: Probes = None,
    quiet: Quiet = False,
    json: SummaryFile = None,
) -> None:
    """Measure a running process and its descendants until it ends."""
    from multimeter.processes.command import attach_process

    attach_process(
        pid,
        duration,
        name,
        tag=tag,
        cycle_time=cycle_time,
        storage=storage,
        probe=probe,
        quiet=quiet,
        json=json,
    )
