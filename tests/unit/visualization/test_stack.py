"""The verbs with an engine that fails where it is told to; real ones are in integration."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import signal
from collections.abc import Iterator

import pytest

from multimeter.visualization import stack
from multimeter.visualization.config import (
    StackConfig,
    read_config,
    read_kept,
    write_config,
)
from multimeter.visualization.engines.base import Links, Request
from multimeter.visualization.errors import (
    AlreadyInstalledError,
    ForeignDataError,
    NotInstalledError,
    PortTakenError,
    VisualizationError,
)
from multimeter.visualization.plan import Action, Resource, State, Step

DATA = Resource("data", "d", holds_data=True)
SERVER = Resource("server", "s", runs=True)
RUN = {"identifier": "example", "start": 0, "end": 1}


class Engine:
    """Keeps its parts in memory, and fails at one step when it is told to."""

    def __init__(self, fail_at: object = None) -> None:
        self.parts = {DATA: State.ABSENT, SERVER: State.STOPPED}
        self.fail_at = fail_at
        self.applied: list[Step] = []
        self.stubborn = False
        self.interrupts = False

    def observe(self) -> dict[Resource, State]:
        return dict(self.parts)

    def obstacle(self, step: Step) -> str:
        return ""

    def apply(self, step: Step, report: object) -> None:
        self.applied.append(step)
        self.fail(step.action)
        if step.action is Action.REMOVE and self.interrupts:
            signal.raise_signal(signal.SIGINT)
        if step.action is Action.REMOVE and self.stubborn:
            raise VisualizationError("the engine is gone")
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

    data_needs_secrets = False

    def finish(self, config: StackConfig, report: object) -> tuple[StackConfig, object]:
        self.fail("finish")
        return dataclasses.replace(config, token="finished"), RUN

    def wait(self, report: object) -> None:
        self.waited += 1

    waited = 0

    def runs(self, config: StackConfig) -> list[object]:
        raise VisualizationError("it does not answer")

    def page_of(self, config: StackConfig, run: object) -> str:
        return "next page"

    def links(self, config: StackConfig, run: object) -> Links:
        self.fail("links")
        return Links("page", "login", "hint")

    def left(self) -> list[pathlib.Path]:
        return [pathlib.Path("thesis.tex")]

    def details(self) -> dict[str, object]:
        return {"pid": 7}


class Report:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.notes: list[str] = []

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.titles.append(title)
        yield

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def request_(tmp_path):
    config_file = tmp_path / ".multimeter" / "visu.config.json"
    return Request(config_file, None, "kantai", "multimeter", 1)


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    config = StackConfig("n", "embedded", "http://u", "o", "b", "t", "r", "http://p")
    monkeypatch.setattr(stack, "describe_stack", lambda *_: config)
    monkeypatch.setattr(stack, "engine_of", lambda *_: engine)
    return engine


def test_an_install_makes_every_part_and_keeps_what_it_gave(engine, request_):
    report = Report()
    installed = stack.install(request_, "auto", report)
    assert engine.parts == {DATA: State.STOPPED, SERVER: State.RUNNING}
    assert installed.links.page == "page"
    assert read_config(request_.config_file) == installed.config
    assert installed.config.token == "finished"
    assert report.titles[:2] == ["Create the data d", "Start the server s"]


@pytest.mark.parametrize("step", [Action.CREATE, Action.START, "finish", "links"])
@pytest.mark.parametrize(
    "error", [VisualizationError("no"), KeyboardInterrupt(), OSError()]
)
def test_a_failed_install_leaves_nothing(engine, request_, step, error):
    engine.fail_at, engine.error = step, error
    with pytest.raises(type(error)):
        stack.install(request_, "auto", Report())
    assert engine.parts == {DATA: State.ABSENT, SERVER: State.STOPPED}
    assert not request_.config_file.parent.exists()


def port_taken(port: int | None) -> PortTakenError:
    error = PortTakenError("taken")
    error.port = port
    return error


def test_a_port_that_is_taken_at_the_last_moment_is_passed_over(
    engine, request_, monkeypatch
):
    asked: list[Request] = []
    config = StackConfig("n", "embedded", "http://u", "o", "b", "t", "r", "http://p")

    def describe(_engine: str, request: Request, _report: object) -> StackConfig:
        asked.append(request)
        return config

    def fail(at: object) -> None:
        if at is Action.START and len(asked) < 3:
            raise port_taken(8085 + len(asked))

    monkeypatch.setattr(stack, "describe_stack", describe)
    monkeypatch.setattr(engine, "fail", fail)
    request = dataclasses.replace(request_, port=None)
    assert stack.install(request, "auto", Report()).config.token == "finished"
    assert [each.taken_ports for each in asked] == [set(), {8086}, {8086, 8087}]
    # What the tries before had made was taken back.
    removed = [step for step in engine.applied if step.action is Action.REMOVE]
    assert removed == [Step(Action.REMOVE, DATA)] * 2


@pytest.mark.parametrize("port", [1, None])
def test_a_port_that_was_asked_for_is_not_replaced(engine, request_, port):
    engine.fail_at, engine.error = Action.START, port_taken(port)
    with pytest.raises(PortTakenError):
        stack.install(request_, "auto", Report())
    assert not request_.config_file.parent.exists()


def test_an_install_does_not_try_ports_for_ever(engine, request_, monkeypatch):
    ports = iter(range(8086, 9000))

    def fail(at: object) -> None:
        if at is Action.START:
            raise port_taken(next(ports))

    monkeypatch.setattr(engine, "fail", fail)
    with pytest.raises(PortTakenError):
        stack.install(dataclasses.replace(request_, port=None), "auto", Report())
    assert next(ports) < 8100


def test_what_could_not_be_taken_back_is_said_and_the_configuration_knows_of_it(
    engine, request_
):
    engine.fail_at = "finish"
    engine.stubborn = True
    report = Report()
    with pytest.raises(VisualizationError, match="the step failed"):
        stack.install(request_, "auto", report)
    assert read_config(request_.config_file).installing
    assert "the data d" in report.notes[0]
    engine.fail_at, engine.stubborn = None, False
    stack.install(request_, "auto", report)
    assert not read_config(request_.config_file).installing


def test_an_impatient_interrupt_does_not_stop_the_rollback(engine, request_):
    engine.fail_at, engine.error = "finish", KeyboardInterrupt()
    engine.interrupts = True
    with pytest.raises(KeyboardInterrupt):
        stack.install(request_, "auto", Report())
    assert engine.parts == {DATA: State.ABSENT, SERVER: State.STOPPED}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_secrets_of_data_that_was_there_before_are_kept_when_the_end_fails(
    engine, request_
):
    engine.parts[DATA] = State.STOPPED
    engine.data_needs_secrets = True
    engine.fail_at = "finish"
    with pytest.raises(VisualizationError):
        stack.install(request_, "auto", Report())
    kept = read_kept(request_.config_file)
    assert kept is not None
    assert kept.token == "t"
    assert not request_.config_file.exists()
    engine.fail_at = None
    stack.install(request_, "auto", Report())
    assert read_kept(request_.config_file) is None


def test_secrets_are_not_kept_where_the_data_never_saw_them(engine, request_):
    engine.parts[DATA] = State.STOPPED
    engine.data_needs_secrets = True
    engine.fail_at = Action.START
    with pytest.raises(VisualizationError):
        stack.install(request_, "auto", Report())
    assert not request_.config_file.parent.exists()


def test_secrets_that_did_not_open_the_data_are_not_kept(engine, request_):
    engine.parts[DATA] = State.STOPPED
    engine.data_needs_secrets = True
    engine.fail_at, engine.error = "finish", ForeignDataError("not ours")
    with pytest.raises(ForeignDataError):
        stack.install(request_, "auto", Report())
    assert not request_.config_file.parent.exists()


def test_a_failed_install_leaves_what_was_there_before(engine, request_):
    engine.parts[DATA] = State.STOPPED
    engine.fail_at = "finish"
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


def test_a_start_waits_until_all_of_it_answers(engine, request_):
    stack.install(request_, "auto", Report())
    stack.start(request_.config_file, Report())
    assert engine.waited == 1


def test_a_start_says_when_the_data_is_gone(engine, request_):
    stack.install(request_, "auto", Report())
    engine.parts = {DATA: State.ABSENT, SERVER: State.STOPPED}
    with pytest.raises(VisualizationError, match="The data d is gone") as caught:
        stack.start(request_.config_file, Report())
    assert "multimeter-visu remove" in caught.value.next_step
    assert engine.parts == {DATA: State.ABSENT, SERVER: State.STOPPED}


def test_the_plan_of_an_install_does_nothing(engine, request_):
    steps = stack.plan(request_, "auto", Report())
    assert steps == [Step(Action.CREATE, DATA), Step(Action.START, SERVER)]
    assert engine.applied == []
    assert not request_.config_file.parent.exists()


def test_the_plan_for_an_installed_stack_is_what_is_missing(engine, request_):
    stack.install(request_, "auto", Report())
    assert stack.plan(request_, "auto", Report()) == []
    engine.parts[SERVER] = State.STOPPED
    assert stack.plan(request_, "auto", Report()) == [Step(Action.START, SERVER)]


def test_a_remove_that_keeps_the_data_keeps_what_opens_it(engine, request_):
    stack.install(request_, "auto", Report())
    engine.data_needs_secrets = True
    stack.remove(request_.config_file, Report(), keep_data=True)
    assert engine.parts == {DATA: State.STOPPED, SERVER: State.ABSENT}
    assert read_kept(request_.config_file).token == "finished"
    assert not request_.config_file.exists()


def test_a_remove_that_keeps_data_that_opens_by_itself_keeps_no_secrets(engine, request_):
    stack.install(request_, "auto", Report())
    assert stack.remove(request_.config_file, Report(), keep_data=True) == []
    assert engine.parts[DATA] is State.STOPPED
    assert not request_.config_file.parent.exists()


def test_a_remove_leaves_nothing(engine, request_):
    stack.install(request_, "auto", Report())
    left = stack.remove(request_.config_file, Report())
    assert left == [pathlib.Path("thesis.tex")]
    assert set(engine.parts.values()) == {State.ABSENT}
    assert not request_.config_file.parent.exists()


@pytest.mark.parametrize("fails", [True, False])
def test_folders_that_were_made_around_a_configuration_go_with_it(
    engine, request_, tmp_path, fails
):
    there = tmp_path / "lab"
    there.mkdir()
    request_ = dataclasses.replace(request_, config_file=there / "a" / "b" / "c.json")
    if fails:
        engine.fail_at = Action.START
        with pytest.raises(VisualizationError):
            stack.install(request_, "auto", Report())
    else:
        stack.install(request_, "auto", Report())
        stack.remove(request_.config_file, Report())
    assert list(there.iterdir()) == []


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
