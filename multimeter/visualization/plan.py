"""The plan: the steps from the observed to the desired state of a stack. Pure.

An engine observes the state of each resource of a stack, in the order of their
dependencies. The steps follow from that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = [
    "Action",
    "Lane",
    "Observed",
    "Resource",
    "State",
    "Step",
    "describe",
    "lost_data",
    "outdated",
    "plan_install",
    "plan_remove",
    "plan_start",
    "plan_stop",
    "side_by_side",
    "state_of",
    "undo",
]


class State(Enum):
    """The observed state of a resource."""

    ABSENT = "absent"
    STOPPED = "stopped"
    RUNNING = "running"
    OUTDATED = "outdated"
    """It is running with another configuration than the desired one."""
    OUTDATED_STOPPED = "outdated and stopped"


class Action(Enum):
    """An action of an engine on a resource."""

    FETCH = "fetch"
    CREATE = "create"
    RECREATE = "recreate"
    START = "start"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True)
class Resource:
    """A part of a stack.

    Attributes:
        kind: Its kind, unique in a stack, such as folder, server or container.
        name: Its name.
        runs: Whether it is a running thing, such as a server or container.
        holds_data: Whether removing it loses data.
        shared: Whether other programs use it too: it is fetched, and never removed.
        configuration: A hash of its desired configuration; empty if it has none.
    """

    kind: str
    name: str
    runs: bool = False
    holds_data: bool = False
    shared: bool = False
    configuration: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a plan: an action on a resource."""

    action: Action
    resource: Resource


Observed = Mapping[Resource, State]
"""The state of each resource, in the order of their dependencies."""

_OUTDATED = (State.OUTDATED, State.OUTDATED_STOPPED)


def state_of(resource: Resource, *, running: bool, configuration: str = "") -> State:
    """Return the state of an existing resource.

    Args:
        resource: The desired resource.
        running: Whether it is running.
        configuration: The hash of its actual configuration.
    """
    if resource.configuration != configuration:
        return State.OUTDATED if running else State.OUTDATED_STOPPED
    return State.RUNNING if running else State.STOPPED


def plan_install(observed: Observed) -> list[Step]:
    """Create absent resources, recreate outdated ones, then start all of them."""
    return _creations(observed, keep_lost=False) + _starts(observed)


def plan_start(observed: Observed) -> list[Step]:
    """Start stopped resources; create missing ones that hold no data."""
    return _creations(observed, keep_lost=True) + _starts(observed)


def plan_stop(observed: Observed) -> list[Step]:
    """Stop running resources, in reverse order."""
    return [
        Step(Action.STOP, each)
        for each, state in reversed(list(observed.items()))
        if each.runs and state in (State.RUNNING, State.OUTDATED)
    ]


def plan_remove(observed: Observed, *, keep_data: bool = False) -> list[Step]:
    """Stop running resources, then remove all resources that only this stack uses."""
    existing = [
        each
        for each, state in observed.items()
        if state is not State.ABSENT
        and not each.shared
        and not (keep_data and each.holds_data)
    ]
    return plan_stop(observed) + [Step(Action.REMOVE, each) for each in reversed(existing)]


def _creations(observed: Observed, *, keep_lost: bool) -> list[Step]:
    """Return the steps that create resources, after those that fetch shared ones."""
    actions = {State.ABSENT: Action.CREATE, **dict.fromkeys(_OUTDATED, Action.RECREATE)}
    steps = [
        Step(actions[state], each)
        for each, state in observed.items()
        if state in actions and not each.shared and not (keep_lost and each.holds_data)
    ]
    fetches = [
        Step(Action.FETCH, each)
        for each, state in observed.items()
        if each.shared and state is State.ABSENT
    ]
    return fetches + steps if steps else []


def _starts(observed: Observed) -> list[Step]:
    return [
        Step(Action.START, each)
        for each, state in observed.items()
        if each.runs and state is not State.RUNNING
    ]


def outdated(observed: Observed) -> list[Resource]:
    """Return the resources that the next start recreates."""
    return [each for each, state in observed.items() if state in _OUTDATED]


def lost_data(observed: Observed) -> list[Resource]:
    """Return the resources that held data and are missing."""
    return [
        each
        for each, state in observed.items()
        if each.holds_data and state is State.ABSENT
    ]


_OPPOSITES = {Action.CREATE: Action.REMOVE, Action.START: Action.STOP}


def undo(done: Sequence[Step]) -> list[Step]:
    """Return the steps that undo others, in reverse order.

    Fetched resources stay, as other programs may use them; recreated ones stay too. Created
    ones are removed without a stop: they hold nothing that needs an orderly shutdown.
    """
    created = {step.resource for step in done if step.action is Action.CREATE}
    return [
        Step(_OPPOSITES[step.action], step.resource)
        for step in reversed(done)
        if step.action in _OPPOSITES
        and not (step.action is Action.START and step.resource in created)
    ]


Lane = list[Step]
"""Steps that are applied in sequence."""


def side_by_side(steps: Sequence[Step]) -> list[list[Lane]]:
    """Return the steps in groups of lanes; the lanes of a group run in parallel.

    Running resources depend on the others, but not on each other: for each of them, create
    and start, or stop and remove, form a lane. Fetches run one by one, to show their
    progress.
    """
    groups: list[list[Lane]] = []
    before: Step | None = None
    for step in steps:
        if before is None or not _can_run_together(before, step):
            groups.append([])
        lanes = {lane[0].resource: lane for lane in groups[-1]}
        if step.resource in lanes:
            lanes[step.resource].append(step)
        else:
            groups[-1].append([step])
        before = step
    return groups


def _can_run_together(before: Step, step: Step) -> bool:
    if before.resource.runs or step.resource.runs:
        return before.resource.runs and step.resource.runs
    return step.action is before.action is not Action.FETCH


_VERBS = {
    Action.FETCH: "fetch",
    Action.CREATE: "create",
    Action.RECREATE: "recreate",
    Action.START: "start",
    Action.STOP: "stop",
    Action.REMOVE: "remove",
}


def describe(steps: Sequence[Step]) -> str:
    """Return a one-line description of steps."""
    done: dict[tuple[str, ...], list[str]] = {}
    actions = dict.fromkeys(step.action for step in steps)
    for action in actions:
        parts = [_name(each.resource) for each in steps if each.action is action]
        done.setdefault(tuple(parts), []).append(_VERBS[action])
    text = ", ".join(f"{_listed(verbs)} {_listed(parts)}" for parts, verbs in done.items())
    return text[:1].upper() + text[1:]


def _name(resource: Resource) -> str:
    return f"the {resource.kind} {resource.name}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
