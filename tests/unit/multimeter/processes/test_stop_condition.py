from __future__ import annotations

import os
import signal

import pytest

from multimeter.processes.stop_condition import StopCondition

FOREVER = 60.0


class Process:
    def __init__(self):
        self.pid = os.getpid()
        self.alive = True

    def glance(self):
        pass


@pytest.fixture(params=["pidfd", "no pidfd"])
def process(request, monkeypatch):
    if request.param == "no pidfd":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    return Process()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_nothing_and_ends_the_next_wait(process, number):
    done = []
    with StopCondition(process) as ending:
        os.kill(os.getpid(), number)
        done.append("what came after")
        assert ending.wait(FOREVER)
    assert done


def test_told_twice_it_still_only_ends(process):
    with StopCondition(process) as ending:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert ending.wait()


def test_nobody_tells_and_it_lives_on(process):
    with StopCondition(process) as ending:
        assert not ending.wait(0.0)
        assert not ending.wait(-1.0)


def test_the_signals_are_as_before(process):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopCondition(process):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_process_that_is_gone_ends_it(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    gone = Process()
    gone.alive = False
    with StopCondition(gone) as ending:
        assert ending.wait(0.0)
