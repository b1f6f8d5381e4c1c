from __future__ import annotations

import logging

import pytest

from multimeter.delivery.incident_log import Trouble


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def trouble(clock, caplog):
    caplog.set_level(logging.INFO, "multimeter")
    return Trouble(clock)


def test_a_trouble_is_said_once_and_once_again_when_it_is_over(trouble, clock, caplog):
    for _ in range(1_000):
        clock.now += 1
        trouble.tell("network", "it is gone")
    trouble.over("it is back", "network")
    trouble.over("it is back", "network")
    trouble.say()
    assert caplog.messages == ["it is gone", "it is back"]


def test_another_trouble_is_said_too(trouble, caplog):
    trouble.tell("network", "it is gone")
    trouble.tell("token", "it is wrong", loud=True)
    trouble.say()
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "ERROR"]


def test_what_comes_and_goes_each_second_is_not_said_each_second(trouble, clock, caplog):
    for _ in range(600):
        clock.now += 0.5
        trouble.tell("network", "it is gone")
        clock.now += 0.5
        trouble.over("it is back", "network")
    trouble.say()
    assert len(caplog.messages) <= 2 * 11


def test_what_was_never_said_is_never_over(trouble, caplog):
    trouble.over("it is back", "network")
    trouble.say()
    assert not caplog.messages


def test_nothing_is_said_before_its_time(trouble, caplog):
    trouble.tell("network", "it is gone")
    assert not caplog.messages
