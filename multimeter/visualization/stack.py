"""The stack: install it, start it, stop it, remove it, look how it is.

Each observes what is there, makes a plan (:mod:`~multimeter.visualization.plan`) and
lets the engine apply it. A failed or interrupted install takes back what it made.
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
from multimeter.visualization.dashboards.user_defined import remove_dashboards
from multimeter.visualization.engines.base import Engine, Links
from multimeter.visualization.engines.factory import describe_stack, engine_of
from multimeter.visualization.errors import (
    AlreadyInstalledError,
    NotInstalledError,
    PortTakenError,
    VisualizationError,
)
from multimeter.visualization.invocation import command_of
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
from multimeter.visualization.ports import reserved_ports
from multimeter.visualization.report import Reporter
from multimeter.visualization.rollback import (
    keep_secrets,
    take_back_interrupted,
    taken_back_on_failure,
    to_be_made,
)
from multimeter.visualization.stack_spec import StackSpec

__all__ = [
    "Installed",
    "StackStatus",
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
class StackStatus:
    """How a stack is.

    Attributes:
        state: ``running``, ``stopped``, or ``not answering``: it runs, and is still
            starting or has failed.
        details: What its engine shows of it.
        runs: How many runs it holds; None when it does not answer.
    """

    state: Literal["running", "stopped", "not answering"]
    details: dict[str, Any]
    runs: int | None


def plan(config_file: pathlib.Path, spec: StackSpec, report: Reporter) -> list[Step]:
    """Return the steps that an install would take, and do nothing.

    Raises:
        EngineError: There is nothing that it could run on.
        VisualizationError: A port is taken.
        ConfigurationError: What is asked for cannot be used.
    """
    spec.require_usable_names()
    try:
        config = read_config(config_file)
    except NotInstalledError:
        config = describe_stack(config_file, spec, reserved_ports(config_file), report)
    engine = engine_of(config_file, config)
    steps = plan_install(engine.observe())
    for each in steps:
        if obstacle := engine.obstacle(each):
            report.note(obstacle)
    return steps


def install(config_file: pathlib.Path, spec: StackSpec, report: Reporter) -> Installed:
    """Install a stack, load the example, and return what a person opens.

    Raises:
        AlreadyInstalledError: There is a stack under this configuration.
        EngineError: There is nothing that it could run on.
        VisualizationError: A step failed; what had been made is taken back.
        ConfigurationError: What is asked for cannot be used.
    """
    spec.require_usable_names()
    folders = missing_folders(config_file.parent)
    taken: set[int] = set()
    with locked(config_file):
        _require_absent(config_file, report)
        while True:
            reserved = reserved_ports(config_file, taken)
            try:
                config = describe_stack(config_file, spec, reserved, report)
                return _install(config_file, config, folders, report)
            except PortTakenError as error:
                asked_for = (spec.port, spec.grafana_port)
                if error.port is None or error.port in asked_for or len(taken) >= _TRIES:
                    raise
                # Another program took it after it had looked free: try the next one.
                taken.add(error.port)


def _install(
    config_file: pathlib.Path,
    config: StackConfig,
    folders: Sequence[pathlib.Path],
    report: Reporter,
) -> Installed:
    """Make a stack that is described; the folders are those made for its configuration."""
    engine = engine_of(config_file, dataclasses.replace(config, installing=True))
    found = engine.observe()
    state = {
        **config.engine_state,
        "made": to_be_made(found),
        "config_folders": [str(each) for each in folders],
    }
    engine.config = dataclasses.replace(engine.config, engine_state=state)
    with taken_back_on_failure(engine, report) as attempt:
        write_config(config_file, engine.config)
        _carry_out(plan_install(found), engine, report, attempt.done)
        attempt.finishing = True
        run = engine.finish(report)
        links = engine.links(run)
        engine.config = dataclasses.replace(engine.config, installing=False)
        write_config(config_file, engine.config)
    remove_config(kept_file(config_file))
    return Installed(engine.config, links)


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
    take_back_interrupted(engine_of(config_file, config), report)


def _carry_out(
    steps: Sequence[Step], engine: Engine, report: Reporter, done: list[Step] | None = None
) -> None:
    for lanes in side_by_side(steps):
        group = [step for lane in lanes for step in lane]
        if done is not None:
            # Before it is done: half a step has to be taken back too.
            done += group
        if group[0].action is Action.FETCH:
            engine.apply(group[0], report)
        else:
            with report.step(describe(group)):
                _apply_side_by_side(lanes, engine, report)


def _apply_side_by_side(lanes: Sequence[Lane], engine: Engine, report: Reporter) -> None:
    def apply(lane: Lane) -> None:
        for step in lane:
            engine.apply(step, report)

    if len(lanes) == 1:
        apply(lanes[0])
        return
    with ThreadPoolExecutor(len(lanes)) as pool:
        for applied in [pool.submit(apply, lane) for lane in lanes]:
            applied.result()


def start(engine: Engine, report: Reporter) -> list[Step]:
    """Start what does not run; return what was done.

    Raises:
        VisualizationError: A step failed.
    """
    steps = _change(engine, _plan_start, report)
    # What was found running may still be on its way up.
    engine.wait(report)
    return steps


def _plan_start(found: Found) -> list[Step]:
    if lost := lost_data(found):
        raise VisualizationError(
            f"The {lost[0].kind} {lost[0].name} is gone, and the data in it.",
            cause="It was removed by hand.",
            next_step="multimeter-visu remove, then multimeter-visu install",
        )
    return plan_start(found)


def stop(engine: Engine, report: Reporter) -> list[Step]:
    """Stop what runs, and keep all data; return what was done.

    Raises:
        VisualizationError: A step failed.
    """
    return _change(engine, plan_stop, report)


def remove(
    engine: Engine, report: Reporter, *, keep_data: bool = False
) -> list[pathlib.Path]:
    """Remove the stack; return what is in its folders and stays, as it is not ours.

    Args:
        engine: The engine that the stack is on.
        report: Takes the progress.
        keep_data: Leave the data, for a later install. Where it can be opened with
            secrets only, these stay beside the configuration.

    Raises:
        VisualizationError: A step failed.
    """

    def plan_it(found: Found) -> list[Step]:
        return plan_remove(found, keep_data=keep_data)

    _change(engine, plan_it, report)
    config_file = engine.config_file
    left: list[pathlib.Path] = []
    if keep_data:
        keep_secrets(engine)
    else:
        remove_config(kept_file(config_file))
        left = [*engine.left(), *remove_dashboards(config_file)]
    remove_config(config_file)
    folders = engine.config.engine_state.get("config_folders", ())
    remove_empty(pathlib.Path(each) for each in folders)
    return left


def _change(
    engine: Engine, plan_it: Callable[[Found], list[Step]], report: Reporter
) -> list[Step]:
    with locked(engine.config_file):
        steps = plan_it(engine.observe())
        _carry_out(steps, engine, report)
    return steps


def status(engine: Engine) -> StackStatus:
    """Return how the stack is."""
    found = engine.observe()
    states = {state for each, state in found.items() if each.runs}
    details = dict(engine.details())
    if old := outdated(found):
        names = ", ".join(each.name for each in old)
        start_command = command_of("start", engine.config_file, engine.config.name)
        details["outdated"] = f"{names}; {start_command} makes it up to date"
    if not states <= {State.RUNNING, State.OUTDATED}:
        return StackStatus("stopped", details, None)
    runs = _count_runs(engine)
    return StackStatus("not answering" if runs is None else "running", details, runs)


def _count_runs(engine: Engine) -> int | None:
    try:
        return len(engine.runs())
    except MultimeterError:
        return None
