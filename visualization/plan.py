"""The plan: what has to be done so that a stack is as it should be. Pure.

An engine says of which resources a stack consists, in the order in which they need each
other, and in which state each was found. From that follow the steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = [
    "Action",
    "Resource",
    "State",
    "Step",
    "describe",
    "lost_data",
    "plan_install",
    "plan_remove",
    "plan_start",
    "plan_stop",
    "side_by_side",
    "state_of",
    "undo",
]


class State(Enum):
    """How a resource was found."""

    ABSENT = "absent"
    STOPPED = "stopped"
    RUNNING = "running"
    OUTDATED = "outdated"
    """It is there, but not configured as it should be."""


class Action(Enum):
    """What an engine can do with a resource."""

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
        kind: What it is, unique in a stack: a folder, a server, a container.
        name: Which one.
        runs: Whether it is something that runs; else it is just there.
        holds_data: Whether data is lost with it.
        shared: Whether others use it too: it is fetched, and never removed.
        configuration: A hash of how it should be; empty where that does not matter.
    """

    kind: str
    name: str
    runs: bool = False
    holds_data: bool = False
    shared: bool = False
    configuration: str = ""


@dataclass(frozen=True)
class Step:
    """One thing to do."""

    action: Action
    resource: Resource


Found = Mapping[Resource, State]
"""The state of each resource, in the order in which they need each other."""


def state_of(resource: Resource, *, running: bool, configuration: str = "") -> State:
    """Return the state of a resource that is there.

    Args:
        resource: How it should be.
        running: Whether it was found running.
        configuration: The hash of the configuration that it was found with.
    """
    if resource.configuration != configuration:
        return State.OUTDATED
    return State.RUNNING if running else State.STOPPED


def plan_install(found: Found) -> list[Step]:
    """Create what is absent, create anew what is outdated, then start all of it."""
    return _creations(found, keep_lost=False) + _starts(found)


def plan_start(found: Found) -> list[Step]:
    """Start what does not run; what holds no data is created where it is needed."""
    return _creations(found, keep_lost=True) + _starts(found)


def plan_stop(found: Found) -> list[Step]:
    """Stop what runs, the other way round."""
    return [
        Step(Action.STOP, each)
        for each, state in reversed(list(found.items()))
        if each.runs and state in (State.RUNNING, State.OUTDATED)
    ]


def plan_remove(found: Found, *, keep_data: bool = False) -> list[Step]:
    """Stop what runs, then remove all that is there and belongs to this stack alone."""
    there = [
        each
        for each, state in found.items()
        if state is not State.ABSENT
        and not each.shared
        and not (keep_data and each.holds_data)
    ]
    return plan_stop(found) + [Step(Action.REMOVE, each) for each in reversed(there)]


def _creations(found: Found, *, keep_lost: bool) -> list[Step]:
    """Return what is to be created, and before that what is to be fetched for it."""
    actions = {State.ABSENT: Action.CREATE, State.OUTDATED: Action.RECREATE}
    steps = [
        Step(actions[state], each)
        for each, state in found.items()
        if state in actions and not each.shared and not (keep_lost and each.holds_data)
    ]
    fetches = [
        Step(Action.FETCH, each)
        for each, state in found.items()
        if each.shared and state is State.ABSENT
    ]
    return fetches + steps if steps else []


def _starts(found: Found) -> list[Step]:
    return [
        Step(Action.START, each)
        for each, state in found.items()
        if each.runs and state is not State.RUNNING
    ]


def lost_data(found: Found) -> list[Resource]:
    """Return what should hold data, and is not there any more."""
    return [
        each for each, state in found.items() if each.holds_data and state is State.ABSENT
    ]


_OPPOSITES = {Action.CREATE: Action.REMOVE, Action.START: Action.STOP}


def undo(done: Sequence[Step]) -> list[Step]:
    """Take back what has been done, the last first.

    What was fetched stays, as others may use it by now; what was created anew stays too.
    """
    return [
        Step(_OPPOSITES[step.action], step.resource)
        for step in reversed(done)
        if step.action in _OPPOSITES
    ]


def side_by_side(steps: Sequence[Step]) -> list[list[Step]]:
    """Return the steps in groups; those of one group need not wait for each other."""
    together = (Action.START, Action.STOP)
    groups: list[list[Step]] = []
    for step in steps:
        if groups and step.action is groups[-1][0].action and step.action in together:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


_VERBS = {
    Action.FETCH: "Fetch",
    Action.CREATE: "Create",
    Action.RECREATE: "Create anew",
    Action.START: "Start",
    Action.STOP: "Stop",
    Action.REMOVE: "Remove",
}


def describe(steps: Sequence[Step]) -> str:
    """Return one line about steps that have the same action."""
    parts = " and ".join(f"the {each.resource.kind} {each.resource.name}" for each in steps)
    return f"{_VERBS[steps[0].action]} {parts}"
