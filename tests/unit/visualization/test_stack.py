"""The verbs with an engine that fails where it is told to; real ones are in integration."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import pytest

from multimeter.visualization import stack
from multimeter.visualization.config import StackConfig, read_config, write_config
from multimeter.visualization.engines.base import Links, Request
from multimeter.visualization.errors import (
    AlreadyInstalledError,
    NotInstalledError,
    VisualizationError,
)
from multimeter.visualization.plan import Action, Resource, State, Step

DATA = Resource("data", "d")
SERVER = Resource("server", "s", runs=True)
RUN = {"identifier": "example", "start": 0, "end": 1}


class Engine:
    """Keeps its parts in memory, and fails at one step when it is told to."""

    def __init__(self, fail_at: object = None) -> None:
        self.parts = {DATA: State.ABSENT, SERVER: State.STOPPED}
        self.fail_at = fail_at
        self.applied: list[Step] = []

    def observe(self) -> dict[Resource, State]:
        return dict(self.parts)

    def apply(self, step: Step) -> None:
        self.applied.append(step)
        self.fail(step.action)
        self.parts[step.resource] = {
            Action.CREATE: State.STOPPED,
            Action.START: State.RUNNING,
            Action.STOP: State.STOPPED,
            Action.REMOVE: State.ABSENT,
        }[step.action]

    def fail(self, at: object) -> None:
        if at == self.fail_at:
            raise self.error

    error: BaseException = VisualizationError("the step failed")

    def finish(self, config: StackConfig) -> StackConfig:
        self.fail("finish")
        return dataclasses.replace(config, token="finished")

    def links(self, config: StackConfig, run: object) -> Links:
        self.fail("links")
        return Links("page", "login", "hint")

    def details(self) -> dict[str, object]:
        return {"pid": 7}


class Report:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.titles.append(title)
        yield


@pytest.fixture
def request_(tmp_path):
    return Request(
        tmp_path / ".multimeter" / "visu.config.json", None, "kantai", "multimeter", 1
    )


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    config = StackConfig("n", "embedded", "http://u", "o", "b", "t", "r", "http://p")
    monkeypatch.setattr(stack, "describe_stack", lambda *_: config)
    monkeypatch.setattr(stack, "engine_of", lambda *_: engine)
    monkeypatch.setattr(stack, "_load_example", lambda *_: engine.fail("load") or RUN)
    return engine


def test_an_install_makes_every_part_and_keeps_what_it_gave(engine, request_):
    report = Report()
    installed = stack.install(request_, "auto", report)
    assert engine.parts == {DATA: State.STOPPED, SERVER: State.RUNNING}
    assert installed.links.page == "page"
    assert read_config(request_.config_file) == installed.config
    assert installed.config.token == "finished"
    assert report.titles[:2] == ["Create the data d", "Start the server s"]


@pytest.mark.parametrize("step", [Action.CREATE, Action.START, "finish", "load", "links"])
@pytest.mark.parametrize(
    "error", [VisualizationError("no"), KeyboardInterrupt(), OSError()]
)
def test_a_failed_install_leaves_nothing(engine, request_, step, error):
    engine.fail_at, engine.error = step, error
    with pytest.raises(type(error)):
        stack.install(request_, "auto", Report())
    assert engine.parts == {DATA: State.ABSENT, SERVER: State.STOPPED}
    assert not request_.config_file.parent.exists()


def test_a_failed_install_leaves_what_was_there_before(engine, request_):
    engine.parts[DATA] = State.STOPPED
    engine.fail_at = "load"
    with pytest.raises(VisualizationError):
        stack.install(request_, "auto", Report())
    assert engine.parts == {DATA: State.STOPPED, SERVER: State.STOPPED}


def test_a_second_install_is_refused_and_changes_nothing(engine, request_):
    stack.install(request_, "auto", Report())
    before = request_.config_file.read_bytes()
    engine.applied.clear()
    with pytest.raises(AlreadyInstalledError) as caught:
        stack.install(request_, "auto", Report())
    assert caught.value.exit_code == 254
    assert engine.applied == []
    assert request_.config_file.read_bytes() == before


def test_what_an_interrupted_install_has_left_is_taken_back_first(engine, request_):
    engine.parts = {DATA: State.STOPPED, SERVER: State.RUNNING}
    config = StackConfig(
        "n",
        "embedded",
        "http://u",
        "o",
        "b",
        "t",
        "r",
        "http://p",
        {"made": ["data"]},
        True,
    )
    write_config(request_.config_file, config)
    stack.install(request_, "auto", Report())
    assert [step.action for step in engine.applied] == [
        Action.STOP,
        Action.REMOVE,
        Action.CREATE,
        Action.START,
    ]


def test_data_that_an_interrupted_install_has_found_stays(engine, request_):
    engine.parts = {DATA: State.STOPPED, SERVER: State.STOPPED}
    config = StackConfig(
        "n", "embedded", "http://u", "o", "b", "t", "r", "http://p", {"made": []}, True
    )
    write_config(request_.config_file, config)
    stack.install(request_, "auto", Report())
    assert [step.action for step in engine.applied] == [Action.START]


def test_stop_and_start_do_only_what_is_needed(engine, request_):
    stack.install(request_, "auto", Report())
    assert stack.start(request_.config_file, Report()) == []
    assert stack.stop(request_.config_file, Report()) == [Step(Action.STOP, SERVER)]
    assert stack.stop(request_.config_file, Report()) == []
    assert stack.start(request_.config_file, Report()) == [Step(Action.START, SERVER)]


def test_a_remove_leaves_nothing(engine, request_):
    stack.install(request_, "auto", Report())
    stack.remove(request_.config_file, Report())
    assert set(engine.parts.values()) == {State.ABSENT}
    assert not request_.config_file.parent.exists()


def test_a_remove_that_fails_keeps_the_configuration(engine, request_):
    stack.install(request_, "auto", Report())
    engine.fail_at = Action.REMOVE
    with pytest.raises(VisualizationError):
        stack.remove(request_.config_file, Report())
    assert request_.config_file.exists()


@pytest.mark.parametrize("verb", [stack.start, stack.stop, stack.remove])
def test_without_a_stack_every_verb_says_so(engine, request_, verb):
    with pytest.raises(NotInstalledError):
        verb(request_.config_file, Report())
    assert not request_.config_file.parent.exists()


def test_the_status_of_a_stack_that_does_not_answer_has_no_runs(engine, request_):
    stack.install(request_, "auto", Report())
    found = stack.status(request_.config_file)
    assert (found.state, found.runs) == ("not answering", None)
    assert found.details == {"pid": 7}
