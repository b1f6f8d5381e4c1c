from __future__ import annotations

import logging

import pytest

from multimeter.delivery.incident_log import IncidentLog


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def incidents(clock, caplog):
    caplog.set_level(logging.INFO, "multimeter")
    return IncidentLog(clock)


def test_a_trouble_is_said_once_and_once_again_when_it_is_over(incidents, clock, caplog):
    for _ in range(1_000):
        clock.now += 1
        incidents.open("network", "it is gone")
    incidents.resolve("it is back", "network")
    incidents.resolve("it is back", "network")
    incidents.flush()
    assert caplog.messages == ["it is gone", "it is back"]


def test_another_trouble_is_said_too(incidents, caplog):
    incidents.open("network", "it is gone")
    incidents.open("token", "it is wrong", level=logging.ERROR)
    incidents.flush()
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "ERROR"]


def test_what_comes_and_goes_each_second_is_not_said_each_second(incidents, clock, caplog):
    for _ in range(600):
        clock.now += 0.5
        incidents.open("network", "it is gone")
        clock.now += 0.5
        incidents.resolve("it is back", "network")
    incidents.flush()
    assert len(caplog.messages) <= 2 * 11


def test_what_was_never_said_is_never_over(incidents, caplog):
    incidents.resolve("it is back", "network")
    incidents.flush()
    assert not caplog.messages


def test_nothing_is_said_before_its_time(incidents, caplog):
    incidents.open("network", "it is gone")
    assert not caplog.messages
