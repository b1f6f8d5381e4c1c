from __future__ import annotations

import threading

import pytest

from multimeter.visualization.engines.docker.failures import (
    image_error,
    no_engine_error,
    reason_of,
    refusal,
    stopped_answering_error,
    with_deadline,
)
from multimeter.visualization.errors import (
    EngineGoneError,
    PortTakenError,
    VisualizationError,
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory"), "no such socket"),
        (PermissionError(13, "Permission denied"), "no permission"),
        (ConnectionRefusedError(111, "Connection refused"), "nothing listens there"),
        (TimeoutError("timed out"), "no answer within 5 s"),
        (RuntimeError("API versions below 1.24 are no longer supported"), "API versions"),
    ],
)
def test_why_an_engine_cannot_be_used_is_said_in_a_few_words(error, said):
    assert said in reason_of(error, 5)


@pytest.mark.parametrize(
    "said",
    [
        "driver failed: Bind for 127.0.0.1:3000 failed: port is already allocated",
        "listen tcp4 127.0.0.1:3000: bind: address already in use",
        "Ports are not available: exposing port TCP 127.0.0.1:3000",
    ],
)
def test_a_taken_port_is_told_apart_from_other_trouble(said):
    error = refusal("start the container x", said, 500)
    assert isinstance(error, PortTakenError)
    assert "--grafana-port" in error.next_step
    other = refusal("start the container x", "no space left on device", 500)
    assert not isinstance(other, PortTakenError)


def test_a_conflict_is_of_something_that_is_not_ours():
    assert "is not ours" in refusal("create it", "name in use", 409).cause
    assert refusal("create it", "oh", 500).cause == ""


def test_what_cannot_be_had_is_told_with_the_way_around():
    step = image_error("a/b:1", "no route to host").next_step
    assert "docker pull a/b:1 && docker save -o image.tar a/b:1" in step
    assert "docker load -i image.tar" in step


def test_every_place_that_was_tried_is_named():
    error = no_engine_error(["a (unix:///a): no", "b (unix:///b): no"])
    assert error.exit_code == 255
    assert "  a (unix:///a): no\n  b (unix:///b): no" in error.what
    assert "--engine embedded" in error.next_step


def test_an_engine_that_went_away_is_an_error_of_its_own():
    error = stopped_answering_error("unix:///a", "create it")
    assert isinstance(error, EngineGoneError)
    assert error.exit_code == 252


def test_with_a_deadline_everything_still_comes_in_order():
    assert list(with_deadline(iter(range(100)), 5)) == list(range(100))


def test_with_a_deadline_errors_still_come():
    def fail():
        yield 1
        raise VisualizationError("oh")

    source = with_deadline(fail(), 5)
    assert next(source) == 1
    with pytest.raises(VisualizationError, match="oh"):
        next(source)


def test_what_never_comes_is_given_up():
    never = threading.Event()

    def wait():
        never.wait()
        yield 1

    with pytest.raises(TimeoutError, match="no progress"):
        next(with_deadline(wait(), 0.01))
    never.set()
