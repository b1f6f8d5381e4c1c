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
    "Found",
    "Lane",
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
    """How a resource was found."""

    ABSENT = "absent"
    STOPPED = "stopped"
    RUNNING = "running"
    OUTDATED = "outdated"
    """It runs, but is not configured as it should be."""
    OUTDATED_STOPPED = "outdated and stopped"


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

_OUTDATED = (State.OUTDATED, State.OUTDATED_STOPPED)


def state_of(resource: Resource, *, running: bool, configuration: str = "") -> State:
    """Return the state of a resource that is there.

    Args:
        resource: How it should be.
        running: Whether it was found running.
        configuration: The hash of the configuration that it was found with.
    """
    if resource.configuration != configuration:
        return State.OUTDATED if running else State.OUTDATED_STOPPED
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
    actions = {State.ABSENT: Action.CREATE, **dict.fromkeys(_OUTDATED, Action.RECREATE)}
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


def outdated(found: Found) -> list[Resource]:
    """Return what the next start creates anew."""
    return [each for each, state in found.items() if state in _OUTDATED]


def lost_data(found: Found) -> list[Resource]:
    """Return what should hold data, and is not there any more."""
    return [
        each for each, state in found.items() if each.holds_data and state is State.ABSENT
    ]


_OPPOSITES = {Action.CREATE: Action.REMOVE, Action.START: Action.STOP}


def undo(done: Sequence[Step]) -> list[Step]:
    """Take back what has been done, the last first.

    What was fetched stays, as others may use it by now; what was created anew stays too.
    What was created goes as it is: there is nothing in it to end in good order for.
    """
    created = {step.resource for step in done if step.action is Action.CREATE}
    return [
        Step(_OPPOSITES[step.action], step.resource)
        for step in reversed(done)
        if step.action in _OPPOSITES
        and not (step.action is Action.START and step.resource in created)
    ]


Lane = list[Step]
"""Steps that go one after the other."""


def side_by_side(steps: Sequence[Step]) -> list[list[Lane]]:
    """Return the steps in groups of lanes; the lanes of one group go side by side.

    What runs needs what does not, but nothing of its own kind: what is created and
    started, or stopped and removed, is a lane. What is fetched goes one by one, so that
    a person can see how far it is.
    """
    groups: list[list[Lane]] = []
    before: Step | None = None
    for step in steps:
        if before is None or not _go_together(before, step):
            groups.append([])
        lanes = {lane[0].resource: lane for lane in groups[-1]}
        if step.resource in lanes:
            lanes[step.resource].append(step)
        else:
            groups[-1].append([step])
        before = step
    return groups


def _go_together(before: Step, step: Step) -> bool:
    if before.resource.runs or step.resource.runs:
        return before.resource.runs and step.resource.runs
    return step.action is before.action is not Action.FETCH


_VERBS = {
    Action.FETCH: "fetch",
    Action.CREATE: "create",
    Action.RECREATE: "create anew",
    Action.START: "start",
    Action.STOP: "stop",
    Action.REMOVE: "remove",
}


def describe(steps: Sequence[Step]) -> str:
    """Return one line about some steps."""
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
