"""The stack: install, start, stop and remove it, and get its status.

Each function observes the resources, makes a plan (:mod:`~multimeter.visualization.plan`)
and lets the engine apply it. A failed or interrupted install is rolled back.
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
    Lane,
    Observed,
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
    roll_back_interrupted,
    rolled_back_on_failure,
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
    """The result of an install.

    Attributes:
        config: The configuration of the stack.
        links: The links to the example.
    """

    config: StackConfig
    links: Links


@dataclass(frozen=True)
class StackStatus:
    """The status of a stack.

    Attributes:
        state: ``running``, ``stopped``, or ``not answering``: it is running, but is still
            starting or has failed.
        details: Details from its engine.
        runs: The number of its runs; None if it does not answer.
    """

    state: Literal["running", "stopped", "not answering"]
    details: dict[str, Any]
    runs: int | None


def plan(config_file: pathlib.Path, spec: StackSpec, report: Reporter) -> list[Step]:
    """Return the steps of an install, without applying them.

    Raises:
        EngineError: There is no engine that it can run on.
        VisualizationError: A port is taken.
        ConfigurationError: The specification cannot be used.
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
    """Install a stack, load the example, and return the links to it.

    Raises:
        AlreadyInstalledError: A stack with this configuration is installed.
        EngineError: There is no engine that it can run on.
        VisualizationError: A step failed; the install was rolled back.
        ConfigurationError: The specification cannot be used.
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
                # Another program took the port after the check: try the next one.
                taken.add(error.port)


def _install(
    config_file: pathlib.Path,
    config: StackConfig,
    folders: Sequence[pathlib.Path],
    report: Reporter,
) -> Installed:
    """Install a described stack; the folders are those made for its configuration."""
    engine = engine_of(config_file, dataclasses.replace(config, installing=True))
    observed = engine.observe()
    state = {
        **config.engine_state,
        "made": to_be_made(observed),
        "config_folders": [str(each) for each in folders],
    }
    engine.config = dataclasses.replace(engine.config, engine_state=state)
    with rolled_back_on_failure(engine, report) as attempt:
        write_config(config_file, engine.config)
        _apply(plan_install(observed), engine, report, attempt.done)
        attempt.finishing = True
        run = engine.finish(report)
        links = engine.links(run)
        engine.config = dataclasses.replace(engine.config, installing=False)
        write_config(config_file, engine.config)
    remove_config(kept_file(config_file))
    return Installed(engine.config, links)


def _require_absent(config_file: pathlib.Path, report: Reporter) -> None:
    """Refuse a second install; roll back an interrupted one."""
    try:
        config = read_config(config_file)
    except NotInstalledError:
        return
    if not config.installing:
        look = command_of("open", config_file, config.name)
        raise AlreadyInstalledError(
            f"A stack is installed already: see {config_file}.",
            next_step=f"{look} opens its page; see also start, stop, status and remove.",
        )
    roll_back_interrupted(engine_of(config_file, config), report)


def _apply(
    steps: Sequence[Step], engine: Engine, report: Reporter, done: list[Step] | None = None
) -> None:
    for lanes in side_by_side(steps):
        group = [step for lane in lanes for step in lane]
        if done is not None:
            # Recorded before it is done: an incomplete step must be undone too.
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
    """Start the stopped resources; return the steps that were applied.

    Raises:
        VisualizationError: A step failed.
    """
    steps = _change(engine, _plan_start, report)
    # Running resources may still be starting.
    engine.wait(report)
    return steps


def _plan_start(observed: Observed) -> list[Step]:
    if lost := lost_data(observed):
        raise VisualizationError(
            f"The {lost[0].kind} {lost[0].name} was removed, with its data.",
            cause="It was removed without multimeter-visu.",
            next_step="multimeter-visu remove, then multimeter-visu install",
        )
    return plan_start(observed)


def stop(engine: Engine, report: Reporter) -> list[Step]:
    """Stop the running resources; return the steps that were applied. All data stays.

    Raises:
        VisualizationError: A step failed.
    """
    return _change(engine, plan_stop, report)


def remove(
    engine: Engine, report: Reporter, *, keep_data: bool = False
) -> list[pathlib.Path]:
    """Remove the stack; return the foreign files in its folders, which stay.

    Args:
        engine: The engine of the stack.
        report: Receives the progress.
        keep_data: Keep the data for a later install. Secrets that it needs stay beside
            the configuration.

    Raises:
        VisualizationError: A step failed.
    """

    def make_plan(observed: Observed) -> list[Step]:
        return plan_remove(observed, keep_data=keep_data)

    _change(engine, make_plan, report)
    config_file = engine.config_file
    foreign: list[pathlib.Path] = []
    if keep_data:
        keep_secrets(engine)
    else:
        remove_config(kept_file(config_file))
        foreign = [*engine.left(), *remove_dashboards(config_file)]
    remove_config(config_file)
    folders = engine.config.engine_state.get("config_folders", ())
    remove_empty(pathlib.Path(each) for each in folders)
    return foreign


def _change(
    engine: Engine, make_plan: Callable[[Observed], list[Step]], report: Reporter
) -> list[Step]:
    with locked(engine.config_file):
        steps = make_plan(engine.observe())
        _apply(steps, engine, report)
    return steps


def status(engine: Engine) -> StackStatus:
    """Return the status of the stack."""
    observed = engine.observe()
    states = {state for each, state in observed.items() if each.runs}
    details = dict(engine.details())
    if old := outdated(observed):
        names = ", ".join(each.name for each in old)
        start_command = command_of("start", engine.config_file, engine.config.name)
        details["outdated"] = f"{names}; {start_command} updates it"
    if not states <= {State.RUNNING, State.OUTDATED}:
        return StackStatus("stopped", details, None)
    runs = _count_runs(engine)
    return StackStatus("not answering" if runs is None else "running", details, runs)


def _count_runs(engine: Engine) -> int | None:
    try:
        return len(engine.runs())
    except MultimeterError:
        return None
