from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.visualization.plan import (
    Action,
    Resource,
    State,
    Step,
    plan_install,
    plan_remove,
    plan_start,
    plan_stop,
    undo,
)

NETWORK = Resource("network", "n")
SERVER = Resource("server", "a", runs=True)
PAGE = Resource("page", "b", runs=True)
ALL = (NETWORK, SERVER, PAGE)


def states(resource: Resource) -> st.SearchStrategy[State]:
    possible = list(State) if resource.runs else [State.ABSENT, State.STOPPED]
    return st.sampled_from(possible)


found = st.fixed_dictionaries({each: states(each) for each in ALL})
AFTER = {
    Action.CREATE: State.STOPPED,
    Action.START: State.RUNNING,
    Action.STOP: State.STOPPED,
    Action.REMOVE: State.ABSENT,
}


def apply(steps: list[Step], before: dict[Resource, State]) -> dict[Resource, State]:
    now = dict(before)
    for step in steps:
        now[step.resource] = AFTER[step.action]
    return now


@given(found)
def test_after_an_install_everything_is_there_and_runs(before):
    after = apply(plan_install(before), before)
    assert after == {
        NETWORK: State.STOPPED,
        SERVER: State.RUNNING,
        PAGE: State.RUNNING,
    }


@given(found)
def test_a_second_plan_has_nothing_left_to_do(before):
    assert plan_install(apply(plan_install(before), before)) == []
    assert plan_start(apply(plan_start(before), before)) == []
    assert plan_stop(apply(plan_stop(before), before)) == []
    assert plan_remove(apply(plan_remove(before), before)) == []


@given(found)
def test_after_a_remove_nothing_is_there(before):
    assert set(apply(plan_remove(before), before).values()) == {State.ABSENT}


@given(found, st.data())
def test_what_was_done_can_be_taken_back_from_any_step_on(before, data):
    steps = plan_install(before)
    done = steps[: data.draw(st.integers(0, len(steps)))]
    after = apply(undo(done), apply(done, before))
    assert after == before


def test_parts_are_made_in_order_and_removed_the_other_way_round():
    absent = dict.fromkeys(ALL, State.ABSENT)
    assert plan_install(absent) == [
        Step(Action.CREATE, NETWORK),
        Step(Action.CREATE, SERVER),
        Step(Action.CREATE, PAGE),
        Step(Action.START, SERVER),
        Step(Action.START, PAGE),
    ]
    running = {NETWORK: State.STOPPED, SERVER: State.RUNNING, PAGE: State.RUNNING}
    assert plan_remove(running) == [
        Step(Action.STOP, PAGE),
        Step(Action.STOP, SERVER),
        Step(Action.REMOVE, PAGE),
        Step(Action.REMOVE, SERVER),
        Step(Action.REMOVE, NETWORK),
    ]


@pytest.mark.parametrize("plan", [plan_start, plan_stop])
def test_what_only_stands_there_is_neither_started_nor_stopped(plan):
    assert plan({NETWORK: State.STOPPED}) == []
