"""The stack on an engine that fails at a chosen step; real ones are in integration."""

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
from multimeter.visualization.engines.base import Links
from multimeter.visualization.engines.factory import installed_engine
from multimeter.visualization.errors import (
    AlreadyInstalledError,
    ForeignDataError,
    NotInstalledError,
    PortTakenError,
    VisualizationError,
)
from multimeter.visualization.plan import Action, Resource, State, Step
from multimeter.visualization.stack_spec import StackSpec

DATA = Resource("data", "d", holds_data=True)
SERVER = Resource("server", "s", runs=True)
RUN = {"identifier": "example", "start": 0, "end": 1}


class Engine:
    """Keeps its resources in memory, and fails at a chosen step."""

    config_file: pathlib.Path
    config: StackConfig

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

    def finish(self, report: object) -> object:
        self.fail("finish")
        self.config = dataclasses.replace(self.config, token="finished")
        return RUN

    def wait(self, report: object) -> None:
        self.waited += 1

    waited = 0

    def runs(self) -> list[object]:
        raise VisualizationError("it does not answer")

    def links(self, run: object) -> Links:
        self.fail("links")
        return Links("page", "login", "hint")

    def left(self) -> list[pathlib.Path]:
        return [pathlib.Path("thesis.tex")]

    def details(self) -> dict[str, object]:
        return {"pid": 7}


