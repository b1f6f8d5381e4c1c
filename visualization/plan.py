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
    "plan_install",
    "plan_remove",
    "plan_start",
    "plan_stop",
    "undo",
]


class State(Enum):
    """How a resource was found."""

    ABSENT = "absent"
    STOPPED = "stopped"
    RUNNING = "running"


class Action(Enum):
    """What an engine can do with a resource."""

    CREATE = "create"
    START = "start"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True)
class Resource:
    """A part of a stack.

    Attributes:
        kind: What it is: a folder, a server, a container.
        name: Which one.
        runs: Whether it is something that runs; else it is just there.
    """

    kind: str
    name: str
    runs: bool = False


@dataclass(frozen=True)
class Step:
    """One thing to do."""

    action: Action
    resource: Resource


Found = Mapping[Resource, State]
"""The state of each resource, in the order in which they need each other."""


def plan_install(found: Found) -> list[Step]:
    """Create what is absent, then start what does not run."""
    absent = [each for each, state in found.items() if state is State.ABSENT]
    return [Step(Action.CREATE, each) for each in absent] + plan_start(found)


def plan_start(found: Found) -> list[Step]:
    """Start what does not run."""
    return [
        Step(Action.START, each)
        for each, state in found.items()
        if each.runs and state is not State.RUNNING
    ]


def plan_stop(found: Found) -> list[Step]:
    """Stop what runs, the other way round."""
    return [
        Step(Action.STOP, each)
        for each, state in reversed(list(found.items()))
        if each.runs and state is State.RUNNING
    ]


def plan_remove(found: Found) -> list[Step]:
    """Stop what runs, then remove all that is there."""
    there = [each for each, state in found.items() if state is not State.ABSENT]
    return plan_stop(found) + [Step(Action.REMOVE, each) for each in reversed(there)]


_OPPOSITES = {Action.CREATE: Action.REMOVE, Action.START: Action.STOP}


def undo(done: Sequence[Step]) -> list[Step]:
    """Take back what has been done, the last first."""
    return [
        Step(_OPPOSITES[step.action], step.resource)
        for step in reversed(done)
        if step.action in _OPPOSITES
    ]
