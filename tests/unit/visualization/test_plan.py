from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.visualization.plan import (
    Action,
    Resource,
    State,
    Step,
    describe,
    lost_data,
    plan_install,
    plan_remove,
    plan_start,
    plan_stop,
    side_by_side,
    state_of,
    undo,
)

IMAGE = Resource("image", "i", shared=True)
NETWORK = Resource("network", "n")
STORE = Resource("store", "s", holds_data=True)
SERVER = Resource("server", "a", runs=True)
PAGE = Resource("page", "b", runs=True)
ALL = (IMAGE, NETWORK, STORE, SERVER, PAGE)
INSTALLED = {
    IMAGE: State.STOPPED,
    NETWORK: State.STOPPED,
    STORE: State.STOPPED,
    SERVER: State.RUNNING,
    PAGE: State.RUNNING,
}


def states(resource: Resource) -> st.SearchStrategy[State]:
    possible = list(State) if resource.runs else [State.ABSENT, State.STOPPED]
    return st.sampled_from(possible)


found = st.fixed_dictionaries({each: states(each) for each in ALL})
AFTER = {
    Action.FETCH: State.STOPPED,
    Action.CREATE: State.STOPPED,
    Action.RECREATE: State.STOPPED,
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
    # What is made already needs no image any more.
    after[IMAGE] = State.STOPPED
    assert after == INSTALLED


@given(found)
def test_a_second_plan_has_nothing_left_to_do(before):
    for plan in (plan_install, plan_start, plan_stop, plan_remove):
        assert plan(apply(plan(before), before)) == []


@given(found)
def test_after_a_remove_nothing_is_there_but_what_others_use_too(before):
    after = apply(plan_remove(before), before)
    assert after.pop(IMAGE) is before[IMAGE]
    assert set(after.values()) == {State.ABSENT}


@given(found)
def test_a_remove_that_keeps_the_data_leaves_the_data_alone(before):
    after = apply(plan_remove(before, keep_data=True), before)
    assert after[STORE] is before[STORE]
    assert {after[each] for each in (NETWORK, SERVER, PAGE)} == {State.ABSENT}


@given(found, st.data())
def test_what_was_done_can_be_taken_back_from_any_step_on(before, data):
    outdated = (State.OUTDATED, State.OUTDATED_STOPPED)
    before = {k: State.STOPPED if v in outdated else v for k, v in before.items()}
    steps = plan_install(before)
    done = steps[: data.draw(st.integers(0, len(steps)))]
    after = apply(undo(done), apply(done, before))
    # An image that was fetched stays: others may use it by now.
    assert {**after, IMAGE: None} == {**before, IMAGE: None}


def test_what_was_created_is_taken_back_without_waiting_for_its_end():
    absent = dict.fromkeys((SERVER, PAGE), State.ABSENT)
    done = plan_install({**absent, PAGE: State.STOPPED})
    assert undo(done) == [Step(Action.STOP, PAGE), Step(Action.REMOVE, SERVER)]


@given(found)
def test_a_start_never_makes_new_data_in_the_place_of_old(before):
    touched = [s.resource for s in plan_start(before) if s.action is not Action.START]
    assert STORE not in touched
    assert lost_data(before) == ([STORE] if before[STORE] is State.ABSENT else [])


@given(found)
def test_nothing_is_started_before_all_of_it_is_there(before):
    rank = {Action.FETCH: 0, Action.CREATE: 1, Action.RECREATE: 1, Action.START: 2}
    ranks = [rank[step.action] for step in plan_install(before)]
    assert ranks == sorted(ranks)


def test_parts_are_made_in_order_and_removed_the_other_way_round():
    absent = dict.fromkeys(ALL, State.ABSENT)
    assert plan_install(absent) == [
        Step(Action.FETCH, IMAGE),
        Step(Action.CREATE, NETWORK),
        Step(Action.CREATE, STORE),
        Step(Action.CREATE, SERVER),
        Step(Action.CREATE, PAGE),
        Step(Action.START, SERVER),
        Step(Action.START, PAGE),
    ]
    assert plan_remove(INSTALLED) == [
        Step(Action.STOP, PAGE),
        Step(Action.STOP, SERVER),
        Step(Action.REMOVE, PAGE),
        Step(Action.REMOVE, SERVER),
        Step(Action.REMOVE, STORE),
        Step(Action.REMOVE, NETWORK),
    ]


def test_what_is_configured_another_way_is_made_anew_and_started():
    outdated = {**INSTALLED, PAGE: State.OUTDATED}
    assert plan_start(outdated) == [Step(Action.RECREATE, PAGE), Step(Action.START, PAGE)]


def test_an_image_is_fetched_only_where_something_is_made_of_it():
    assert plan_start({**INSTALLED, IMAGE: State.ABSENT, PAGE: State.STOPPED}) == [
        Step(Action.START, PAGE)
    ]


@pytest.mark.parametrize(
    ("wanted", "has", "running", "state"),
    [
        ("", "", True, State.RUNNING),
        ("a", "a", True, State.RUNNING),
        ("a", "a", False, State.STOPPED),
        ("a", "b", True, State.OUTDATED),
        ("a", "", False, State.OUTDATED_STOPPED),
    ],
)
def test_a_resource_is_outdated_when_its_configuration_is_another_one(
    wanted, has, running, state
):
    resource = Resource("server", "a", runs=True, configuration=wanted)
    assert state_of(resource, running=running, configuration=has) is state


@pytest.mark.parametrize("plan", [plan_start, plan_stop])
def test_what_only_stands_there_is_neither_started_nor_stopped(plan):
    assert plan({NETWORK: State.STOPPED}) == []


def lanes_of(steps: list[Step]) -> list[list[list[str]]]:
    return [
        [[f"{step.action.value} {step.resource.kind}" for step in lane] for lane in lanes]
        for lanes in side_by_side(steps)
    ]


def test_what_does_not_need_each_other_goes_side_by_side():
    assert lanes_of(plan_install(dict.fromkeys(ALL, State.ABSENT))) == [
        [["fetch image"]],
        [["create network"], ["create store"]],
        [["create server", "start server"], ["create page", "start page"]],
    ]
    assert lanes_of(plan_remove(INSTALLED)) == [
        [["stop page", "remove page"], ["stop server", "remove server"]],
        [["remove store"], ["remove network"]],
    ]


@given(found)
def test_no_step_is_forgotten_and_none_overtakes_what_it_needs(before):
    for steps in (plan_install(before), plan_remove(before)):
        groups = side_by_side(steps)
        flat = [step for lanes in groups for lane in lanes for step in lane]
        assert sorted(map(steps.index, flat)) == list(range(len(steps)))
        for each in ALL:
            assert [s for s in flat if s.resource == each] == [
                s for s in steps if s.resource == each
            ]
        numbers = {s: i for i, lanes in enumerate(groups) for lane in lanes for s in lane}
        order = [numbers[step] for step in steps]
        assert order == sorted(order)


def test_images_are_fetched_one_by_one():
    other = Resource("other image", "j", shared=True)
    steps = [Step(Action.FETCH, IMAGE), Step(Action.FETCH, other)]
    assert side_by_side(steps) == [[[steps[0]]], [[steps[1]]]]


def test_steps_are_described_in_words():
    assert describe([Step(Action.FETCH, IMAGE)]) == "Fetch the image i"
    assert describe([Step(Action.RECREATE, PAGE)]) == "Recreate the page b"
    both = [Step(Action.START, SERVER), Step(Action.START, PAGE)]
    assert describe(both) == "Start the server a and the page b"
    three = [Step(Action.CREATE, each) for each in (NETWORK, STORE, SERVER)]
    assert describe(three) == "Create the network n, the store s and the server a"


def test_what_is_done_to_the_same_parts_is_said_once():
    steps = [Step(a, r) for a in (Action.CREATE, Action.START) for r in (SERVER, PAGE)]
    assert describe(steps) == "Create and start the server a and the page b"
    assert describe([steps[0], *steps[2:]]) == (
        "Create the server a, start the server a and the page b"
    )