class Report:
    """Keeps the titles and the notes."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.notes: list[str] = []

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.titles.append(title)
        yield

    def note(self, text: str) -> None:
        self.notes.append(text)


CONFIG = StackConfig("n", "embedded", "http://u", "o", "b", "t", "r", "http://p")
SPEC = StackSpec(port=1)


@pytest.fixture
def config_file(tmp_path):
    return tmp_path / ".multimeter" / "visu.config.json"


@pytest.fixture
def engine(monkeypatch, config_file):
    engine = Engine()
    engine.config_file, engine.config = config_file, CONFIG

    def engine_of(path: pathlib.Path, config: StackConfig) -> Engine:
        engine.config_file, engine.config = path, config
        return engine

    monkeypatch.setattr(stack, "describe_stack", lambda *_: CONFIG)
    monkeypatch.setattr(stack, "engine_of", engine_of)
    return engine


def test_an_install_makes_every_part_and_keeps_what_it_gave(engine, config_file):
    report = Report()
    installed = stack.install(config_file, SPEC, report)
    assert engine.parts == {DATA: State.STOPPED, SERVER: State.RUNNING}
    assert installed.links.page == "page"
    assert read_config(config_file) == installed.config
    assert installed.config.token == "finished"
    assert report.titles[:2] == ["Create the data d", "Start the server s"]


@pytest.mark.parametrize("step", [Action.CREATE, Action.START, "finish", "links"])
@pytest.mark.parametrize(
    "error", [VisualizationError("no"), KeyboardInterrupt(), OSError()]
)
def test_a_failed_install_leaves_nothing(engine, config_file, step, error):
    engine.fail_at, engine.error = step, error
    with pytest.raises(type(error)):
        stack.install(config_file, SPEC, Report())
    assert engine.parts == {DATA: State.ABSENT, SERVER: State.STOPPED}
    assert not config_file.parent.exists()


def port_taken(port: int | None) -> PortTakenError:
    error = PortTakenError("taken")
    error.port = port
    return error


def test_a_port_that_is_taken_at_the_last_moment_is_passed_over(
    engine, config_file, monkeypatch
):
    asked: list[set[int]] = []

    def describe(_path: object, _spec: object, reserved: object, _report: object) -> object:
        asked.append(set(reserved))
        return CONFIG

    def fail(at: object) -> None:
        if at is Action.START and len(asked) < 3:
            raise port_taken(8085 + len(asked))

    monkeypatch.setattr(stack, "describe_stack", describe)
    monkeypatch.setattr(
        stack, "reserved_ports", lambda _path, taken=(): dict.fromkeys(taken)
    )
    monkeypatch.setattr(engine, "fail", fail)
    assert stack.install(config_file, StackSpec(), Report()).config.token == "finished"
    assert asked == [set(), {8086}, {8086, 8087}]
    # What the tries before had made was taken back.
    removed = [step for step in engine.applied if step.action is Action.REMOVE]
    assert removed == [Step(Action.REMOVE, DATA)] * 2


@pytest.mark.parametrize("port", [1, None])
def test_a_port_that_was_asked_for_is_not_replaced(engine, config_file, port):
    engine.fail_at, engine.error = Action.START, port_taken(port)
    with pytest.raises(PortTakenError):
        stack.install(config_file, SPEC, Report())
    assert not config_file.parent.exists()


def test_an_install_does_not_try_ports_for_ever(engine, config_file, monkeypatch):
    ports = iter(range(8086, 9000))

    def fail(at: object) -> None:
        if at is Action.START:
            raise port_taken(next(ports))

    monkeypatch.setattr(engine, "fail", fail)
    with pytest.raises(PortTakenError):
        stack.install(config_file, StackSpec(), Report())
    assert next(ports) < 8100


def test_what_could_not_be_taken_back_is_said_and_the_configuration_knows_of_it(
    engine, config_file
):
    engine.fail_at = "finish"
    engine.stubborn = True
    report = Report()
    with pytest.raises(VisualizationError, match="the step failed"):
        stack.install(config_file, SPEC, report)
    assert read_config(config_file).installing
    assert "the data d" in report.notes[0]
    engine.fail_at, engine.stubborn = None, False
    stack.install(config_file, SPEC, report)
    assert not read_config(config_file).installing


def test_an_impatient_interrupt_does_not_stop_the_rollback(engine, config_file):
    engine.fail_at, engine.error = "finish", KeyboardInterrupt()
    engine.interrupts = True
    with pytest.raises(KeyboardInterrupt):
        stack.install(config_file, SPEC, Report())
    assert engine.parts == {DATA: State.ABSENT, SERVER: State.STOPPED}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_secrets_of_data_that_was_there_before_are_kept_when_the_end_fails(
    engine, config_file
):
    engine.parts[DATA] = State.STOPPED
    engine.data_needs_secrets = True
    engine.fail_at = "finish"
    with pytest.raises(VisualizationError):
        stack.install(config_file, SPEC, Report())
    kept = read_kept(config_file)
    assert kept is not None
    assert kept.token == "t"
    assert not config_file.exists()
    engine.fail_at = None
    stack.install(config_file, SPEC, Report())
    assert read_kept(config_file) is None


def test_secrets_are_not_kept_where_the_data_never_saw_them(engine, config_file):
    engine.parts[DATA] = State.STOPPED
    engine.data_needs_secrets = True
    engine.fail_at = Action.START
    with pytest.raises(VisualizationError):
        stack.install(config_file, SPEC, Report())
    assert not config_file.parent.exists()


def test_secrets_that_did_not_open_the_data_are_not_kept(engine, config_file):
    engine.parts[DATA] = State.STOPPED
    engine.data_needs_secrets = True
    engine.fail_at, engine.error = "finish", ForeignDataError("not ours")
    with pytest.raises(ForeignDataError):
        stack.install(config_file, SPEC, Report())
    assert not config_file.parent.exists()


def test_a_failed_install_leaves_what_was_there_before(engine, config_file):
    engine.parts[DATA] = State.STOPPED
    engine.fail_at = "finish"
    with pytest.raises(VisualizationError):
        stack.install(config_file, SPEC, Report())
    assert engine.parts == {DATA: State.STOPPED, SERVER: State.STOPPED}


def test_a_second_install_is_refused_and_changes_nothing(engine, config_file):
    stack.install(config_file, SPEC, Report())
    before = config_file.read_bytes()
    engine.applied.clear()
    with pytest.raises(AlreadyInstalledError) as caught:
        stack.install(config_file, SPEC, Report())
    assert caught.value.exit_code == 254
    assert engine.applied == []
    assert config_file.read_bytes() == before


def test_what_an_interrupted_install_has_left_is_taken_back_first(engine, config_file):
    engine.parts = {DATA: State.STOPPED, SERVER: State.RUNNING}
    config = dataclasses.replace(CONFIG, engine_state={"made": ["data"]}, installing=True)
    write_config(config_file, config)
    stack.install(config_file, SPEC, Report())
    assert [step.action for step in engine.applied] == [
        Action.STOP,
        Action.REMOVE,
        Action.CREATE,
        Action.START,
    ]


def test_data_that_an_interrupted_install_has_found_stays(engine, config_file):
    engine.parts = {DATA: State.STOPPED, SERVER: State.STOPPED}
    config = dataclasses.replace(CONFIG, engine_state={"made": []}, installing=True)
    write_config(config_file, config)
    stack.install(config_file, SPEC, Report())
    assert [step.action for step in engine.applied] == [Action.START]


def test_stop_and_start_do_only_what_is_needed(engine, config_file):
    stack.install(config_file, SPEC, Report())
    assert stack.start(engine, Report()) == []
    assert stack.stop(engine, Report()) == [Step(Action.STOP, SERVER)]
    assert stack.stop(engine, Report()) == []
    assert stack.start(engine, Report()) == [Step(Action.START, SERVER)]


def test_a_start_waits_until_all_of_it_answers(engine, config_file):
    stack.install(config_file, SPEC, Report())
    stack.start(engine, Report())
    assert engine.waited == 1


def test_a_start_says_when_the_data_is_gone(engine, config_file):
    stack.install(config_file, SPEC, Report())
    engine.parts = {DATA: State.ABSENT, SERVER: State.STOPPED}
    with pytest.raises(VisualizationError, match="The data d was removed") as caught:
        stack.start(engine, Report())
    assert "multimeter-visu remove" in caught.value.next_step
    assert engine.parts == {DATA: State.ABSENT, SERVER: State.STOPPED}


def test_the_plan_of_an_install_does_nothing(engine, config_file):
    steps = stack.plan(config_file, SPEC, Report())
    assert steps == [Step(Action.CREATE, DATA), Step(Action.START, SERVER)]
    assert engine.applied == []
    assert not config_file.parent.exists()


def test_the_plan_for_an_installed_stack_is_what_is_missing(engine, config_file):
    stack.install(config_file, SPEC, Report())
    assert stack.plan(config_file, SPEC, Report()) == []
    engine.parts[SERVER] = State.STOPPED
    assert stack.plan(config_file, SPEC, Report()) == [Step(Action.START, SERVER)]


def test_a_remove_that_keeps_the_data_keeps_what_opens_it(engine, config_file):
    stack.install(config_file, SPEC, Report())
    engine.data_needs_secrets = True
    stack.remove(engine, Report(), keep_data=True)
    assert engine.parts == {DATA: State.STOPPED, SERVER: State.ABSENT}
    assert read_kept(config_file).token == "finished"
    assert not config_file.exists()


def test_a_remove_that_keeps_data_that_opens_by_itself_keeps_no_secrets(
    engine, config_file
):
    stack.install(config_file, SPEC, Report())
    assert stack.remove(engine, Report(), keep_data=True) == []
    assert engine.parts[DATA] is State.STOPPED
    assert not config_file.parent.exists()


def test_a_remove_leaves_nothing(engine, config_file):
    stack.install(config_file, SPEC, Report())
    left = stack.remove(engine, Report())
    assert left == [pathlib.Path("thesis.tex")]
    assert set(engine.parts.values()) == {State.ABSENT}
    assert not config_file.parent.exists()


@pytest.mark.parametrize("fails", [True, False])
def test_folders_that_were_made_around_a_configuration_go_with_it(engine, tmp_path, fails):
    there = tmp_path / "lab"
    there.mkdir()
    config_file = there / "a" / "b" / "c.json"
    if fails:
        engine.fail_at = Action.START
        with pytest.raises(VisualizationError):
            stack.install(config_file, SPEC, Report())
    else:
        stack.install(config_file, SPEC, Report())
        stack.remove(engine, Report())
    assert list(there.iterdir()) == []


def test_a_remove_that_fails_keeps_the_configuration(engine, config_file):
    stack.install(config_file, SPEC, Report())
    engine.fail_at = Action.REMOVE
    with pytest.raises(VisualizationError):
        stack.remove(engine, Report())
    assert config_file.exists()


def test_without_a_stack_there_is_no_engine(config_file):
    with pytest.raises(NotInstalledError):
        installed_engine(config_file)
    assert not config_file.parent.exists()


def test_the_status_of_a_stack_that_does_not_answer_has_no_runs(engine, config_file):
    stack.install(config_file, SPEC, Report())
    found = stack.status(engine)
    assert (found.state, found.runs) == ("not answering", None)
    assert found.details == {"pid": 7}
