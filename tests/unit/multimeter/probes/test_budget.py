from __future__ import annotations

import pytest

from multimeter.probes.process_run import Budget


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        def spend():
            self.now += seconds
            return "done"

        return spend


def test_work_is_done_as_often_as_it_takes_its_share():
    time = Time()
    budget = Budget(0.01, time, time)
    assert budget.spend(time.work(0.5)) == "done"
    time.now = 149.9
    assert budget.spend(time.work(0.5)) is None
    time.now = 150.0
    assert budget.spend(time.work(0.0)) == "done"
    assert budget.spend(time.work(0.0)) == "done"


def test_the_time_that_counts_is_that_of_the_cpu():
    time, cpu = Time(), Time()
    budget = Budget(0.01, time, cpu)
    assert budget.spend(time.work(0.5)) == "done"
    assert budget.spend(cpu.work(0.5)) == "done"
    assert budget.spend(time.work(0.5)) is None


def test_what_is_done_in_any_case_counts_as_well():
    time = Time()
    budget = Budget(0.01, time, time)
    assert budget.spend(time.work(0.5)) == "done"
    assert budget.spend(time.work(0.5), always=True) == "done"
    time.now = 199.9
    assert budget.spend(time.work(0.5)) is None


def test_work_that_fails_counts_as_well():
    time = Time()
    budget = Budget(0.01, time, time)

    def fail():
        time.now += 1
        raise OSError

    with pytest.raises(OSError):
        budget.spend(fail)
    assert budget.spend(time.work(0)) is None
