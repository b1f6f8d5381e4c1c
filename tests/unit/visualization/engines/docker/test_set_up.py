from __future__ import annotations

import pytest

from multimeter.visualization.engines.docker.set_up import Deadline
from multimeter.visualization.errors import VisualizationError


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def deadline(clock, seconds):
    return Deadline(seconds, clock, clock.sleep)


def test_what_is_so_already_is_not_waited_for(clock):
    deadline(clock, 5).wait("it is there", lambda: True, lambda: pytest.fail("asked"))
    assert clock.now == 100.0


def test_it_returns_as_soon_as_it_is_so(clock):
    deadline(clock, 5).wait("it is there", lambda: clock.now >= 102, lambda: "")
    assert 102 <= clock.now < 102.1


def test_what_takes_too_long_is_given_up_and_named(clock):
    with pytest.raises(VisualizationError) as caught:
        deadline(clock, 5).wait("Grafana answered", lambda: False, lambda: "")
    assert str(caught.value).startswith("It took longer than 5 s until Grafana answered.")
    assert "--timeout" in caught.value.next_step
    assert 105 <= clock.now < 105.1


def test_what_will_never_be_so_is_not_waited_for_to_the_end(clock):
    def failure():
        return "The container ended." if clock.now > 101 else ""

    with pytest.raises(VisualizationError, match="The container ended"):
        deadline(clock, 60).wait("it is there", lambda: False, failure)
    assert clock.now < 102


def test_everything_shares_one_deadline(clock):
    whole = deadline(clock, 5)
    whole.wait("a", lambda: clock.now >= 104, lambda: "")
    with pytest.raises(VisualizationError, match="longer than 5 s until b"):
        whole.wait("b", lambda: False, lambda: "")
    assert clock.now < 105.1


def test_a_failure_is_reported_even_when_it_is_too_late(clock):
    with pytest.raises(VisualizationError, match="It ended"):
        deadline(clock, 0).wait("it is there", lambda: False, lambda: "It ended.")
