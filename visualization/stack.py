"""The stack: install it, start it, stop it, remove it, ask how it is.

Each looks at what is there, makes a plan (:mod:`~multimeter.visualization.plan`) and
lets the engine carry it out. A failed or interrupted install takes back what it made.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from multimeter.errors import MultimeterError
from multimeter.visualization.client import StackClient
from multimeter.visualization.config import (
    StackConfig,
    locked,
    read_config,
    remove_config,
    write_config,
)
from multimeter.visualization.engines.base import Engine, Links, Request
from multimeter.visualization.engines.choice import describe_stack, engine_of
from multimeter.visualization.errors import AlreadyInstalledError, NotInstalledError
from multimeter.visualization.examples.load import EXAMPLE, example_lines
from multimeter.visualization.names import require_usable_names
from multimeter.visualization.plan import (
    Action,
    State,
    Step,
    plan_install,
    plan_remove,
    plan_start,
    plan_stop,
    undo,
)

__all__ = [
    "Installed",
    "Reporter",
    "Status",
    "install",
    "remove",
    "start",
    "status",
    "stop",
]


class Reporter(Protocol):
    """Who is told how far the work is."""

    def step(self, title: str) -> contextlib.AbstractContextManager[None]:
        """Return a context in which the step is under way."""


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


def install(request: Request, engine: str, report: Reporter) -> Installed:
    """Install a stack, load the example, and return what a person opens.

    Raises:
        AlreadyInstalledError: There is a stack under this configuration.
        EngineError: There is nothing that it could run on.
        VisualizationError: A step failed; what had been made is taken back.
        ConfigurationError: What is asked for cannot be used.
    """
    require_usable_names(request.org, request.bucket)
    with locked(request.config_file):
        _clear_the_way(request.config_file, report)
        config = describe_stack(engine, request)
        config = dataclasses.replace(config, installing=True)
        parts = engine_of(request.config_file, config)
        state = {**config.engine_state, "made": _absent(parts)}
        config = dataclasses.replace(config, engine_state=state)
        with _taken_back_on_failure(request.config_file, parts) as done:
            write_config(request.config_file, config)
            _carry_out(plan_install(parts.observe()), parts, report, done)
            config = dataclasses.replace(parts.finish(config), installing=False)
            run = _load_example(config, report)
            links = parts.links(config, run)
            write_config(request.config_file, config)
        return Installed(config, links)


def _absent(parts: Engine) -> list[str]:
    return [each.kind for each, state in parts.observe().items() if state is State.ABSENT]


def _clear_the_way(config_file: pathlib.Path, report: Reporter) -> None:
    """Refuse to install twice; take back what an interrupted install has left."""
    try:
        config = read_config(config_file)
    except NotInstalledError:
        return
    if not config.installing:
        raise AlreadyInstalledError(
            f"A stack is installed already: {config_file} describes it.",
            next_step="multimeter-visu start | status | open | remove",
        )
    parts = engine_of(config_file, config)
    made = config.engine_state.get("made", [])
    steps = [
        step
        for step in plan_remove(parts.observe())
        if step.action is Action.STOP or step.resource.kind in made
    ]
    with report.step("Take back what an interrupted install has left"):
        for step in steps:
            parts.apply(step)
        remove_config(config_file)


@contextlib.contextmanager
def _taken_back_on_failure(
    config_file: pathlib.Path, parts: Engine
) -> Iterator[list[Step]]:
    done: list[Step] = []
    try:
        yield done
    except BaseException:  # an interrupt is no reason to leave things behind
        for step in undo(done):
            with contextlib.suppress(MultimeterError, OSError):
                parts.apply(step)
        remove_config(config_file)
        raise


_TITLES = {
    Action.CREATE: "Create the {}",
    Action.START: "Start the {}",
    Action.STOP: "Stop the {}",
    Action.REMOVE: "Remove the {}",
}


def _carry_out(
    steps: Sequence[Step], parts: Engine, report: Reporter, done: list[Step] | None = None
) -> None:
    for step in steps:
        if done is not None:
            # Before it is done: half a step has to be taken back too.
            done.append(step)
        kind, name = step.resource.kind, step.resource.name
        with report.step(f"{_TITLES[step.action].format(kind)} {name}"):
            parts.apply(step)


def _load_example(config: StackConfig, report: Reporter) -> dict[str, Any]:
    with report.step("Load the example"), StackClient(config) as client:
        client.write(example_lines())
        return next(run for run in client.runs() if run["identifier"] == EXAMPLE)


def start(config_file: pathlib.Path, report: Reporter) -> list[Step]:
    """Start what does not run; return what was done.

    Raises:
        NotInstalledError: No stack is installed.
        VisualizationError: A step failed.
    """
    return _change(config_file, plan_start, report)


def stop(config_file: pathlib.Path, report: Reporter) -> list[Step]:
    """Stop what runs, and keep all data; return what was done.

    Raises:
        NotInstalledError: No stack is installed.
        VisualizationError: A step failed.
    """
    return _change(config_file, plan_stop, report)


def remove(config_file: pathlib.Path, report: Reporter) -> list[Step]:
    """Remove the stack with all its data; return what was done.

    Raises:
        NotInstalledError: No stack is installed.
        VisualizationError: A step failed.
    """
    steps = _change(config_file, plan_remove, report)
    remove_config(config_file)
    return steps


def _change(config_file: pathlib.Path, plan: Any, report: Reporter) -> list[Step]:
    parts = engine_of(config_file, read_config(config_file))
    with locked(config_file):
        steps: list[Step] = plan(parts.observe())
        _carry_out(steps, parts, report)
    return steps


def status(config_file: pathlib.Path) -> Status:
    """Return how the stack is.

    Raises:
        NotInstalledError: No stack is installed.
    """
    config = read_config(config_file)
    parts = engine_of(config_file, config)
    running = all(
        state is State.RUNNING for each, state in parts.observe().items() if each.runs
    )
    details = dict(parts.details())
    if not running:
        return Status(config, "stopped", details, None)
    runs = _count_runs(config)
    return Status(config, "not answering" if runs is None else "running", details, runs)


def _count_runs(config: StackConfig) -> int | None:
    try:
        with StackClient(config) as client:
            return len(client.runs())
    except MultimeterError:
        return None
