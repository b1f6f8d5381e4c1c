"""The stack: install it, start it, stop it, remove it, ask how it is.

Each looks at what is there, makes a plan (:mod:`~multimeter.visualization.plan`) and
lets the engine carry it out. A failed or interrupted install takes back what it made.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from multimeter.errors import MultimeterError
from multimeter.visualization.config import (
    StackConfig,
    kept_file,
    locked,
    missing_folders,
    read_config,
    remove_config,
    remove_empty,
    write_config,
)
from multimeter.visualization.dashboards.own_files import remove_dashboards
from multimeter.visualization.engines.base import Engine, Links, Request
from multimeter.visualization.engines.factory import describe_stack, engine_of
from multimeter.visualization.errors import (
    AlreadyInstalledError,
    NotInstalledError,
    PortTakenError,
    VisualizationError,
)
from multimeter.visualization.invocation import command_of
from multimeter.visualization.names import require_usable_name, require_usable_names
from multimeter.visualization.plan import (
    Action,
    Found,
    Lane,
    State,
    Step,
    describe,
    lost_data,
    outdated,
    plan_install,
    plan_remove,
    plan_start,
    plan_stop,
    side_by_side,
)
from multimeter.visualization.report import Reporter
from multimeter.visualization.rollback import (
    keep_secrets,
    take_back_interrupted,
    taken_back_on_failure,
    to_be_made,
)

__all__ = [
    "Installed",
    "Status",
    "install",
    "plan",
    "remove",
    "start",
    "status",
    "stop",
]


_TRIES = 5


@dataclass(frozen=True)
class Installed:
    """What an install has made.

    Attributes:
        config: The configuration of the stack.
        links: What a person opens to see the example.
    """

    config: StackConfig
    links: Links


@dataclass(frozen=True)
class Status:
    """How a stack is.

    Attributes:
        config: Its configuration.
        state: ``running``, ``stopped``, or ``not answering``: it runs, and is still
            starting or in trouble.
        details: What its engine says.
        runs: How many runs it holds; None when it does not answer.
    """

    config: StackConfig
    state: Literal["running", "stopped", "not answering"]
    details: dict[str, Any]
    runs: int | None


def plan(request: Request, engine: str, report: Reporter) -> list[Step]:
    """Return the steps that an install would take, and do nothing.

    Raises:
        EngineError: There is nothing that it could run on.
        VisualizationError: A port is taken.
        ConfigurationError: What is asked for cannot be used.
    """
    require_usable_name(request.name)
    require_usable_names(request.org, request.bucket)
    try:
        config = read_config(request.config_file)
    except NotInstalledError:
        config = describe_stack(engine, request, report)
    parts = engine_of(request.config_file, config)
    steps = plan_install(parts.observe())
    for each in steps:
        if obstacle := parts.obstacle(each):
            report.note(obstacle)
    return steps


def install(request: Request, engine: str, report: Reporter) -> Installed:
    """Install a stack, load the example, and return what a person opens.

    Raises:
        AlreadyInstalledError: There is a stack under this configuration.
        EngineError: There is nothing that it could run on.
        VisualizationError: A step failed; what had been made is taken back.
        ConfigurationError: What is asked for cannot be used.
    """
    require_usable_name(request.name)
    require_usable_names(request.org, request.bucket)
    folders = missing_folders(request.config_file.parent)
    with locked(request.config_file):
        _require_absent(request.config_file, report)
        while True:
            try:
                return _install(request, engine, report, folders)
            except PortTakenError as error:
                taken = request.taken_ports
                asked_for = (request.port, request.docker.grafana_port)
                if error.port is None or error.port in asked_for or len(taken) >= _TRIES:
                    raise
                # Another program took it after it had looked free: try the next one.
                request = dataclasses.replace(request, taken_ports=taken | {error.port})


def _install(
    request: Request, engine: str, report: Reporter, folders: Sequence[pathlib.Path]
) -> Installed:
    config = describe_stack(engine, request, report)
    config = dataclasses.replace(config, installing=True)
    parts = engine_of(request.config_file, config)
    found = parts.observe()
    state = {
        **config.engine_state,
        "made": to_be_made(found),
        "config_folders": [str(each) for each in folders],
    }
    config = dataclasses.replace(config, engine_state=state)
    with taken_back_on_failure(request.config_file, config, parts, report) as attempt:
        write_config(request.config_file, config)
        _carry_out(plan_install(found), parts, report, attempt.done)
        attempt.finishing = True
        config, run = parts.finish(config, report)
        config = dataclasses.replace(config, installing=False)
        links = parts.links(config, run)
        write_config(request.config_file, config)
    remove_config(kept_file(request.config_file))
    return Installed(config, links)


def _require_absent(config_file: pathlib.Path, report: Reporter) -> None:
    """Refuse to install twice; take back what an interrupted install has left."""
    try:
        config = read_config(config_file)
    except NotInstalledError:
        return
    if not config.installing:
        look = command_of("open", config_file, config.name)
        raise AlreadyInstalledError(
            f"A stack is installed already: {config_file} describes it.",
            next_step=f"{look} shows it; start, stop, status and remove do the rest.",
        )
    take_back_interrupted(config_file, config, engine_of(config_file, config), report)


def _carry_out(
    steps: Sequence[Step], parts: Engine, report: Reporter, done: list[Step] | None = None
) -> None:
    for lanes in side_by_side(steps):
        group = [step for lane in lanes for step in lane]
        if done is not None:
            # Before it is done: half a step has to be taken back too.
            done += group
        if group[0].action is Action.FETCH:
            parts.apply(group[0], report)
        else:
            with report.step(describe(group)):
                _apply_side_by_side(lanes, parts, report)


def _apply_side_by_side(lanes: Sequence[Lane], parts: Engine, report: Reporter) -> None:
    def apply(lane: Lane) -> None:
        for step in lane:
            parts.apply(step, report)

    if len(lanes) == 1:
        apply(lanes[0])
        return
    with ThreadPoolExecutor(len(lanes)) as pool:
        for applied in [pool.submit(apply, lane) for lane in lanes]:
            applied.result()


def start(config_file: pathlib.Path, report: Reporter) -> list[Step]:
    """Start what does not run; return what was done.

    Raises:
        NotInstalledError: No stack is installed.
        VisualizationError: A step failed.
    """
    steps, parts = _change(config_file, _plan_start, report)
    # What was found running may still be on its way up.
    parts.wait(report)
    return steps


def _plan_start(found: Found) -> list[Step]:
    if lost := lost_data(found):
        raise VisualizationError(
            f"The {lost[0].kind} {lost[0].name} is gone, and the data in it.",
            cause="It was removed by hand.",
            next_step="multimeter-visu remove, then multimeter-visu install",
        )
    return plan_start(found)


def stop(config_file: pathlib.Path, report: Reporter) -> list[Step]:
    """Stop what runs, and keep all data; return what was done.

    Raises:
        NotInstalledError: No stack is installed.
        VisualizationError: A step failed.
    """
    steps, _ = _change(config_file, plan_stop, report)
    return steps


def remove(
    config_file: pathlib.Path, report: Reporter, *, keep_data: bool = False
) -> list[pathlib.Path]:
    """Remove the stack; return what is in its folders and stays, as it is not ours.

    Args:
        config_file: The configuration of the stack.
        report: Who is told how far the work is.
        keep_data: Leave the data, for a later install. Where it can be opened with
            secrets only, these stay beside the configuration.

    Raises:
        NotInstalledError: No stack is installed.
        VisualizationError: A step failed.
    """

    def plan_it(found: Found) -> list[Step]:
        return plan_remove(found, keep_data=keep_data)

    config = read_config(config_file)
    _, parts = _change(config_file, plan_it, report)
    left: list[pathlib.Path] = []
    if keep_data:
        keep_secrets(config_file, config, parts)
    else:
        remove_config(kept_file(config_file))
        left = [*parts.left(), *remove_dashboards(config_file)]
    remove_config(config_file)
    folders = config.engine_state.get("config_folders", ())
    remove_empty(pathlib.Path(each) for each in folders)
    return left


def _change(
    config_file: pathlib.Path, plan_it: Callable[[Found], list[Step]], report: Reporter
) -> tuple[list[Step], Engine]:
    parts = engine_of(config_file, read_config(config_file))
    with locked(config_file):
        steps = plan_it(parts.observe())
        _carry_out(steps, parts, report)
    return steps, parts


def status(config_file: pathlib.Path) -> Status:
    """Return how the stack is.

    Raises:
        NotInstalledError: No stack is installed.
    """
    config = read_config(config_file)
    parts = engine_of(config_file, config)
    found = parts.observe()
    states = {state for each, state in found.items() if each.runs}
    details = dict(parts.details())
    if old := outdated(found):
        names = ", ".join(each.name for each in old)
        start = command_of("start", config_file, config.name)
        details["outdated"] = f"{names}; {start} makes it up to date"
    if not states <= {State.RUNNING, State.OUTDATED}:
        return Status(config, "stopped", details, None)
    runs = _count_runs(parts, config)
    return Status(config, "not answering" if runs is None else "running", details, runs)


def _count_runs(parts: Engine, config: StackConfig) -> int | None:
    try:
        return len(parts.runs(config))
    except MultimeterError:
        return None
